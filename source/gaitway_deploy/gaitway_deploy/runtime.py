"""The loop that runs a policy on a robot: read, check, observe, infer, decode, limit, write, at a fixed rate."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import math
import signal
import threading
import time as _time
from collections.abc import Callable
from typing import Any

import numpy as np

from .actions import ActionDecoder
from .commands import CommandSource, Constant, EmergencyStop, idle
from .errors import DeployError, EndOfData, RobotError
from .observations import ObservationBuilder
from .policy import Policy
from .recorder import FlightRecorder
from .safety import Finding, Intervention, Safety, SafetyCfg
from .state import Clock, JointCommand, Robot, RobotState, WallClock

SOFT_START, POLICY, DAMPING = "soft_start", "policy", "damping"
JITTER_STEPS = 1_000_000
"""Periods whose timing is kept at most."""


@dataclasses.dataclass
class Status:
    """A loop period, as it went. The arrays are those of the last step of the policy, and are not to be changed."""

    time: float
    """Unit: s."""
    step: int
    """Steps of the policy so far."""
    mode: str
    """``soft_start``, ``policy`` or ``damping``."""
    state: RobotState | None
    """What the robot said; None if it could not be read."""
    obs: np.ndarray
    """Shape is (observations,)."""
    actions: np.ndarray
    """Shape is (actions,)."""
    targets: np.ndarray
    """What the motors were told. Shape is (joints,). Unit: rad or m."""


@dataclasses.dataclass
class Report:
    """How a run went."""

    steps: int
    """Steps of the policy."""
    periods: int
    """Periods of the loop."""
    seconds: float
    stop: Intervention | None
    """What stopped the robot; None if nothing did."""
    interventions: list[Intervention]
    lateness_ms: dict[str, float]
    """How late periods began: ``median``, ``p99``, ``max``. Unit: ms."""
    step_ms: dict[str, float]
    """How long periods took, from reading to writing. Unit: ms."""
    lateness: np.ndarray = dataclasses.field(repr=False, default_factory=lambda: np.zeros(0))
    """Of each period. Unit: s."""


class CommandError(DeployError):
    """The source of commands failed."""


class Runtime:
    """Runs a policy on a robot, within the rules of safety.

    Args:
        policy: The policy.
        robot: The driver.
        safety: The rules; None for the default ones.
        command: What the robot is asked to do; None for all commands at their middle or zero.
        clock: The time to wait by; None for the robot's own ``clock``, else the computer's.
        recorder: Keeps the last minutes.
        rate_multiple: How often the loop reads, checks and writes in a step of the policy.

    Raises:
        DeployError: ``rate_multiple`` is no positive whole number.
    """

    def __init__(
        self,
        policy: Policy,
        robot: Robot,
        safety: SafetyCfg | None = None,
        *,
        command: CommandSource | None = None,
        clock: Clock | None = None,
        recorder: FlightRecorder | None = None,
        rate_multiple: int = 1,
    ):
        if rate_multiple < 1 or rate_multiple != int(rate_multiple):
            raise DeployError(f"rate_multiple {rate_multiple}: must be a whole number of at least 1.")
        self.policy = policy
        self.contract = policy.contract
        self.robot = robot
        self.command: CommandSource = command or Constant(self.contract)
        self.clock: Clock = clock or getattr(robot, "clock", None) or WallClock()
        self.recorder = recorder
        self.period = self.contract.control_dt / rate_multiple
        """Time from one loop period to the next. Unit: s."""
        self.interventions: list[Intervention] = []
        """What the rules did since the start. A rule that limits again adds to its own."""
        self.mode = DAMPING
        """``soft_start``, ``policy`` or ``damping``."""
        self.steps = 0
        """Steps of the policy since the start."""
        self.stop: Intervention | None = None
        """What stopped the robot."""
        self._safety = Safety(self.contract, safety or SafetyCfg())
        self._builder = ObservationBuilder(self.contract)
        self._decoder = ActionDecoder(self.contract)
        self._multiple = int(rate_multiple)
        self._asked: str | None = None
        self._damping = self._decoder.damping()
        self._by_rule: dict[str, Intervention] = {}
        self._values: dict[str, np.ndarray] = {}
        self._now = 0.0

    # -- from outside ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin anew: the robot is at rest where it is found, and the policy remembers nothing.

        An emergency stop that was asked for since the last one is not forgotten: it stops the first loop period.

        Raises:
            RobotError: The robot cannot be read, or a joint is missing; it is told to damp.
        """
        self._safety.reset()
        self._builder.reset()
        self.interventions, self._by_rule, self.stop = [], {}, None
        self.steps = self._ticks = 0
        self._memory = self.policy.initial_state()
        self._obs = np.zeros(self.contract.obs_width, dtype=np.float32)
        self._actions = np.zeros(self.contract.action_width, dtype=np.float32)
        # Until the source of commands speaks, nobody asks for anything.
        self._values = {command.name: idle(command) for command in self.contract.commands}
        self._targets = self.contract.default_pos
        self._began: float | None = None
        self.mode = SOFT_START
        state: RobotState | None = None
        try:
            self._now = self.clock.now()
            state = self.robot.read()
            self._now = self.clock.now()
            found = self._safety.check_state(state, self._now)
            if found is not None:
                self.robot.write(self._stop(self._now, *found))
                return
        except BaseException as error:
            self._fail(state, error, at_robot=True)
            raise
        # Where the joints are, and what they have been told: to be moved from, both.
        self._from = self._targets = self._safety.joint_pos.copy()
        self._ramp = self._safety.soft_start_time(self._from)
        self.mode = SOFT_START if self._ramp > 0.0 else POLICY

    def emergency_stop(self, cause: str = "asked for") -> None:
        """Stop the robot in the next loop period. May be called from another thread or a signal handler."""
        self._asked = cause

    def step(self) -> Status:
        """One loop period, without waiting: read, check, observe, infer, decode, limit, write.

        Whatever fails in it, the robot is told to damp before the error goes on.

        Raises:
            RobotError: The robot gives no such data as the contract wants.
            EndOfData: The robot is a recording that has ended.
        """
        state: RobotState | None = None
        at_robot = True
        try:
            self._now = self.clock.now()
            state = self.robot.read()
            at_robot = False
            # After reading: a driver that took long to answer is seen in the same period.
            now = self._now = self.clock.now()
            command = self._in_time(self._decide(state, now), now)
            at_robot = True
            self.robot.write(command)
            at_robot = False
            self._keep(state, command)
        except BaseException as error:
            if self.mode != DAMPING:
                self._fail(state, error, at_robot)
                raise
            if state is not None or isinstance(error, EndOfData) or not isinstance(error, Exception):
                raise
            # A robot that damps can be told so without being read.
            self.robot.write(self._damping)
            self._keep(None, self._damping)
        self._ticks += 1
        return Status(self._now, self.steps, self.mode, state, self._obs, self._actions, self._targets)

    # -- a period -------------------------------------------------------------------------------------

    def _decide(self, state: RobotState, now: float) -> JointCommand:
        """What the motors are to be told."""
        if self.mode == DAMPING:
            return self._damping
        if self._asked is not None:
            cause, self._asked = self._asked, None
            return self._stop(now, "emergency_stop", cause, 0.0)
        safety = self._safety
        found = safety.check_deadline(now, self.period) or safety.check_state(state, now) or self._hear(now)
        if found is not None:
            return self._stop(now, *found)
        # Between its steps the policy's targets stand, as those of the soft start do: how often the robot is read
        # besides changes nothing.
        due = self._ticks % self._multiple == 0
        if self.mode == SOFT_START:
            if self._began is None:
                self._began = now
            passed = now - self._began
            if passed < self._ramp - 1e-6:
                return self._soft_start(passed / self._ramp) if due else self._command
            self.mode, self._ticks, due = POLICY, 0, True
        return self._act(state, now) if due else self._command

    def _hear(self, now: float) -> Finding | None:
        """Listen to the source of commands; a rule and its cause if the robot is to be stopped."""
        try:
            heard = self.command.read(now)
        except EmergencyStop as stop:
            return "emergency_stop", str(stop), 0.0
        except DeployError:
            raise
        except Exception as error:
            raise CommandError(f"The source of commands fails: {type(error).__name__}: {error}") from error
        if heard is not None:
            self._values.update(heard)
        return self._safety.check_command(now, heard is not None)

    def _in_time(self, command: JointCommand, now: float) -> JointCommand:
        """The command, unless working it out has taken so long that it is out of date."""
        if self.mode == DAMPING:
            return command
        found = self._safety.check_pace(self.clock.now() - now, self.period)
        return command if found is None else self._stop(now, *found)

    def _fail(self, state: RobotState | None, error: BaseException, at_robot: bool) -> None:
        """Something failed, at the robot or elsewhere: stop the robot, as well as can be."""
        if isinstance(error, EndOfData):
            self.mode = DAMPING
        else:
            at_robot = at_robot or isinstance(error, RobotError)
            rule = "robot" if at_robot else "command" if isinstance(error, CommandError) else "policy"
            cause = " ".join(str(error).split())
            self._stop(self._now, rule, cause or type(error).__name__, math.inf)
        with contextlib.suppress(Exception):  # the first error is the one to be told
            self.robot.write(self._damping)
            self._keep(state, self._damping)

    def _keep(self, state: RobotState | None, command: JointCommand) -> None:
        """Let the recorder keep the period."""
        if self.recorder is not None:
            self.recorder.record(self._now, self.mode, state, self._obs, self._actions, command, self._values)

    def _soft_start(self, share: float) -> JointCommand:
        """On the way to the default pose, stiffness growing."""
        way = 0.5 - 0.5 * math.cos(math.pi * share)
        self._targets = self._from + way * (self.contract.default_pos - self._from)
        self._command = self._decoder.command(self._targets, SOFT_START)
        self._command.stiffness = min(1.0, 0.2 + 1.6 * share) * self.contract.stiffness
        return self._command

    def _act(self, state: RobotState, now: float) -> JointCommand:
        """A step of the policy."""
        checked = self._safety.cfg.nan
        obs = self._builder.build(state, self._values)
        # What the robot said is finite by now.
        if checked and not math.isfinite(float(obs.sum())):
            return self._stop(now, "nan", "a command is not finite", math.inf)
        actions, memory = self.policy(obs, self._memory)
        if checked and not math.isfinite(float(actions.sum())):
            return self._stop(now, "nan", "the network's answer is not finite", math.inf)
        self._obs, self._actions, self._memory = obs, actions, memory
        self._builder.set_last_action(actions)
        decoded = self._decoder.decode(actions, self._safety.joint_pos)
        targets, limited = self._safety.limit(decoded, self._targets)
        for rule, cause, excess in limited:
            self._note(now, rule, cause, excess)
        self._targets = targets
        self.steps += 1
        self._command = self._decoder.command(targets)
        return self._command

    def _stop(self, now: float, rule: str, cause: str, excess: float) -> JointCommand:
        """Stop for good."""
        self.mode = DAMPING
        self.stop = Intervention(now, self.steps, rule, cause, True, 1, now, excess)
        self.interventions.append(self.stop)
        if self.recorder is not None:
            self.recorder.note(self.stop)
        return self._damping

    def _note(self, now: float, rule: str, cause: str, excess: float) -> None:
        """Keep that a rule limited."""
        kept = self._by_rule.get(rule)
        if kept is None:
            kept = self._by_rule[rule] = Intervention(now, self.steps, rule, cause, False, 1, now, excess)
            self.interventions.append(kept)
            if self.recorder is not None:
                self.recorder.note(kept)
            return
        kept.count += 1
        kept.last_time = now
        if excess > kept.worst:
            kept.worst, kept.cause = excess, cause

    # -- the loop -------------------------------------------------------------------------------------

    def run(
        self,
        seconds: float | None = None,
        *,
        damp_s: float = 1.0,
        on_step: Callable[[Status], Any] | None = None,
    ) -> Report:
        """Start, and run at the fixed rate until the time is up or the robot was stopped; it ends in damping.

        SIGINT, SIGTERM and SIGHUP (a terminal that is gone) are emergency stops meanwhile. Python's garbage collector
        rests.

        Args:
            seconds: How long, soft start included; None for ever. Unit: s.
            damp_s: How long to damp at the end. Unit: s.
            on_step: Called after each period; what it takes is taken from the next one.

        Raises:
            RobotError: The robot gives no such data as the contract wants; it damps.
            DeployError: The recording cannot be written.
        """
        room = JITTER_STEPS if seconds is None else max(1, min(JITTER_STEPS, int(seconds / self.period) + 2))
        lateness, took = np.zeros(room), np.zeros(room)
        periods = 0
        restore = self._stop_at_signals()
        collecting = gc.isenabled()
        gc.collect()
        gc.disable()
        try:
            self.start()
            begin = due = self.clock.now()
            stopped_at = None if self.stop is None else begin
            while True:
                wall = _time.perf_counter()
                late = self.clock.now() - due
                try:
                    status = self.step()
                except EndOfData:
                    break
                lateness[periods % room], took[periods % room] = late, _time.perf_counter() - wall
                periods += 1
                if on_step is not None:
                    on_step(status)
                now = status.time
                if self.stop is not None:
                    stopped_at = now if stopped_at is None else stopped_at
                    if now - stopped_at >= damp_s:
                        break
                elif seconds is not None and now - begin >= seconds - 1.5 * self.period:
                    self.clock.sleep_until(due + self.period)  # the last command has its time too
                    break
                due += self.period
                if due < now:  # periods that were missed are not made up for
                    due = now + self.period
                self.clock.sleep_until(due)
        except BaseException:
            with contextlib.suppress(Exception):  # the first error is the one to be told
                self._end(0.0)
            raise
        else:
            self._end(damp_s if self.stop is None else 0.0)
        finally:
            if collecting:
                gc.enable()
            restore()
        kept = min(periods, room)
        return Report(
            steps=self.steps,
            periods=periods,
            seconds=self.clock.now() - begin,
            stop=self.stop,
            interventions=self.interventions,
            lateness_ms=_percentiles(lateness[:kept]),
            step_ms=_percentiles(took[:kept]),
            lateness=lateness[:kept],
        )

    def _end(self, damp_s: float) -> None:
        """Leave the robot damping, and the recording on disk."""
        self.mode = DAMPING
        try:
            due = self.clock.now()
            for _ in range(max(1, round(damp_s / self.period))):
                self.robot.write(self._damping)
                due += self.period
                if damp_s > 0.0:
                    self.clock.sleep_until(due)
        finally:
            if self.recorder is not None:
                self.recorder.save()

    def _stop_at_signals(self) -> Callable[[], None]:
        """Make signals emergency stops; returns what undoes it."""
        if threading.current_thread() is not threading.main_thread():
            return lambda: None  # only the main thread may
        handlers = {}
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            name = signal.Signals(number).name
            handlers[number] = signal.signal(number, lambda *_, name=name: self.emergency_stop(f"signal {name}"))

        def restore() -> None:
            for number, handler in handlers.items():
                signal.signal(number, handler)

        return restore


def _percentiles(seconds: np.ndarray) -> dict[str, float]:
    if not len(seconds):
        return {"median": 0.0, "p99": 0.0, "max": 0.0}
    median, p99 = np.percentile(seconds, [50, 99])
    return {"median": 1e3 * float(median), "p99": 1e3 * float(p99), "max": 1e3 * float(seconds.max())}
