"""A robot that says what another one said."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from gaitway_deploy.bundle import Bundle
from gaitway_deploy.commands import Random
from gaitway_deploy.drivers.mujoco import MujocoRobot
from gaitway_deploy.drivers.replay import ReplayRobot
from gaitway_deploy.errors import DeployError, EndOfData, RobotError
from gaitway_deploy.policy import Policy
from gaitway_deploy.recorder import FlightRecorder, read_recording
from gaitway_deploy.runtime import Runtime, Status
from gaitway_deploy.safety import SafetyCfg


class Asked:
    """The commands of a recording."""

    def __init__(self, robot: ReplayRobot, commands: np.ndarray):
        self.robot, self.commands = robot, commands

    def read(self, time: float) -> dict[str, np.ndarray]:
        return {"base_velocity": self.commands[self.robot.row]}


def test_the_episode_of_a_bundle_gives_what_it_gave(go2_bundle: Path) -> None:
    bundle = Bundle.open(go2_bundle)
    episode = bundle.episode()
    robot = ReplayRobot(bundle)
    # The sample's episode is no recording of a robot that one should let pass.
    runtime = Runtime(Policy(bundle), robot, SafetyCfg.off(), command=Asked(robot, episode.commands["base_velocity"]))
    seen: list[Status] = []
    report = runtime.run(on_step=seen.append, damp_s=0.0)
    assert report.steps == len(seen) == len(episode)
    np.testing.assert_allclose([status.obs for status in seen], episode.obs, atol=1e-4)
    np.testing.assert_allclose([status.targets for status in seen], episode.targets, atol=1e-5)
    np.testing.assert_array_equal([command.position for command in robot.commands[: len(seen)]], episode.targets)
    assert robot.commands[-1].mode == "damping"
    with pytest.raises(EndOfData):
        robot.read()


def test_a_flight_can_be_flown_again(go2_bundle: Path, tmp_path: Path) -> None:
    bundle = Bundle.open(go2_bundle)
    policy = Policy(bundle)
    path = tmp_path / "flight.npz"
    first = MujocoRobot(bundle)
    fly = Runtime(
        policy,
        first,
        SafetyCfg(soft_start_s=0.4),
        command=Random(bundle.contract, 1),
        recorder=FlightRecorder(bundle.contract, path),
    )

    def tip(status: Status) -> None:
        if status.step == 50:
            first.set_base([0.0, 0.0, 1.0, 0.0])  # turned about, from one reading to the next

    report = fly.run(3.0, on_step=tip, damp_s=0.2)
    assert report.stop is not None
    recording = read_recording(path)
    robot = ReplayRobot(path)
    again = Runtime(
        policy, robot, SafetyCfg(soft_start_s=0.4), command=Asked(robot, recording.arrays["command_base_velocity"])
    )
    seen: list[Status] = []
    replayed = again.run(on_step=seen.append, damp_s=0.0)
    # The same rule stops it at the same time, and until then everything is as it was.
    assert replayed.stop is not None
    assert (replayed.stop.rule, replayed.stop.step) == (report.stop.rule, report.stop.step) == ("imu_jump", 50)
    assert replayed.stop.time == pytest.approx(report.stop.time)
    np.testing.assert_array_equal([status.obs for status in seen], recording.arrays["obs"][: len(seen)])


def test_late_readings_are_replayed_late(go2_bundle: Path, tmp_path: Path) -> None:
    bundle = Bundle.open(go2_bundle)
    path = tmp_path / "flight.npz"
    robot = MujocoRobot(bundle)
    read = robot.read
    robot.read = lambda: dataclasses.replace(read(), time=read().time - 0.1)  # type: ignore[method-assign]
    recorder = FlightRecorder(bundle.contract, path)
    Runtime(Policy(bundle), robot, SafetyCfg(late_frames=None), recorder=recorder).run(1.0, damp_s=0.0)
    report = Runtime(Policy(bundle), ReplayRobot(path)).run(1.0, damp_s=0.0)
    assert report.stop is not None
    assert (report.stop.rule, report.stop.cause) == (
        "late_frames",
        "3 readings in a row were late, the last by 100 ms",
    )


def test_what_cannot_be_played_is_refused(go2_bundle: Path, tmp_path: Path) -> None:
    bundle = Bundle.open(go2_bundle)
    with pytest.raises(DeployError, match="cannot be read"):
        ReplayRobot(tmp_path / "nowhere.npz")
    empty = FlightRecorder(bundle.contract, tmp_path / "empty.npz").save()
    with pytest.raises(RobotError, match="there is nothing in"):
        ReplayRobot(empty)


def test_it_waits_for_nobody(go2_bundle: Path) -> None:
    bundle = Bundle.open(go2_bundle)
    robot = ReplayRobot(bundle)
    assert robot.read().time == robot.clock.now()
    robot.clock.sleep_until(robot.clock.now() + 1.0)
    robot.clock.sleep_until(0.0)  # past: time does not go back
    assert robot.read().time == pytest.approx(1.0)
