"""The guard: whatever becomes of the policy's process, the robot damps, and a log says why."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gaitway_deploy.bundle import Bundle
from gaitway_deploy.errors import RobotError
from gaitway_deploy.guard import GuardedRobot
from gaitway_deploy.policy import Policy
from gaitway_deploy.runtime import Runtime
from gaitway_deploy.safety import SafetyCfg

PERIODS = 2
"""Control periods of silence after which the guard stops the robot."""
SLACK_S = 0.25
"""How long the scheduler of a loaded machine may keep a process waiting beside that. The guard's own wait is exact."""

# What is imported in the guard's process, and run as the policy's.
DRIVERS = '''
import functools
import json
import os
import signal
import sys
import time

from gaitway_deploy.bundle import Bundle
from gaitway_deploy.commands import Random
from gaitway_deploy.drivers.mujoco import MujocoRobot
from gaitway_deploy.guard import GuardedRobot
from gaitway_deploy.policy import Policy
from gaitway_deploy.runtime import Runtime
from gaitway_deploy.safety import SafetyCfg


class Watched:
    """The simulated robot, in real time, with a file of when its motors were told what."""

    def __init__(self, bundle, log, failing=None):
        self.robot = MujocoRobot(Bundle.open(bundle), realtime=True)
        self.clock = self.robot.clock
        self.log = open(log, "a", buffering=1)
        self.failing = failing
        self.reads = self.writes = 0

    def read(self):
        self.reads += 1
        if self.failing == "read" and self.reads > 5:
            raise OSError("the bus is down")
        return self.robot.read()

    def write(self, command):
        self.writes += 1
        if self.failing == "write" and self.writes == 5:
            raise OSError("the bus is down")
        self.log.write(json.dumps([time.monotonic(), command.mode]) + "\\n")
        self.robot.write(command)

    def close(self):
        self.log.write(json.dumps([time.monotonic(), "closed"]) + "\\n")


def breaks():
    raise ValueError("no such motor")


if __name__ == "__main__":
    bundle, log, motors = sys.argv[1:4]
    policy = Policy.load(bundle)
    robot = GuardedRobot(functools.partial(Watched, bundle, motors), policy.contract, log)
    # The loop's own deadlines are not the matter here.
    safety = SafetyCfg(soft_start_s=0.2, deadline_s=None)
    runtime = Runtime(policy, robot, safety, command=Random(policy.contract))

    def say(status):
        if status.step == 10:
            print("walking", flush=True)
            if sys.argv[4:] == ["hang"]:
                time.sleep(1.0)

    report = runtime.run(20.0, on_step=say)
'''


@pytest.fixture
def drivers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that other processes can import."""
    path = tmp_path / "guarded_drivers.py"
    path.write_text(DRIVERS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, path.stem, raising=False)
    return path


def lines(path: Path) -> list[Any]:
    """The whole lines of a file of JSON."""
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def wait_for(done: Callable[[], Any], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)


class Walk:
    """A policy's process behind a guard, up to its first steps."""

    def __init__(self, bundle: Path, drivers: Path, *words: str):
        self.log, self.motors = drivers.with_name("guard.jsonl"), drivers.with_name("motors.jsonl")
        for path in (self.log, self.motors):
            path.unlink(missing_ok=True)
        command = [sys.executable, str(drivers), str(bundle), str(self.log), str(self.motors), *words]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said == "walking\n", self.process.communicate()[1]

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.mark.parametrize(
    ("number", "words", "cause"),
    [
        (signal.SIGKILL, (), "the policy's process is gone"),
        (signal.SIGSTOP, (), "no command for"),
        (None, ("hang",), "no command for"),
    ],
    ids=["killed", "stopped", "hanging"],
)
def test_the_robot_damps_when_the_policy_is_gone(
    number: signal.Signals | None, words: tuple[str, ...], cause: str, go2_bundle: Path, drivers: Path
) -> None:
    dt = Bundle.open(go2_bundle).contract.control_dt
    for _ in range(3):
        walk = Walk(go2_bundle, drivers, *words)
        too_late = lines(walk.log)
        if number is not None:
            os.kill(walk.process.pid, number)
        # On a machine with too much to do, the policy may fall silent before it is made to: the guard is right then,
        # but that is no answer to the question here.
        if not too_late:
            break
        walk.end()
    else:
        pytest.fail("this machine is too busy for a loop of 50 Hz")
    try:
        wait_for(lambda: lines(walk.log))
        (entry,) = lines(walk.log)
        assert cause in entry["cause"]
        assert entry["silent_s"] <= PERIODS * dt + SLACK_S
        assert entry["damping_after_periods"] == pytest.approx(entry["silent_s"] / dt)
        if cause.startswith("no command"):
            assert entry["silent_s"] >= PERIODS * dt  # and not before its time
        # The motors: told to walk until the fault, and to damp from then on.
        wait_for(lambda: [mode for _, mode in lines(walk.motors)].count("damping") > 10)
        told = lines(walk.motors)
        first = next(i for i, (_, mode) in enumerate(told) if mode == "damping")
        assert told[first][0] - told[first - 1][0] <= PERIODS * dt + SLACK_S
        if number is signal.SIGSTOP:
            os.kill(walk.process.pid, signal.SIGCONT)
        if number is not signal.SIGKILL:  # the policy wakes up, and is told that it is no longer obeyed
            _, errors = walk.process.communicate(timeout=20.0)
            assert "The guard has stopped the robot: no command for" in errors
            wait_for(lambda: lines(walk.motors)[-1][1] == "closed")
        assert {mode for _, mode in lines(walk.motors)[first:]} <= {"damping", "closed"}
        assert len(lines(walk.log)) == 1
    finally:
        walk.end()


