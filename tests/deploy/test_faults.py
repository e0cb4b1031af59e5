"""What goes wrong on a robot, provoked in the simulated one: it damps within two control periods, and says why."""

from __future__ import annotations

import dataclasses
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gaitway_deploy.bundle import Bundle
from gaitway_deploy.commands import Constant, Keyboard, Random
from gaitway_deploy.drivers.mujoco import MujocoRobot
from gaitway_deploy.errors import RobotError
from gaitway_deploy.policy import Policy
from gaitway_deploy.runtime import Runtime
from gaitway_deploy.safety import SafetyCfg
from gaitway_deploy.state import JointCommand, RobotState

PERIODS = 2
"""Control periods after which a robot must damp."""
SOFT_START_S = 0.5
"""Shorter than the default: the tests are about what comes after it."""


class Rig:
    """A simulated robot, a policy and commands, with a place in each where something can go wrong."""

    def __init__(self, path: Path, **options: Any):
        bundle = Bundle.open(path)
        self.contract = bundle.contract
        self.robot = MujocoRobot(bundle, **options)
        self.clock = self.robot.clock
        self.told: list[tuple[float, JointCommand]] = []
        """When the motors were told what."""
        self.on_read: Callable[[RobotState], RobotState] = lambda state: state
        self.on_write: Callable[[JointCommand], Any] = lambda command: None
        self.on_act: Callable[[np.ndarray], np.ndarray] = lambda actions: actions
        self.on_command: Callable[[Any], Any] = lambda values: values
        self._policy = Policy(bundle)
        self._commands = Random(bundle.contract, 0)
        self.initial_state = self._policy.initial_state

    # What the runtime takes for a robot, a policy and a source of commands.

    def read(self) -> Any:
        return self.on_read(self.robot.read())

    def write(self, command: JointCommand) -> None:
        self.on_write(command)
        self.told.append((self.clock.now(), command))
        self.robot.write(command)

    def __call__(self, obs: np.ndarray, state: Any) -> Any:
        actions, state = self._policy(obs, state)
        return self.on_act(actions), state


class Source:
    """The rig's commands."""

    def __init__(self, rig: Rig):
        self.rig = rig

    def read(self, time: float) -> Any:
        return self.rig.on_command(self.rig._commands.read(time))


def make_runtime(rig: Rig, **rules: Any) -> Runtime:
    return Runtime(rig, rig, SafetyCfg(**{"soft_start_s": SOFT_START_S, **rules}), command=Source(rig))  # type: ignore[arg-type]


def provoke(rig: Rig, runtime: Runtime, make_fault: Callable[[Rig], Callable[[int], Any]]) -> float:
    """Run a robot for a second, and then for more than half of one with a fault; when that began."""
    before = round(1.0 / rig.contract.control_dt)
    began, fault = math.nan, None
    runtime.start()
    for period in range(before + round(0.6 / rig.contract.control_dt)):
        if period == before:
            assert (runtime.stop, runtime.mode) == (None, "policy")
            began, fault = rig.clock.now(), make_fault(rig)
        if fault is not None:
            fault(period - before)
        runtime.step()
        rig.clock.sleep_until(round((period + 1) * rig.contract.control_dt, 9))
    return began


# -- the faults ---------------------------------------------------------------------------------------


def change(rig: Rig, **values: Callable[[RobotState], Any]) -> None:
    """From now on, what the robot says is another thing."""
    rig.on_read = lambda state: dataclasses.replace(state, **{name: make(state) for name, make in values.items()})


def once(do: Callable[[Rig], Any]) -> Callable[[Rig], Callable[[int], Any]]:
    """A fault that happens once."""
    return lambda rig: lambda period: do(rig) if period == 0 else None


def freeze_time(rig: Rig) -> None:
    frozen = rig.robot.read()
    rig.on_read = lambda state: frozen


def freeze_values(rig: Rig) -> None:
    rig.robot.set_joints(joint_vel=np.full(12, 1.0))
    frozen = rig.robot.read()
    rig.on_read = lambda state: dataclasses.replace(frozen, time=state.time)


