"""The loop: when it asks the policy, how it starts and ends, and that nothing of how a robot is read changes it."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gc
import io
import math
import signal
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaitway_deploy.bundle import Bundle
from gaitway_deploy.commands import Random
from gaitway_deploy.drivers.mujoco import MujocoRobot
from gaitway_deploy.errors import DeployError
from gaitway_deploy.policy import Policy
from gaitway_deploy.recorder import FlightRecorder, read_recording
from gaitway_deploy.runtime import Runtime, Status
from gaitway_deploy.safety import SafetyCfg
from gaitway_deploy.state import JointCommand, RobotState
from gaitway_deploy.verification import verify_bundle

QUICK = SafetyCfg(soft_start_s=0.4)


@pytest.fixture(scope="module")
def bundle(make_go2_bundle: Any, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A policy with history and a memory, to which nothing may happen twice."""
    path = make_go2_bundle(tmp_path_factory.mktemp("bundle") / "memory", history=4, recurrent=True)
    return Bundle.open(path)


@pytest.fixture(scope="module")
def policy(bundle: Bundle) -> Policy:
    return Policy(bundle)


class Permuted:
    """A robot whose joints come in another order, among others that the policy does not know."""

    def __init__(self, robot: MujocoRobot, order: Sequence[int], lists: bool):
        self.robot, self.clock, self.order, self.lists = robot, robot.clock, np.array(order), lists

    def read(self) -> RobotState:
        state = self.robot.read()
        names = ["gripper", *(state.joint_names[i] for i in self.order), "tail"]

        def among(values: np.ndarray) -> np.ndarray:
            return np.concatenate([[7.0], values[self.order], [-7.0]])

        return dataclasses.replace(
            state,
            joint_names=names if self.lists else tuple(names),
            joint_pos=among(state.joint_pos),
            joint_vel=among(state.joint_vel),
        )

    def write(self, command: JointCommand) -> None:
        """As motors on a bus are written to: each by its name."""
        by_name = [{name: getattr(command, part)[i] for i, name in enumerate(command.joint_names)} for part in PARTS]
        names = [command.joint_names[i] for i in self.order]
        arrays = {part: np.array([values[name] for name in names]) for part, values in zip(PARTS, by_name, strict=True)}
        self.robot.write(dataclasses.replace(command, joint_names=tuple(names), **arrays))


PARTS = ("position", "velocity", "effort", "stiffness", "damping")


@dataclasses.dataclass
class Walk:
    """What a policy saw and answered, step by step."""

    obs: np.ndarray
    targets: np.ndarray
    truth: np.ndarray


def walk(bundle: Bundle, policy: Policy, wrap: Any = lambda robot: robot, rate_multiple: int = 1) -> Walk:
    robot = MujocoRobot(bundle, noise=False)
    runtime = Runtime(policy, wrap(robot), QUICK, command=Random(bundle.contract, 3), rate_multiple=rate_multiple)
    seen: list[Status] = []
    truth: list[np.ndarray] = []

    def keep(status: Status) -> None:
        if status.mode == "policy" and status.step > len(seen):
            seen.append(status)
            truth.append(np.concatenate([robot.truth().base_pos, robot.truth().joint_pos]))

    report = runtime.run(1.5, on_step=keep, damp_s=0.1)
    assert report.stop is None
    assert len(seen) == report.steps == 55
    return Walk(np.array([s.obs for s in seen]), np.array([s.targets for s in seen]), np.array(truth))


@pytest.fixture(scope="module")
def plain(bundle: Bundle, policy: Policy) -> Walk:
    return walk(bundle, policy)


@given(rate_multiple=st.integers(2, 12))
@settings(max_examples=6, deadline=None, derandomize=True)
def test_reading_at_another_rate_changes_nothing(bundle: Any, policy: Any, plain: Walk, rate_multiple: int) -> None:
    other = walk(bundle, policy, rate_multiple=rate_multiple)
    np.testing.assert_array_equal(other.obs, plain.obs)
    np.testing.assert_array_equal(other.targets, plain.targets)
    np.testing.assert_array_equal(other.truth, plain.truth)