def test_signals_to_all_processes_of_a_terminal_do_not_end_the_guard(go2_bundle: Path, drivers: Path) -> None:
    log, motors = drivers.with_name("guard.jsonl"), drivers.with_name("motors.jsonl")
    robot = guarded(go2_bundle, drivers, log, motors)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(robot.process.pid, number)
    assert robot.read().joint_pos.shape == (12,)
    robot.close()
    assert robot.process.exitcode == 0


def guarded(bundle: Path, drivers: Path, log: Path, motors: Path, failing: str | None = None) -> GuardedRobot:
    module = __import__(drivers.stem)
    make = functools.partial(module.Watched, str(bundle), str(motors), failing)
    return GuardedRobot(make, Bundle.open(bundle).contract, log)


def test_it_is_a_driver_like_any_other(go2_bundle: Path, drivers: Path) -> None:
    log, motors = drivers.with_name("guard.jsonl"), drivers.with_name("motors.jsonl")
    robot = guarded(go2_bundle, drivers, log, motors)
    try:
        measured = robot.read().time
        assert 0.0 <= robot.clock.now() - measured < 1.0  # the guard's time is told here
        safety = SafetyCfg(soft_start_s=0.2, deadline_s=None, late_frames=None, frozen_periods=None)
        report = Runtime(Policy.load(go2_bundle), robot, safety).run(0.5, damp_s=0.1)
        assert report.steps > 0
        time.sleep(0.1)  # silence after damping is no fault
    finally:
        robot.close()
    assert [mode for _, mode in lines(motors)][-2:] == ["damping", "closed"]
    if report.stop is None:  # a machine that is too busy for the guard aside
        assert lines(log) == []


@pytest.mark.parametrize("failing", ["read", "write"])
def test_a_driver_that_fails_is_told_to_damp(failing: str, go2_bundle: Path, drivers: Path) -> None:
    log, motors = drivers.with_name("guard.jsonl"), drivers.with_name("motors.jsonl")
    robot = guarded(go2_bundle, drivers, log, motors, failing)
    runtime = Runtime(Policy.load(go2_bundle), robot)
    try:
        with pytest.raises(RobotError, match=f"The guard has stopped the robot: the driver cannot {failing}: OSError"):
            runtime.run(2.0)
    finally:
        robot.close()
    assert "the bus is down" in lines(log)[0]["cause"]
    assert lines(motors)[-2][1] == "damping"
    assert runtime.stop is not None
    assert runtime.stop.rule == "robot"


def test_what_does_not_come_up_says_so(go2_bundle: Path, drivers: Path) -> None:
    module = __import__(drivers.stem)
    contract = Bundle.open(go2_bundle).contract
    with pytest.raises(RobotError, match="ValueError: no such motor"):
        GuardedRobot(module.breaks, contract, drivers.with_name("guard.jsonl"))
    with pytest.raises(RobotError, match="No such file or directory"):
        GuardedRobot(module.breaks, contract, drivers.with_name("nowhere") / "guard.jsonl")
