"""Randomisation and late actions as simulators take them, and what a teacher is told of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gaitway import mdp

NUM_ENVS = 32


@pytest.fixture(scope="module", params=["mujoco_cpu", "newton_mjwarp", "ovphysx"])
def env(request, open_env):
    """A Go2 in the air with weak motors that differ, and targets up to two steps late."""

    def edit(cfg: Any) -> None:
        cfg.events.motor_strength.params["scale_range"] = (0.05, 0.1)
        cfg.events.base_mass.params["mass_distribution_params"] = (0.5, 2.0)
        cfg.actions.joint_pos.delay = (0.005, 0.01)

    with open_env("Gaitway-Velocity-Student-Go2", request.param, NUM_ENVS, edit) as made:
        yield made


def term(env: Any, name: str) -> torch.Tensor:
    """What the teacher sees of one term."""
    base = env.unwrapped
    manager = base.observation_manager
    widths = [shape[0] for shape in manager.group_obs_term_dim["teacher"]]
    columns = dict(zip(manager.active_terms["teacher"], base.obs_buf["teacher"].split(widths, dim=-1), strict=True))
    return columns[name]


def test_motors_are_as_strong_as_drawn(env) -> None:
    base = env.unwrapped
    robot = base.scene["robot"]
    nominal = torch.tensor([23.7, 23.7, 45.43] * 4, device=base.device)
    with torch.inference_mode():
        env.reset()
        limits = robot.data.joint_effort_limits.torch
        factor = limits / nominal
        assert factor.min() >= 0.05
        assert factor.max() <= 0.1
        assert factor.std(dim=0).min() > 0.005, "environments differ"
        assert factor.std(dim=1).min() > 0.001, "joints differ"
        torch.testing.assert_close(term(env, "motor_strength"), limits)
        # In the air, at rest; then all motors push as hard as they can against nothing but the legs' inertia.
        pose = robot.data.default_root_pose.torch.clone()
        pose[:, :3] += base.scene.env_origins
        pose[:, 2] += 3.0
        robot.write_root_pose_to_sim_index(root_pose=pose)
        robot.write_root_velocity_to_sim_index(root_velocity=torch.zeros(NUM_ENVS, 6, device=base.device))
        robot.write_joint_position_to_sim_index(position=robot.data.default_joint_pos.torch)
        robot.write_joint_velocity_to_sim_index(velocity=torch.zeros_like(limits))
        action = torch.zeros(NUM_ENVS, 12, device=base.device)
        action[:, 2::3] = -4.0  # calves
        env.step(action)
        speed = robot.data.joint_vel.torch[:, 2::3].abs()
    # Stronger motors are faster, leg by leg: the correlation would be 0 were the limits not those of the simulation.
    for leg in range(4):
        together = torch.corrcoef(torch.stack([speed[:, leg], limits[:, 2 + 3 * leg]]))[0, 1]
        assert together > 0.9, leg


def test_a_teacher_is_told_what_was_drawn(env) -> None:
    base = env.unwrapped
    with torch.inference_mode():
        env.reset()
        lags = base.action_manager.get_term("joint_pos").lags
        assert set(lags.tolist()) == {1, 2}
        torch.testing.assert_close(mdp.action_delay(base, "joint_pos"), lags.unsqueeze(-1) * 0.005)
        torch.testing.assert_close(term(env, "motor_delay"), lags.unsqueeze(-1) * 0.005)
        mass = term(env, "base_mass")
        assert (mass.max() / mass.min()) > 2.0
        friction = term(env, "foot_friction")
    assert friction.shape == (NUM_ENVS, 4)
    assert friction.min() >= 0.4
    assert friction.max() <= 1.2
    assert friction[:, 0].std() > 0.01
    stiffness = term(env, "motor_stiffness")
    assert stiffness.min() >= 0.9 * 25.0 - 1e-3
    assert stiffness.max() <= 1.1 * 25.0 + 1e-3
    assert stiffness.std() > 0.1