def test_random_commands_are_the_same_however_often_one_listens(bundle: Bundle) -> None:
    slow, quick = Random(bundle.contract, 5), Random(bundle.contract, 5)
    for step in range(5000):  # 100 s
        for tick in range(3):
            heard = quick.read((step - 1 + (tick + 1) / 3) * 0.02) if step else quick.read(0.0)
        np.testing.assert_array_equal(heard["base_velocity"], slow.read(step * 0.02)["base_velocity"])


@given(order=st.permutations(range(12)), lists=st.booleans())
@settings(max_examples=6, deadline=None, derandomize=True)
def test_the_order_of_the_robots_joints_changes_nothing(
    bundle: Any, policy: Any, plain: Walk, order: list[int], lists: bool
) -> None:
    other = walk(bundle, policy, functools.partial(Permuted, order=order, lists=lists))
    np.testing.assert_array_equal(other.obs, plain.obs)
    np.testing.assert_array_equal(other.targets, plain.targets)
    np.testing.assert_array_equal(other.truth, plain.truth)


def test_relative_targets_count_from_the_joints_by_name(make_go2_bundle: Any, tmp_path: Path) -> None:
    """They are as far from where the joints are as the policy says, in whatever order the robot lists them."""
    bundle = Bundle.open(make_go2_bundle(tmp_path / "relative", relative=True))
    policy = Policy(bundle)
    verify_bundle(bundle)
    plain = walk(bundle, policy)
    other = walk(bundle, policy, functools.partial(Permuted, order=range(11, -1, -1), lists=True))
    np.testing.assert_array_equal(other.targets, plain.targets)
    contract = bundle.contract
    joint_pos = next(term for term in contract.observations if term.kind == "joint_pos")
    measured = plain.obs[:, joint_pos.start : joint_pos.stop] + contract.default_pos
    assert np.ptp(measured, axis=0).max() > 0.1
    actions = np.array([policy(obs, ())[0] for obs in plain.obs])
    asked = np.clip(measured + 0.25 * actions, *contract.pos_limits.T)
    np.testing.assert_allclose(plain.targets, asked, rtol=0.0, atol=1e-5)


def test_the_soft_start_leads_to_the_default_pose(bundle: Bundle, policy: Policy) -> None:
    contract = bundle.contract
    robot = MujocoRobot(bundle)
    begin = np.clip(contract.default_pos + 0.4, contract.pos_limits[:, 0], contract.pos_limits[:, 1])
    robot.reset(begin)
    told: list[tuple[str, JointCommand]] = []
    write = robot.write
    robot.write = lambda command: (told.append((command.mode, command)), write(command))[1]  # type: ignore[method-assign]
    runtime = Runtime(policy, robot, SafetyCfg(soft_start_s=1.0, soft_start_speed=0.5))
    first: list[Status] = []
    runtime.run(2.0, on_step=lambda status: first.append(status) if status.step == 1 and not first else None)
    start = [command for mode, command in told if mode == "soft_start"]
    assert len(start) == 50
    positions = np.array([command.position for command in start])
    # From where the joints were found (as the sensors say), in a steady movement, to the default pose.
    assert positions[0] == pytest.approx(begin, abs=0.02)
    assert positions[-1] == pytest.approx(contract.default_pos, abs=0.01)
    speeds = np.abs(np.diff(positions, axis=0)) / contract.control_dt
    assert (speeds <= 0.5 * contract.vel_limit).all()
    assert speeds.max() == pytest.approx(0.5 * math.pi * np.abs(begin - contract.default_pos).max() / 1.0, rel=0.05)
    stiffness = np.array([command.stiffness / contract.stiffness for command in start])
    assert stiffness[0] == pytest.approx(0.2)
    assert (np.diff(stiffness[:, 0]) >= 0.0).all()
    assert stiffness[25:] == pytest.approx(1.0)
    # What the policy sees first is all of one moment.
    (status,) = first
    for term in contract.observations:
        frames = status.obs[term.start : term.stop].reshape(term.history.length, term.width)
        np.testing.assert_array_equal(frames, np.broadcast_to(frames[-1], frames.shape))


