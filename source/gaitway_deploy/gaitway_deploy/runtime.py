"""The loop that runs a policy on a robot: read, check, observe, infer, decode, limit, write, at a fixed rate."""

from __future__ import annotations

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
from .commands import CommandSource, Constant, EmergencyStop
from .errors import DeployError, EndOfData
from .observations import ObservationBuilder
from .policy import Policy
from .recorder import FlightRecorder
from .safety import Intervention, Safety, SafetyCfg
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

    # -- from outside ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin anew: the robot is at rest where it is found, and the policy remembers nothing.

        Raises:
            RobotError: The robot cannot be read, or a joint is missing.
        """
        self._safety.reset()
        self._builder.reset()
        self.interventions, self._by_rule, self.stop, self._asked = [], {}, None, None
        self.steps = self._ticks = 0
        self._memory = self.policy.initial_state()
        self._obs = np.zeros(self.contract.obs_width, dtype=np.float32)
        self._actions = np.zeros(self.contract.action_width, dtype=np.float32)
        self._values = {}
        state = self.robot.read()
        now = self.clock.now()
        self._began = now
        found = self._safety.check_state(state, now)
        # Where the joints are, and what they have been told: to be moved from, both.
        self._from = self._safety.joint_pos.copy()
        self._targets = self._from.copy()
        self._ramp = self._safety.soft_start_time(self._from) if found is None else 0.0
        self.mode = SOFT_START if self._ramp > 0.0 else POLICY
        if found is not None:
            self._stop(now, *found)

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
        now = self.clock.now()
        state: RobotState | None = None
        try:
            state = self.robot.read()
            command = self._decide(state, now)
        except EndOfData:
            raise
        except BaseException as error:
            if self.mode != DAMPING:
                what = " ".join(str(error).split()) or type(error).__name__
                self._stop(now, "policy" if state is not None else "robot", what, math.inf)
                self.robot.write(self._damping)
                raise
            command = self._damping
        self.robot.write(command)
        self._ticks += 1
        if self.recorder is not None:
            self.recorder.record(now, self.mode, self._safety, state, self._obs, self._actions, command, self._values)
        return Status(now, self.steps, self.mode, state, self._obs, self._actions, self._targets)

    # -- a period -------------------------------------------------------------------------------------

    def _decide(self, state: RobotState, now: float) -> JointCommand:
        """What the motors are to be told."""
        if self.mode == DAMPING:
            return self._damping
        if self._asked is not None:
            return self._stop(now, "emergency_stop", self._asked, 0.0)
        safety = self._safety
        found = safety.check_deadline(now, self.period) or safety.check_state(state, now)
        if found is not None:
            return self._stop(now, *found)
        try:
            heard = self.command.read(now)
        except EmergencyStop as stop:
            return self._stop(now, "emergency_stop", str(stop), 0.0)
        if heard is not None:
            self._values = dict(heard)
        found = safety.check_command(now, heard is not None)
        if found is not None:
            return self._stop(now, *found)
        if self.mode == SOFT_START:
            if now - self._began < self._ramp:
                return self._soft_start((now - self._began) / self._ramp)
            self.mode, self._ticks = POLICY, 0
        if self._ticks % self._multiple == 0:
            return self._act(state, now)
        return self._decoder.command(self._targets)

    def _soft_start(self, share: float) -> JointCommand:
        """On the way to the default pose, stiffness growing."""
        way = 0.5 - 0.5 * math.cos(math.pi * share)
        self._targets = self._from + way * (self.contract.default_pos - self._from)
        command = self._decoder.command(self._targets, SOFT_START)
        command.stiffness = min(1.0, 0.2 + 1.6 * share) * self.contract.stiffness
        return command

    def _act(self, state: RobotState, now: float) -> JointCommand:
        """A step of the policy."""
        obs = self._builder.build(state, self._values)
        actions, memory = self.policy(obs, self._memory)
        if not math.isfinite(float(actions.sum())) and self._safety.cfg.nan:
            return self._stop(now, "nan", "the network's answer is not finite", math.inf)
        self._obs, self._actions, self._memory = obs, actions, memory
        self._builder.set_last_action(actions)
        targets, limited = self._safety.limit(self._decoder.decode(actions), self._targets)
        for rule, cause, excess in limited:
            self._note(now, rule, cause, excess)
        self._targets = targets
        self.steps += 1
        return self._decoder.command(targets)

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

        SIGINT and SIGTERM are emergency stops meanwhile. Python's garbage collector rests.

        Args:
            seconds: How long, soft start included; None for ever. Unit: s.
            damp_s: How long to damp at the end. Unit: s.
            on_step: Called after each period; what it takes is taken from the next one.

        Raises:
            RobotError: The robot gives no such data as the contract wants; it damps.
        """
        self.start()
        begin = due = self.clock.now()
        room = JITTER_STEPS if seconds is None else max(1, min(JITTER_STEPS, int(seconds / self.period) + 2))
        lateness, took = np.zeros(room), np.zeros(room)
        periods, stopped_at = 0, None if self.stop is None else begin
        restore = self._stop_at_signals()
        collecting = gc.isenabled()
        gc.collect()
        gc.disable()
        try:
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
                    break
                due += self.period
                if due < now:  # periods that were missed are not made up for
                    due = now + self.period
                self.clock.sleep_until(due)
        finally:
            if collecting:
                gc.enable()
            restore()
            self._end(due, damp_s if self.stop is None else 0.0)
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

    def _end(self, due: float, damp_s: float) -> None:
        """Leave the robot damping, and the recording on disk."""
        self.mode = DAMPING
        try:
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
        for number in (signal.SIGINT, signal.SIGTERM):
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