def freeze_imu(rig: Rig) -> None:
    frozen = rig.robot.read().quat
    change(rig, quat=lambda state: frozen, ang_vel=lambda state: np.array([0.0, 0.0, 1.0]))


def with_nan(name: str) -> Callable[[Rig], None]:
    def put(state: RobotState) -> Any:
        value = np.array(getattr(state, name), dtype=float)
        value.flat[-1] = np.nan
        return value if value.ndim else float(value)

    return lambda rig: change(rig, **{name: put})


def grow_late(rig: Rig) -> Callable[[int], None]:
    """A queue that builds up: what is read is ever older, though ever newer than what was read before."""
    # The last three are late, by more than two control periods.
    ages = [0.015, 0.03, 0.045, 0.06, 0.075]
    kept = {"period": 0}
    rig.on_read = lambda state: dataclasses.replace(state, time=state.time - ages[min(kept["period"], 4)])

    def fault(period: int) -> None:
        kept["period"] = period

    return fault


def pause(rig: Rig, seconds: float = 0.05) -> None:
    """The computer does something else: the robot goes on, the loop does not."""
    rig.clock.sleep_until(rig.clock.now() + seconds)


def pause_in(place: str) -> Callable[[Rig], None]:
    def put(rig: Rig) -> None:
        def late(value: Any) -> Any:
            setattr(rig, place, lambda later: later)
            pause(rig)
            return value

        setattr(rig, place, late)

    return put


def flip_imu(rig: Rig) -> None:
    change(rig, quat=lambda state: np.array([state.quat[3], state.quat[2], -state.quat[1], -state.quat[0]]))


def push_joint(rig: Rig) -> None:
    low, high = rig.contract.pos_limits[2]
    joints = rig.robot.truth().joint_pos.copy()
    joints[2] = high + 0.1 * (high - low)
    rig.robot.set_joints(joint_pos=joints)


def spin_joint(rig: Rig) -> None:
    speeds = rig.robot.truth().joint_vel.copy()
    speeds[4] = -2.5 * rig.contract.vel_limit[4]
    rig.robot.set_joints(joint_vel=speeds)


def fall_over(rig: Rig) -> Callable[[int], None]:
    """In steps too small for the rule of jumps; the third is beyond the rule of tilts."""

    def fault(period: int) -> None:
        roll = 0.4 * min(period + 1, 3)
        rig.robot.set_base([math.sin(roll / 2), 0.0, 0.0, math.cos(roll / 2)])

    return fault


def fail(error: BaseException) -> Callable[[Any], Any]:
    def raise_it(value: Any) -> Any:
        raise error

    return raise_it


def fail_once(rig: Rig) -> None:
    """A bus that loses one message."""

    def lose(command: JointCommand) -> None:
        rig.on_write = lambda later: None
        raise OSError("the bus is down")

    rig.on_write = lose


@dataclasses.dataclass
class Fault:
    """Something that goes wrong, and what is said of it."""

    rule: str
    cause: str
    """Words of the cause."""
    make: Callable[[Rig], Callable[[int], Any]]
    """Prepares it; what it returns is called before each period from the first with the fault on."""
    begins: int = 0
    """Periods until it is really there."""