def test_it_starts_anew_as_if_nothing_had_been(bundle: Bundle, policy: Policy) -> None:
    robot = MujocoRobot(bundle, noise=False)
    runtime = Runtime(policy, robot, QUICK)
    rows = []
    for _ in range(2):
        robot.reset()
        seen: list[np.ndarray] = []
        runtime.run(1.0, on_step=lambda status, seen=seen: seen.append(status.obs), damp_s=0.1)
        rows.append(np.array(seen))
    np.testing.assert_array_equal(rows[0], rows[1])


def test_a_run_leaves_things_as_they_were(bundle: Bundle, policy: Policy) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    robot = MujocoRobot(bundle)
    runtime = Runtime(policy, robot, QUICK)
    told: list[str] = []
    write = robot.write
    robot.write = lambda command: (told.append(command.mode), write(command))[1]  # type: ignore[method-assign]
    collecting: list[bool] = []
    report = runtime.run(1.0, on_step=lambda status: collecting.append(gc.isenabled()), damp_s=0.2)
    assert not any(collecting)
    assert gc.isenabled()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
    assert (report.steps, report.periods, len(report.lateness)) == (30, 50, 50)
    assert report.seconds == pytest.approx(1.2)
    assert told[-10:] == ["damping"] * 10
    assert told[-11] == "policy"

    def fail(status: Status) -> None:
        raise ValueError("no screen")

    with pytest.raises(ValueError, match="no screen"):
        runtime.run(1.0, on_step=fail)
    assert told[-1] == runtime.mode == "damping"
    assert gc.isenabled()


def test_interventions_add_up(bundle: Bundle, policy: Policy) -> None:
    class Loud:
        """Shouts ever louder."""

        contract = policy.contract
        initial_state = policy.initial_state

        def __init__(self) -> None:
            self.step = 0

        def __call__(self, obs: np.ndarray, state: Any) -> Any:
            self.step += 1
            return np.full(12, 20.0 + (self.step == 3), np.float32), state

    # Nothing but the rule, or the robot would soon be stopped.
    cfg = dataclasses.replace(SafetyCfg.off(), target_margin=0.0)
    runtime = Runtime(Loud(), MujocoRobot(bundle), cfg)  # type: ignore[arg-type]
    runtime.run(0.1, damp_s=0.0)
    (item,) = runtime.interventions
    assert (item.rule, item.stops, item.count, item.step, item.time) == ("target_margin", False, 5, 0, 0.0)
    assert item.last_time == pytest.approx(0.08)
    action = bundle.contract.actions[0]
    worst = action.offset + 21.0 * action.scale - bundle.contract.pos_limits[:, 1]  # type: ignore[operator]
    assert item.worst == pytest.approx(worst.max())
    assert f"{(action.offset + 21.0 * action.scale)[worst.argmax()]:.3f}" in item.cause  # type: ignore[operator]


def test_impossible_rates_are_refused(bundle: Bundle, policy: Policy) -> None:
    for rate in (0, -1, 1.5):
        with pytest.raises(DeployError, match="rate_multiple"):
            Runtime(policy, MujocoRobot(bundle), rate_multiple=rate)  # type: ignore[arg-type]


# -- the flight recorder ------------------------------------------------------------------------------


