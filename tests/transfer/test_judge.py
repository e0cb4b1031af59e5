"""The judge, on traces whose verdict one can work out by hand, and beside the judges that train the policies."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from gaitway.transfer import rotations
from gaitway.transfer.judge import judge, pose_errors, sum_up, total_mass, velocity_errors
from gaitway.transfer.traces import Snapshot, Traces

STEPS = 10


def leaning(angle: float) -> list[float]:
    """A quaternion that leans by an angle about x."""
    return [math.sin(angle / 2), 0.0, 0.0, math.cos(angle / 2)]


# -- rotations --------------------------------------------------------------------------------------


def test_rotations_are_those_of_scipy() -> None:
    rng = np.random.default_rng(0)
    first, second = (Rotation.random(50, rng=rng) for _ in range(2))
    vector = rng.normal(size=(50, 3))
    np.testing.assert_allclose(rotations.rotate(first.as_quat(), vector), first.apply(vector), atol=1e-12)
    back = rotations.rotate_back(first.as_quat(), vector)
    np.testing.assert_allclose(back, first.inv().apply(vector), atol=1e-12)
    product = rotations.multiply(first.as_quat(), second.as_quat())
    np.testing.assert_allclose(Rotation.from_quat(product).as_matrix(), (first * second).as_matrix(), atol=1e-12)
    angle = rotations.angle_between(first.as_quat(), -second.as_quat())
    np.testing.assert_allclose(angle, (first.inv() * second).magnitude(), atol=1e-9)
    tilt = np.arccos(first.as_matrix()[:, 2, 2])
    np.testing.assert_allclose(rotations.tilt(first.as_quat()), tilt, atol=1e-7)


# -- velocity ---------------------------------------------------------------------------------------


def test_a_robot_that_stands_when_told_to_stand_succeeds(go2, make_traces) -> None:
    episodes = judge(go2.contract, make_traces(go2.contract, 3, STEPS))
    assert episodes.success.all()
    assert episodes.cause == ["", "", ""]
    assert episodes.ended.tolist() == [STEPS] * 3


def test_the_mean_error_over_the_episode_decides(go2, make_traces) -> None:
    traces = make_traces(go2.contract, 4, STEPS)
    # The state that a command leads to is the next row: errors of 0.2, 0.3, and 0.5 on the first half alone.
    traces.lin_vel_com[0, 1:, 0] = 0.2
    traces.lin_vel_com[1, 1:, 1] = -0.3
    traces.lin_vel_com[2, 1:6, 0] = 0.5
    traces.ang_vel[3, 1:, 2] = 0.3
    # What came before the first command does not count, nor does the velocity of another point.
    traces.lin_vel_com[:, 0] = 9.0
    traces.lin_vel[:] = 9.0
    episodes = judge(go2.contract, traces)
    np.testing.assert_allclose(episodes.errors["error_lin_vel_m_s"], [0.2, 0.3, 0.25, 0.0], atol=1e-6)
    np.testing.assert_allclose(episodes.errors["error_yaw_rate_rad_s"], [0.0, 0.0, 0.0, 0.3], atol=1e-6)
    assert episodes.success.tolist()[:2] == [True, False]
    assert not episodes.success[3]


def test_velocity_errors_are_those_of_the_task_s_command(go2, make_traces) -> None:
    from gaitway.mdp.commands import VelocityCommand

    rng = np.random.default_rng(1)
    traces = make_traces(go2.contract, 5, STEPS)
    traces.commands["base_velocity"][:] = rng.normal(size=(5, STEPS, 3))
    traces.lin_vel_com[:] = rng.normal(size=(5, STEPS + 1, 3))
    traces.ang_vel[:] = rng.normal(size=(5, STEPS + 1, 3))
    term = VelocityCommand.__new__(VelocityCommand)
    term._error_xy_sum, term._error_yaw_sum, term._step_count = (torch.zeros(5) for _ in range(3))
    for step in range(STEPS):
        proxies = {
            name: SimpleNamespace(torch=torch.tensor(values[:, step + 1]))
            for name, values in (("root_lin_vel_b", traces.lin_vel_com), ("root_ang_vel_b", traces.ang_vel))
        }
        term.robot = SimpleNamespace(data=SimpleNamespace(**proxies))
        term.vel_command_b = torch.tensor(traces.commands["base_velocity"][:, step])
        term._update_metrics()
    ours = velocity_errors(traces, "base_velocity", np.full(5, STEPS))
    for mine, theirs in zip(ours, term.mean_errors(), strict=True):
        np.testing.assert_allclose(mine, theirs.numpy(), rtol=1e-5)


# -- poses ------------------------------------------------------------------------------------------


def test_a_hand_is_judged_where_it_is_at_the_end(franka, make_traces) -> None:
    traces = make_traces(franka.contract, 3, STEPS)
    goal = [0.5, 0.1, 0.3, 0.0, 0.0, 0.0, 1.0]
    traces.commands["ee_pose"][:] = goal
    traces.body_pos[0, -1] = [0.5, 0.1, 0.26]
    traces.body_pos[1, -1] = [0.5, 0.1, 0.24]
    # There in time, but gone at the end.
    traces.body_pos[2, 5] = goal[:3]
    episodes = judge(franka.contract, traces)
    assert episodes.errors["error_position_m"][:2] == pytest.approx([0.04, 0.06], abs=1e-6)
    assert not episodes.success[1:].any()
    if franka.contract.task.success.orientation is None:
        assert episodes.success[0]


def test_pose_errors_are_those_of_the_task_s_judge(franka, make_traces, fake_env) -> None:
    from gaitway.mdp.observations import pose_error

    rng = np.random.default_rng(2)
    count = 20
    traces = make_traces(franka.contract, count, 1)
    quats = [Rotation.random(count, rng=rng).as_quat() for _ in range(3)]
    goal = np.concatenate([rng.normal(size=(count, 3)), quats[0]], axis=1).astype(np.float32)
    traces.commands["ee_pose"][:, 0] = goal
    traces.base_pos[:, 1], traces.quat[:, 1] = rng.normal(size=(count, 3)), quats[1]
    traces.body_pos[:, 1], traces.body_quat[:, 1] = rng.normal(size=(count, 3)), quats[2]
    tensors = {
        "root_pos_w": traces.base_pos[:, 1],
        "root_quat_w": traces.quat[:, 1],
        "body_pos_w": traces.body_pos[:, 1][:, None],
        "body_quat_w": traces.body_quat[:, 1][:, None],
        "command": goal,
    }
    env = fake_env(**{name: torch.tensor(values) for name, values in tensors.items()})
    theirs = pose_error(env, "ee_pose", SimpleNamespace(name="robot", body_ids=[0]))
    for mine, other in zip(pose_errors(traces, "ee_pose", np.ones(count, dtype=int)), theirs, strict=True):
        np.testing.assert_allclose(mine, other.numpy(), atol=2e-5)


# -- failures ---------------------------------------------------------------------------------------


def test_falls_end_an_episode_and_are_told_apart(go2, make_traces) -> None:
    traces = make_traces(go2.contract, 5, STEPS)
    traces.quat[0, 4:] = leaning(1.25)
    traces.contact[1, 6] = 1.5
    traces.joint_pos[2, 3] = np.nan
    # Just not enough.
    traces.quat[3, 4:] = leaning(1.15)
    traces.contact[3, :] = 0.9
    # Bad before the episode began is not the policy's doing.
    traces.contact[4, 0] = 50.0
    episodes = judge(go2.contract, traces)
    assert episodes.cause == ["tilt", "contact", "broken", "", ""]
    assert episodes.ended.tolist() == [4, 6, 3, STEPS, STEPS]
    assert episodes.success.tolist() == [False, False, False, True, True]


def test_a_stop_by_the_runtime_is_a_failure_and_names_its_rule(go2, make_traces) -> None:
    traces = make_traces(go2.contract, 2, STEPS)
    traces.steps[0] = 4
    clip = {"time": 0.0, "rule": "target", "cause": "", "stops": False, "count": 3}
    traces.interventions[0] = [clip, {"time": 0.1, "rule": "tilt", "cause": "", "stops": True, "count": 1}]
    traces.joint_pos[0, 5:] = np.nan
    # What happens after the stop is not looked at.
    traces.contact[0, 5:] = 99.0
    episodes = judge(go2.contract, traces)
    assert episodes.cause == ["stopped: tilt", ""]
    assert episodes.ended.tolist() == [4, STEPS]
    verdict = sum_up(go2, traces, episodes)
    # The tilt rule is nearer than the task's own limit: what it stops would have been a fall.
    assert (verdict.stopped, verdict.falls) == (1, 1)
    assert verdict.interventions == {"target": 3, "tilt": 1}
    assert verdict.failed_episodes == [0]


def test_a_stop_in_the_moment_of_a_fall_is_a_fall(go2, make_traces) -> None:
    traces = make_traces(go2.contract, 1, STEPS)
    traces.steps[0] = 4
    traces.interventions[0] = [{"time": 0.1, "rule": "tilt", "cause": "", "stops": True, "count": 1}]
    traces.quat[0, 4:] = leaning(1.3)
    assert judge(go2.contract, traces).cause == ["tilt"]


# -- effort -----------------------------------------------------------------------------------------


def test_power_and_peak_effort_are_those_of_the_gains(go2, make_traces) -> None:
    contract = go2.contract
    traces = make_traces(contract, 1, STEPS)
    traces.joint_vel[:, :, 0] = 2.0
    traces.targets[:, :, 0] += 0.5
    traces.lin_vel_com[:, :, 0] = 0.1
    effort = 0.5 * contract.stiffness[0] - 2.0 * contract.damping[0]
    episodes = judge(contract, traces)
    assert episodes.power[0] == pytest.approx(2.0 * effort, rel=1e-5)
    assert episodes.peak_effort[0] == pytest.approx(effort / contract.effort_limit[0], rel=1e-5)
    assert episodes.distance[0] == pytest.approx(0.1 * STEPS * contract.control_dt, rel=1e-5)
    # Power by weight and speed: P / (m g v).
    traces.lin_vel_com[:, :, 0] = 2.0
    verdict = sum_up(go2, traces, judge(contract, traces))
    assert verdict.cost_of_transport == pytest.approx(2.0 * effort / (total_mass(go2) * 9.81 * 2.0), rel=1e-4)


def test_effort_beyond_the_limit_is_counted_but_gives_no_power(go2, make_traces) -> None:
    contract = go2.contract
    traces = make_traces(contract, 1, STEPS)
    traces.joint_vel[:, :, 0] = 2.0
    traces.targets[:, 3, 0] += 100.0
    episodes = judge(contract, traces)
    assert episodes.peak_effort[0] > 10.0
    idle = 2.0 * 2.0 * contract.damping[0]
    assert episodes.power[0] == pytest.approx((2.0 * contract.effort_limit[0] + 9 * idle) / 10, rel=1e-4)


def test_the_mass_is_the_robot_s(go2) -> None:
    assert total_mass(go2) == pytest.approx(16.1, abs=0.2)


# -- traces -----------------------------------------------------------------------------------------


def test_traces_come_back_as_they_were_written(go2, make_traces, tmp_path) -> None:
    traces = make_traces(go2.contract, 2, STEPS)
    state = Snapshot(**{name: getattr(traces, name)[:, 0] + 1 for name in Snapshot.__dataclass_fields__})
    traces.note(state, 3)
    traces.interventions[1] = [{"time": 0.1, "rule": "tilt", "cause": "x", "stops": True, "count": 1}]
    traces.save(tmp_path / "a.npz")
    back = Traces.load(tmp_path / "a.npz")
    for name in Traces.__dataclass_fields__:
        mine, theirs = getattr(traces, name), getattr(back, name)
        if name == "commands":
            assert mine.keys() == theirs.keys()
            mine, theirs = mine["base_velocity"], theirs["base_velocity"]
        if isinstance(mine, np.ndarray):
            np.testing.assert_array_equal(mine, theirs)
        else:
            assert mine == theirs
    assert (back.base_pos[:, 3] == 1).all()
    assert (back.base_pos[:, 4] == 0).all()
