"""What robots on Isaac Lab's engines are made to bear, with a stand-in for the engine."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from gaitway.transfer.conditions import Conditions
from gaitway.transfer.hardships import Hardships
from gaitway.transfer.traces import Snapshot

NOMINAL = Conditions(noise=0.0)


class Robot:
    """Keeps what is written to it."""

    def __init__(self, contract: Any, count: int):
        self.body_names = ["trunk_mount", contract.robot.base_link, "foot"]
        mass = torch.tensor([[1.0, 7.0, 0.5]]).repeat(count, 1)
        self.data = SimpleNamespace(
            body_mass=SimpleNamespace(torch=mass), root_vel_w=SimpleNamespace(torch=torch.ones(count, 6))
        )
        self.written: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        def write(**values: Any) -> None:
            self.written[name] = values

        return write


def bearing(contract: Any, conditions: list[Conditions]) -> tuple[Hardships, Robot]:
    """Hardships that have begun, and the robot that bears them."""
    robot = Robot(contract, len(conditions))
    env = SimpleNamespace(scene={"robot": robot}, device="cpu")
    joints = list(range(len(contract.joint_names)))
    hardships = Hardships(env, contract, joints, conditions, [(0, i) for i in range(len(conditions))])
    hardships.begin()
    return hardships, robot


def test_targets_arrive_later_by_the_latency_alone(go2) -> None:
    contract = go2.contract
    assert contract.timing.physics_dt == 0.005
    hardships, _ = bearing(contract, [NOMINAL, replace(NOMINAL, latency=0.01), replace(NOMINAL, latency=0.03)])
    joints = len(contract.joint_names)
    arrived = np.array([hardships.late(np.full((3, joints), float(step)))[:, 0] for step in range(10)])
    rest = contract.default_pos[0]
    assert arrived[:, 0].tolist() == list(range(10))
    assert arrived[:, 1].tolist() == [rest, rest, *range(8)]
    assert arrived[:, 2].tolist() == [rest] * 6 + list(range(4))


def test_masses_and_motors_are_those_of_each_robot(go2) -> None:
    contract = go2.contract
    _, robot = bearing(contract, [NOMINAL, replace(NOMINAL, added_mass=3.0), replace(NOMINAL, motor_strength=0.5)])
    written = robot.written
    assert written["set_masses_index"]["body_ids"] == [1]
    assert written["set_masses_index"]["masses"].flatten().tolist() == [7.0, 10.0, 7.0]
    factor = np.array([[1.0], [1.0], [0.5]])
    for name, key, nominal in (
        ("write_joint_stiffness_to_sim_index", "stiffness", contract.stiffness),
        ("write_joint_damping_to_sim_index", "damping", contract.damping),
        ("write_joint_effort_limit_to_sim_index", "limits", contract.effort_limit),
    ):
        np.testing.assert_allclose(written[name][key].numpy(), factor * nominal, rtol=1e-6)


def test_pushes_change_the_velocity_of_those_that_are_pushed(go2) -> None:
    hardships, robot = bearing(go2.contract, [NOMINAL, replace(NOMINAL, push=0.7)])
    hardships.push(0)
    assert "write_root_velocity_to_sim_index" not in robot.written
    hardships.push(round(2.0 / go2.contract.control_dt))
    change = robot.written["write_root_velocity_to_sim_index"]["root_velocity"].numpy() - 1.0
    np.testing.assert_allclose(change[0], 0.0, atol=1e-6)
    assert np.linalg.norm(change[1, :2]) == pytest.approx(0.7, rel=1e-5)
    np.testing.assert_allclose(change[1, 2:], 0.0, atol=1e-6)


def test_noise_is_that_of_training_times_a_factor(go2) -> None:
    contract, count = go2.contract, 400
    hardships, _ = bearing(contract, [replace(NOMINAL, noise=2.0)] * count + [NOMINAL])
    zeros = {name: np.zeros((count + 1, 3)) for name in ("ang_vel", "lin_vel", "lin_vel_com", "base_pos", "body_pos")}
    upright = np.tile([0.0, 0.0, 0.0, 1.0], (count + 1, 1))
    truth = Snapshot(
        joint_pos=np.zeros((count + 1, 12)),
        joint_vel=np.zeros((count + 1, 12)),
        quat=upright,
        body_quat=upright,
        contact=np.zeros(count + 1),
        env_failed=np.zeros(count + 1, dtype=bool),
        env_success=np.zeros(count + 1, dtype=bool),
        **zeros,
    )
    seen = hardships.sensed(truth)
    for kind, values in (("joint_pos", seen.joint_pos), ("joint_vel", seen.joint_vel), ("base_ang_vel", seen.ang_vel)):
        noise = next(term.noise for term in contract.observations if term.kind == kind)
        assert noise is not None
        assert (values[-1] == 0.0).all()
        assert values[:-1].max() == pytest.approx(2.0 * noise.high, rel=0.02)
        assert values[:-1].min() == pytest.approx(2.0 * noise.low, rel=0.02)
    # The direction of gravity is off by as much as its noise says, to first order.
    gravity = next(term.noise for term in contract.observations if term.kind == "projected_gravity")
    lean = 2.0 * seen.quat[:-1, :2]
    assert np.abs(lean).max() == pytest.approx(2.0 * gravity.high, rel=0.05)
    np.testing.assert_allclose(np.linalg.norm(seen.quat, axis=1), 1.0, atol=1e-9)
    # What really is the case stays as it was.
    assert (truth.joint_pos == 0.0).all()