def test_the_recorder_keeps_the_last_seconds_in_order(bundle: Bundle, policy: Policy, tmp_path: Path) -> None:
    robot = MujocoRobot(bundle)
    path = tmp_path / "flights" / "flight.npz"
    recorder = FlightRecorder(bundle.contract, path, seconds=1.0)
    states: list[Status] = []
    runtime = Runtime(policy, robot, QUICK, recorder=recorder)

    def keep(status: Status) -> None:
        states.append(status)
        if status.step == 60:
            runtime.emergency_stop("enough")

    report = runtime.run(5.0, on_step=keep, damp_s=0.5)
    recording = read_recording(path)
    assert len(recording) == 50
    assert np.diff(recording.time) == pytest.approx(bundle.contract.control_dt)
    last = states[-50:]
    np.testing.assert_array_equal(recording.time, [status.time for status in last])
    assert recording.modes == [status.mode for status in last]
    assert set(recording.modes) == {"policy", "damping"}
    # What was said after the stop is kept too, with the reading that stopped it.
    said = np.array([status.state.joint_pos for status in last if status.state is not None])
    np.testing.assert_array_equal(recording.arrays["joint_pos"], said)
    np.testing.assert_array_equal(recording.arrays["obs"], [status.obs for status in last])
    np.testing.assert_array_equal(recording.arrays["stamp"], [status.state.time for status in last if status.state])
    assert report.stop is not None
    assert len(np.unique(recording.arrays["joint_pos"][:, 2])) > 45, "a recording of a robot that sinks stands still"
    (item,) = [item for item in recording.about["interventions"] if item["stops"]]
    assert (item["rule"], item["cause"]) == ("emergency_stop", "enough")
    assert "emergency_stop stopped: enough" in recording.summary()


def test_what_a_robot_did_not_say_is_not_in_the_recording(bundle: Bundle, policy: Policy, tmp_path: Path) -> None:
    robot = MujocoRobot(bundle)
    recorder = FlightRecorder(bundle.contract, tmp_path / "flight.npz", seconds=0.1)
    runtime = Runtime(policy, robot, QUICK, recorder=recorder)
    runtime.start()
    for _ in range(8):  # the ring of 5 is full, and overwritten
        runtime.step()
        robot.clock.sleep_until(robot.clock.now() + 0.02)
    runtime.emergency_stop()
    runtime.step()
    robot.read = lambda: 1 / 0  # type: ignore[method-assign, assignment, return-value]
    runtime.step()
    recording = read_recording(recorder.save())
    for name in ("stamp", "joint_pos", "joint_vel", "quat", "ang_vel", "lin_vel"):
        assert np.isfinite(recording.arrays[name][:-1]).all()
        assert np.isnan(recording.arrays[name][-1]).all()


def test_a_recording_that_is_damaged_is_refused(bundle: Bundle, policy: Policy, tmp_path: Path) -> None:
    path = tmp_path / "flight.npz"
    runtime = Runtime(policy, MujocoRobot(bundle), QUICK, recorder=FlightRecorder(bundle.contract, path, seconds=0.2))
    runtime.run(0.5, damp_s=0.1)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for i in range(300):
        data = bytearray(whole)
        if i % 3 == 0:
            del data[int(rng.integers(len(data))) :]
        else:
            for _ in range(1 + i % 5):
                data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        try:
            read_recording(path).summary()
        except DeployError:  # and nothing else
            refused += 1
    assert refused > 250  # zip does not look at all of its bytes
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    for i in range(300):  # damage that zip cannot see
        hit = list(entries)[i % len(entries)]
        content = bytearray(entries[hit])
        content[int(rng.integers(min(len(content), 120)))] = int(rng.integers(256))
        with zipfile.ZipFile(path, "w") as archive:
            for name, entry in entries.items():
                archive.writestr(name, bytes(content) if name == hit else entry)
        with contextlib.suppress(DeployError):
            read_recording(path).summary()
    np.savez(path, time=np.zeros(3))
    with pytest.raises(DeployError, match="no flight recording"):
        read_recording(path)
    with pytest.raises(DeployError, match="cannot be read"):
        read_recording(tmp_path / "nowhere.npz")


def test_recordings_that_cannot_be_written_are_refused_before_the_flight(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "flight.npz", tmp_path / "flight.csv"):
        with pytest.raises(DeployError, match="flight"):
            FlightRecorder(bundle.contract, path)