FAULTS = {
    "readings whose time stands still": Fault("frozen_periods", "has not changed its time", once(freeze_time)),
    "readings whose values stand still": Fault("frozen_periods", "joints move, their positions", once(freeze_values)),
    "orientation that stands still": Fault("frozen_periods", "the base turns", once(freeze_imu)),
    "NaN joint position": Fault("nan", "joint_pos", once(with_nan("joint_pos"))),
    "NaN joint velocity": Fault("nan", "joint_vel", once(with_nan("joint_vel"))),
    "NaN orientation": Fault("nan", "quat", once(with_nan("quat"))),
    "NaN gyroscope": Fault("nan", "ang_vel", once(with_nan("ang_vel"))),
    "NaN time": Fault("nan", "time", once(with_nan("time"))),
    "three late readings": Fault("late_frames", "3 readings in a row were late", grow_late, begins=2),
    "clock of another computer": Fault(
        "late_frames",
        "ahead of the clock",
        once(lambda rig: change(rig, time=lambda state: state.time + 1e9)),
    ),
    "pause between two periods": Fault("deadline_s", "behind its schedule", once(pause)),
    "pause of the driver": Fault("deadline_s", "behind its schedule", once(pause_in("on_read"))),
    "pause of the policy": Fault("deadline_s", "took 50", once(pause_in("on_act"))),
    "IMU upside down": Fault("imu_jump", "the IMU turned by 3.", once(flip_imu)),
    "IMU not normalised": Fault(
        "imu_jump",
        "the length 0.5",
        once(lambda rig: change(rig, quat=lambda state: 0.5 * state.quat)),
    ),
    "joint pushed over its limit": Fault("position_margin", "FL_calf_joint is at", once(push_joint)),
    "joint too fast": Fault("velocity_factor", "moves at", lambda rig: lambda period: spin_joint(rig)),
    "robot falls over": Fault("tilt", "the base is tilted by 1.", fall_over, begins=2),
    "NaN command": Fault(
        "nan",
        "a command is not finite",
        once(lambda rig: setattr(rig, "on_command", lambda values: {"base_velocity": np.full(3, np.nan)})),
    ),
    "NaN from the network": Fault(
        "nan",
        "the network's answer",
        once(lambda rig: setattr(rig, "on_act", lambda actions: np.full_like(actions, np.nan))),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_robot_damps_within_two_control_periods(name: str, go2_bundle: Path) -> None:
    fault = FAULTS[name]
    rig = Rig(go2_bundle)
    runtime = make_runtime(rig)
    began = provoke(rig, runtime, fault.make) + fault.begins * rig.contract.control_dt
    assert runtime.stop is not None
    assert (runtime.stop.rule, runtime.mode) == (fault.rule, "damping")
    assert fault.cause in runtime.stop.cause, runtime.stop.cause
    modes = [(at, command.mode) for at, command in rig.told]
    first = next(i for i, (_, mode) in enumerate(modes) if mode == "damping")
    # During a pause nobody can be told anything but by the motors' own watchdog: it counts from the end of it.
    paused = 0.05 if name.startswith("pause") else 0.0
    assert modes[first][0] - began <= paused + PERIODS * rig.contract.control_dt + 1e-9
    assert modes[first][0] == pytest.approx(runtime.stop.time, abs=paused + 1e-9)
    assert {mode for _, mode in modes[first:]} == {"damping"}, "a stop that does not latch"
    assert len(modes) - first > 20
    for _, command in rig.told[first:]:
        assert not command.stiffness.any()
        assert (command.damping > 0.0).all()


@pytest.mark.parametrize("name", [name for name in FAULTS if not name.startswith("NaN")])
def test_it_is_this_rule_that_sees_it(name: str, go2_bundle: Path) -> None:
    """With the rule off, another one may see the fault, or none."""
    rule = FAULTS[name].rule
    rig = Rig(go2_bundle)
    runtime = make_runtime(rig, **{rule: None})
    provoke(rig, runtime, FAULTS[name].make)
    assert rule not in [item.rule for item in runtime.interventions]


@pytest.mark.parametrize(
    ("place", "error", "rule"),
    [
        ("on_read", OSError("no such device"), "robot"),
        ("on_act", ValueError("no such shape"), "policy"),
        ("on_command", ValueError("no such key"), "command"),
        ("on_write", None, "robot"),
    ],
)
def test_whatever_raises_ends_in_damping(place: str, error: Exception | None, rule: str, go2_bundle: Path) -> None:
    rig = Rig(go2_bundle)
    runtime = make_runtime(rig)
    runtime.start()
    while runtime.mode != "policy":
        runtime.step()
        rig.clock.sleep_until(rig.clock.now() + rig.contract.control_dt)
    if error is None:
        fail_once(rig)
    else:
        setattr(rig, place, fail(error))
    with pytest.raises(Exception, match=r"no such|the bus is down"):
        runtime.step()
    assert runtime.mode == "damping"
    assert rig.told[-1][1].mode == "damping"
    assert runtime.stop is not None
    assert runtime.stop.rule == rule
    assert "no such" in runtime.stop.cause or "the bus is down" in runtime.stop.cause
    rig.on_read = fail(OSError("still none"))
    runtime.step()  # a robot that damps need not be read
    assert rig.told[-1][1].mode == "damping"


def test_a_run_that_fails_at_its_first_reading_damps(go2_bundle: Path) -> None:
    rig = Rig(go2_bundle)
    change(rig, joint_names=lambda state: state.joint_names[:-1], joint_pos=lambda state: state.joint_pos[:-1])
    runtime = make_runtime(rig)
    with pytest.raises(RobotError, match="RR_calf_joint"):
        runtime.run(1.0)
    assert runtime.mode == "damping"
    assert {command.mode for _, command in rig.told} == {"damping"}
    with_nan("joint_pos")(rig)
    report = runtime.run(1.0, damp_s=0.2)
    assert report.stop is not None
    assert (report.stop.rule, report.steps) == ("nan", 0)
    assert {command.mode for _, command in rig.told} == {"damping"}


def test_silent_commands_stop_the_robot(go2_bundle: Path) -> None:
    rig = Rig(go2_bundle)
    runtime = make_runtime(rig, command_timeout_s=0.2)
    began = provoke(rig, runtime, once(lambda rig: setattr(rig, "on_command", lambda values: None)))
    assert runtime.stop is not None
    assert runtime.stop.rule == "command_timeout_s"
    assert "silent for 0.2" in runtime.stop.cause
    # Half a second by default: what is lost on the radio for less is not missed.
    assert runtime.stop.time - began == pytest.approx(0.2, abs=PERIODS * rig.contract.control_dt)
    assert SafetyCfg().command_timeout_s == 0.5


# -- what limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "joint", "cause"),
    [
        ("target_margin", 2, "beyond the joint's limits"),
        ("target_rate", 0, "changed by"),
        ("effort_factor", 1, "asked"),
    ],
)
def test_targets_are_limited_and_the_policy_goes_on(rule: str, joint: int, cause: str, go2_bundle: Path) -> None:
    rig = Rig(go2_bundle)
    # One rule alone, and numbers at which a robot in simulation meets it without falling.
    rules: dict[str, float | None] = dict.fromkeys(("target_margin", "target_rate", "effort_factor"))
    rules[rule] = {"target_margin": 0.0, "target_rate": 0.2, "effort_factor": 0.3}[rule]
    runtime = make_runtime(rig, **rules)
    size = {"target_margin": 20.0, "target_rate": 2.0, "effort_factor": 3.0}[rule]

    def much(actions: np.ndarray) -> np.ndarray:
        rig.on_act = lambda later: later
        asked = np.zeros_like(actions)
        asked[joint] = size
        return asked

    told: list[np.ndarray] = []
    readings: list[RobotState] = []

    def keep(state: RobotState) -> RobotState:
        readings.append(state)
        return state

    def fault(period: int) -> None:
        if period == 0:
            rig.on_act, rig.on_read = much, keep
        if period <= 1:
            told.append(rig.told[-1][1].position.copy())

    provoke(rig, runtime, lambda rig: fault)
    contract = rig.contract
    assert rule in [item.rule for item in runtime.interventions]
    item = next(item for item in runtime.interventions if item.rule == rule)
    assert not item.stops
    assert cause in item.cause
    assert contract.joint_names[joint] in item.cause
    before, sent = told
    if rule == "target_margin":
        assert sent[joint] == contract.pos_limits[joint, 1]
    elif rule == "target_rate":
        assert sent[joint] - before[joint] == pytest.approx(0.2 * contract.vel_limit[joint] * contract.control_dt)
    else:
        q, qd = readings[0].joint_pos[joint], readings[0].joint_vel[joint]
        asked = contract.stiffness[joint] * (sent[joint] - q) - contract.damping[joint] * qd
        assert asked == pytest.approx(0.3 * contract.effort_limit[joint])


# -- the emergency stop -------------------------------------------------------------------------------


def test_the_emergency_stop_by_code(go2_bundle: Path) -> None:
    rig = Rig(go2_bundle)
    runtime = make_runtime(rig)
    began = provoke(rig, runtime, once(lambda rig: runtime.emergency_stop("the red button")))
    assert runtime.stop is not None
    assert (runtime.stop.rule, runtime.stop.cause) == ("emergency_stop", "the red button")
    assert runtime.stop.time == began
    runtime.emergency_stop("pressed again")  # and held: it is not forgotten when somebody starts anew
    runtime.start()
    assert runtime.step().mode == "damping"
    runtime.start()
    assert runtime.step().mode == "soft_start"


def test_the_emergency_stop_by_signal(go2_bundle: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        rig = Rig(go2_bundle)
        before = signal.getsignal(number)
        sent: list[float] = []

        def send(status: Any, number: int = number, sent: list[float] = sent) -> None:
            if status.step == 10 and not sent:
                sent.append(status.time)
                os.kill(os.getpid(), number)

        report = make_runtime(rig).run(5.0, on_step=send, damp_s=0.2)
        assert report.stop is not None
        assert report.stop.rule == "emergency_stop"
        assert report.stop.cause == f"signal {number.name}"
        assert report.stop.time - sent[0] <= PERIODS * rig.contract.control_dt
        assert signal.getsignal(number) == before


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The far end of a terminal that is standard input."""
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "r") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield ours
    os.close(ours)


def test_the_emergency_stop_by_key(go2_bundle: Path, terminal: int) -> None:
    bundle = Bundle.open(go2_bundle)
    keyboard = Keyboard(bundle.contract)
    try:
        robot = MujocoRobot(bundle)
        runtime = Runtime(Policy(bundle), robot, SafetyCfg(soft_start_s=SOFT_START_S), command=keyboard)
        os.write(terminal, b"w")
        pressed = 0

        def press(status: Any) -> None:
            nonlocal pressed
            if status.step == 5:
                os.write(terminal, b"x")
                pressed = status.step
                while not keyboard._stopped:  # the thread that listens is another one
                    time.sleep(1e-3)

        report = runtime.run(20.0, on_step=press, damp_s=0.2)
    finally:
        keyboard.close()
    assert report.stop is not None
    assert (report.stop.rule, report.stop.cause) == ("emergency_stop", "key of the emergency stop")
    assert report.stop.step - pressed <= 1


# -- in real time -------------------------------------------------------------------------------------


def test_a_pause_in_real_time(go2_bundle: Path) -> None:
    rig = Rig(go2_bundle, realtime=True)
    ended: list[float] = []

    def sleep(status: Any) -> None:
        if status.step == 10 and status.mode == "policy":
            time.sleep(0.05)
            ended.append(rig.clock.now())

    report = make_runtime(rig).run(3.0, on_step=sleep, damp_s=0.1)
    # On a machine that has too much to do, a deadline may be missed before the pause: the rule is right about that too.
    assert report.stop is not None
    assert report.stop.rule == "deadline_s"
    first = next(i for i, (_, command) in enumerate(rig.told) if command.mode == "damping")
    assert {command.mode for _, command in rig.told[first:]} == {"damping"}
    if ended:
        # The scheduler may keep the process waiting between the end of the pause and the next line.
        slack = 0.25
        assert rig.told[first][0] - ended[0] <= PERIODS * rig.contract.control_dt + slack


# -- no false alarms ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1])
def test_a_minute_with_noise_and_random_commands_is_left_alone(seed: int, go2_bundle: Path) -> None:
    rig = Rig(go2_bundle, seed=seed, noise=True)
    report = Runtime(Policy(Bundle.open(go2_bundle)), rig, command=Random(rig.contract, seed)).run(60.0)
    assert report.interventions == []
    assert report.steps == 2900  # the soft start takes 2 s of it


def test_a_robot_at_rest_that_says_no_noise_is_not_frozen(franka_bundle: Path) -> None:
    """Joints that stand still say so to the last bit, for as long as they like."""
    bundle = Bundle.open(franka_bundle)
    robot = MujocoRobot(bundle, noise=False)
    policy: Any = Policy(bundle)
    still = lambda obs, state: (np.zeros(8, np.float32), state)  # noqa: E731
    runtime = Runtime(policy, robot, command=Constant(bundle.contract))
    runtime.policy = type("Still", (), {"__call__": staticmethod(still), "initial_state": policy.initial_state})()
    assert runtime.run(10.0).stop is None
