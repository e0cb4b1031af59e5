"""Safety, on by default and outside the policy: what a policy, a sensor or a user gets wrong does not reach the motors.

Two kinds of rules. Some *limit* what the motors are told, and the policy goes on. The others *stop* the robot: from
that control step on it is told nothing but to damp, until somebody starts it anew. Each intervention is kept with its
time and cause.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from .contract import Contract
from .errors import DeployError, RobotError
from .joint_map import JointMap
from .state import RobotState

Finding = tuple[str, str, float]
"""What a rule has to say: its name, the cause, and how far off."""

STILL = 0.005
"""How far a joint must say that it has moved before its position is expected to change. Unit: rad or m."""
STILL_TURN = 0.02
"""The same of the base and its orientation: a gyroscope at rest is a little off, always to the same side. Unit: rad."""
MEMORY_PERIODS = 5.0
"""Control periods for which either is remembered."""
FORGIVEN = 0.1
"""Share of what the loop is behind its schedule that is forgiven in each of its periods."""


@dataclass
class SafetyCfg:
    """The rules, each with its number. None switches a rule off."""

    soft_start_s: float | None = 2.0
    """Time in which the joints move from where they are found to the default pose before the policy acts, stiffness
    growing meanwhile. Unit: s."""
    soft_start_speed: float | None = 0.5
    """Fastest that a joint moves meanwhile, as a share of its velocity limit; the time is stretched for it."""
    target_margin: float | None = 0.0
    """How far joint targets may lie beyond the joint's limits. Limits. Unit: rad or m."""
    target_rate: float | None = 4.0
    """Fastest change of a joint target, as a multiple of the joint's velocity limit. Limits."""
    effort_factor: float | None = 2.0
    """Most effort that a target may ask of the motor's loop, as a multiple of the effort limit. Limits."""
    position_margin: float | None = 0.05
    """How far a joint may be found beyond its limits, as a share of its range. Stops."""
    velocity_factor: float | None = 2.0
    """Fastest that a joint may be found, as a multiple of its velocity limit. Stops, see the next."""
    velocity_frames: int | None = 2
    """Readings in a row that may be too fast, the last of which stops; a foot that lands makes one."""
    tilt: float | None = 1.0
    """Largest angle between the base's up and the world's, where the base is free. Stops. Unit: rad."""
    imu_jump: float | None = 0.5
    """Most that the orientation may change between two readings beyond what the gyroscope says. Stops. Unit: rad."""
    nan: bool | None = True
    """Whether a number that is not finite, from a sensor or the network, stops the robot."""
    frozen_periods: float | None = 2.0
    """Control periods for which sensor data may stand still: its time, or its values while it says that the joints
    move. Stops."""
    late_periods: float | None = 2.0
    """Age of sensor data, in control periods, from which on it is late."""
    late_frames: int | None = 3
    """Readings in a row that may be late, the last of which stops."""
    deadline_s: float | None = 0.01
    """How far the loop may be behind its schedule, or half a control period if that is more. Stops. Unit: s."""
    command_timeout_s: float | None = 0.5
    """How long the source of commands may be silent. Stops. Unit: s."""

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            DeployError: One is out of its range.
        """
        for item in fields(self):
            value = getattr(self, item.name)
            number = isinstance(value, (bool, int, float, np.number))
            if value is not None and not (number and math.isfinite(value) and value >= 0.0):
                raise DeployError(f"safety: {item.name} = {value}: must be a number of at least 0, or None for off.")

    @classmethod
    def off(cls) -> SafetyCfg:
        """No rule at all; for measuring what the rules do."""
        return cls(**{item.name: None for item in fields(cls)})


@dataclass
class Intervention:
    """Something that a rule did."""

    time: float
    """When it first did, on the robot's clock. Unit: s."""
    step: int
    """Control step of that, the first being 0."""
    rule: str
    """Field of :class:`SafetyCfg`, or what failed: ``robot``, ``command`` or ``policy``; or ``emergency_stop``."""
    cause: str
    """What was seen, with numbers; where a rule limited more than once, when it was worst."""
    stops: bool
    """Whether the robot was stopped."""
    count: int = 1
    """How often it did."""
    last_time: float = 0.0
    """When it last did. Unit: s."""
    worst: float = 0.0
    """How far off at most; what the cause describes."""


class Safety:
    """The rules of one robot, and what they have seen so far.

    Args:
        contract: The contract of its policy.
        cfg: The rules.
    """

    def __init__(self, contract: Contract, cfg: SafetyCfg):
        self.contract = contract
        self.cfg = cfg
        names = contract.joint_names
        self._joints = JointMap(names)
        low, high = contract.pos_limits[:, 0], contract.pos_limits[:, 1]
        margin = _or(cfg.position_margin, math.inf)
        reach = np.where(np.isfinite(high - low), high - low, 0.0) * margin if math.isfinite(margin) else math.inf
        self._found_low, self._found_high = low - reach, high + reach
        self._fastest = _times(contract.vel_limit, cfg.velocity_factor)
        beyond = _or(cfg.target_margin, math.inf)
        self._target_low, self._target_high = low - beyond, high + beyond
        self._change = _times(contract.vel_limit, cfg.target_rate) * contract.control_dt
        self._effort = _times(contract.effort_limit, cfg.effort_factor)
        self._limits_targets = any(x is not None for x in (cfg.target_margin, cfg.target_rate, cfg.effort_factor))
        # How far a target may be from where the joint is: by the effort that it may ask for, and by what a second of
        # damping takes of it. A motor without stiffness heeds no target.
        stiff = contract.stiffness > 0.0
        give = np.where(stiff, 1.0 / np.where(stiff, contract.stiffness, 1.0), 0.0)
        self._reach = np.where(stiff, self._effort * np.where(stiff, give, 1.0), np.inf)
        self._drag = contract.damping * give
        gravity = contract.robot.gravity
        self._has_gravity = any(gravity)
        self._cos_tilt = math.cos(min(cfg.tilt, math.pi)) if cfg.tilt is not None else -2.0
        late = _or(cfg.late_periods, math.inf)
        self._late = late * contract.control_dt
        self._patience = _or(cfg.frozen_periods, math.inf) * contract.control_dt * (1.0 - 1e-6)
        self._lateness = math.inf if cfg.deadline_s is None else max(cfg.deadline_s, 0.5 * contract.control_dt)
        self._timeout = _or(cfg.command_timeout_s, math.inf)
        self.reset()

    def reset(self) -> None:
        """Forget what was seen."""
        self.joint_pos = np.zeros(len(self.contract.joint_names))
        """Joint positions of the last reading, in the contract's order."""
        self.joint_vel = np.zeros_like(self.joint_pos)
        """Joint velocities of the last reading, in the contract's order."""
        self._last_pos: np.ndarray | None = None
        self._stamp = self._stamp_seen = -math.inf
        self._moved_seen = -math.inf
        self._last_quat: list[float] | None = None
        self._quat: list[float] | None = None
        self._quat_time = 0.0
        self._num_late = self._num_fast = 0
        self._owed = np.zeros_like(self.joint_pos)
        self._turned_seen = -math.inf
        self._owed_turn = np.zeros(3)
        self._seen = 0.0
        self._began: float | None = None
        self._behind = 0.0
        self._heard: float | None = None

    # -- what stops -----------------------------------------------------------------------------------

    def check_deadline(self, now: float, period: float) -> Finding | None:
        """Note that a loop period begins; a rule and its cause if the loop is too far behind its schedule.

        One late period counts, and so does a loop that is a little slow in each; a tenth is forgiven in a period.

        Args:
            now: Unit: s.
            period: Time from one beginning to the next. Unit: s.
        """
        began, self._began = self._began, now
        if began is None:
            return None
        self._behind = max(0.0, (1.0 - FORGIVEN) * self._behind + now - began - period)
        if self._behind <= self._lateness:
            return None
        return "deadline_s", f"the loop is {1e3 * self._behind:.1f} ms behind its schedule", self._behind

    def check_pace(self, took: float, period: float) -> Finding | None:
        """A rule and its cause if a period took so long that what it decided is out of date.

        Args:
            took: From reading to writing. Unit: s.
            period: Time that it should take at most. Unit: s.
        """
        if took <= period + self._lateness:
            return None
        return "deadline_s", f"a loop period of {1e3 * period:.1f} ms took {1e3 * took:.1f} ms", took - period

    def check_command(self, now: float, heard: bool) -> Finding | None:
        """Note whether the source of commands spoke; a rule and its cause if it has been silent for too long."""
        if heard or self._heard is None:
            self._heard = now
        silent = now - self._heard
        if silent <= self._timeout:
            return None
        return "command_timeout_s", f"the source of commands has been silent for {silent:.2f} s", silent

    def check_state(self, state: RobotState, now: float) -> Finding | None:
        """A rule and its cause if a reading forbids to go on; keeps the joints' state.

        Raises:
            RobotError: A joint is missing, or an array has another size.
        """
        indices = self._joints.indices(state.joint_names)
        shape = (len(state.joint_names),)
        if getattr(state.joint_pos, "shape", None) != shape or getattr(state.joint_vel, "shape", None) != shape:
            raise RobotError(
                f"The robot names {shape[0]} joints; joint_pos and joint_vel must be numpy arrays of as many numbers."
            )
        for part, size in ((state.quat, 4), (state.ang_vel, 3), (state.lin_vel, 3)):
            if part is not None and getattr(part, "shape", None) != (size,):
                raise RobotError("quat (x, y, z, w), ang_vel and lin_vel must be numpy arrays of 4, 3 and 3 numbers.")
        joint_pos, joint_vel = state.joint_pos[indices], state.joint_vel[indices]
        if self.cfg.nan:
            found = self._check_finite(state, joint_pos, joint_vel)
            if found is not None:
                return found
        self._last_pos, self.joint_pos, self.joint_vel = self.joint_pos, joint_pos, joint_vel
        return self._check_time(state, now) or self._check_joints() or self._check_imu(state)

    def _check_finite(self, state: RobotState, joint_pos: np.ndarray, joint_vel: np.ndarray) -> Finding | None:
        # A sum is finite only if all its parts are.
        total = float(joint_pos.sum()) + float(joint_vel.sum()) + state.time
        for part in (state.quat, state.ang_vel, state.lin_vel):
            if part is not None:
                total += sum(part.tolist())
        for part in state.extra.values():
            total += float(np.sum(part))
        if math.isfinite(total):
            return None
        parts: list[tuple[str, Any]] = [("joint_pos", joint_pos), ("joint_vel", joint_vel), ("time", state.time)]
        parts += [("quat", state.quat), ("ang_vel", state.ang_vel), ("lin_vel", state.lin_vel), *state.extra.items()]
        bad = [name for name, part in parts if part is not None and not np.isfinite(part).all()]
        return "nan", f"sensor data is not finite: {', '.join(bad) or 'the sum of all is not'}", math.inf

    def _check_time(self, state: RobotState, now: float) -> Finding | None:
        stamp = state.time
        if stamp > self._stamp:
            self._stamp, self._stamp_seen = stamp, now
        elif now - self._stamp_seen >= self._patience:
            still = now - self._stamp_seen
            return (
                "frozen_periods",
                f"sensor data of {stamp:.3f} s has not changed its time for {1e3 * still:.0f} ms",
                still,
            )
        passed, self._seen = now - self._seen, now
        found = self._check_still(now, passed) or self._check_turning(state, now, passed)
        if found is not None:
            return found
        age = now - stamp
        self._num_late = self._num_late + 1 if abs(age) > self._late else 0
        if self.cfg.late_frames is not None and self._num_late >= max(self.cfg.late_frames, 1):
            if age < 0.0:
                return "late_frames", f"readings are {-1e3 * age:.0f} ms ahead of the clock: its time is another", -age
            return "late_frames", f"{self._num_late} readings in a row were late, the last by {1e3 * age:.0f} ms", age
        return None

    def _check_still(self, now: float, passed: float) -> Finding | None:
        """Joints that move cannot stay where they are to the last bit.

        What they say of their speed is added up with its sign, and forgotten in some periods, so that the noise of a
        robot at rest comes to nothing.
        """
        if self._last_pos is None or (self.joint_pos != self._last_pos).any():
            self._moved_seen = now
            self._owed[:] = 0.0
            return None
        self._owed *= self._remembered(passed)
        self._owed += passed * self.joint_vel
        still = now - self._moved_seen
        if still < self._patience or float(np.abs(self._owed).max()) < STILL:
            return None
        return "frozen_periods", f"joints move, their positions have stood still for {1e3 * still:.0f} ms", still

    def _remembered(self, passed: float) -> float:
        return max(0.0, 1.0 - passed / (MEMORY_PERIODS * self.contract.control_dt))

    def _check_turning(self, state: RobotState, now: float, passed: float) -> Finding | None:
        """A base that turns cannot keep its orientation to the last bit."""
        if state.quat is None or state.ang_vel is None:
            return None
        quat = state.quat.tolist()
        if quat != self._last_quat:
            self._turned_seen, self._last_quat = now, quat
            self._owed_turn[:] = 0.0
            return None
        self._owed_turn *= self._remembered(passed)
        self._owed_turn += passed * state.ang_vel
        still = now - self._turned_seen
        if still < self._patience or float(np.abs(self._owed_turn).max()) < STILL_TURN:
            return None
        return "frozen_periods", f"the base turns, its orientation has stood still for {1e3 * still:.0f} ms", still

    def _check_joints(self) -> Finding | None:
        q, qd = self.joint_pos, np.abs(self.joint_vel)
        names = self.contract.joint_names
        beyond: np.ndarray = np.maximum(self._found_low - q, q - self._found_high)
        at = int(np.argmax(beyond))
        if beyond[at] > 0.0:
            low, high = self.contract.pos_limits[at]
            return (
                "position_margin",
                f"{names[at]} is at {q[at]:.3f}, its limits are {low:.3f} and {high:.3f}",
                float(beyond[at]),
            )
        excess: np.ndarray = qd - self._fastest
        at = int(np.argmax(excess))
        self._num_fast = self._num_fast + 1 if excess[at] > 0.0 else 0
        if self.cfg.velocity_frames is not None and self._num_fast >= max(self.cfg.velocity_frames, 1):
            limit = self.contract.vel_limit[at]
            return "velocity_factor", f"{names[at]} moves at {qd[at]:.2f}, its limit is {limit:.2f}", float(excess[at])
        return None

    def _check_imu(self, state: RobotState) -> Finding | None:
        if state.quat is None or not self.contract.robot.floating_base:
            return None
        x, y, z, w = state.quat.tolist()
        norm = math.sqrt(x * x + y * y + z * z + w * w)
        jump = self.cfg.imu_jump
        if jump is not None:
            if abs(norm - 1.0) > 0.1:
                return "imu_jump", f"the IMU's quaternion has the length {norm:.3f}, not 1", abs(norm - 1.0)
            if self._quat is not None and state.time > self._quat_time:
                a, b, c, d = self._quat
                turned = 2.0 * math.acos(min(1.0, abs(a * x + b * y + c * z + d * w) / norm))
                rate = 0.0 if state.ang_vel is None else math.sqrt(sum(v * v for v in state.ang_vel.tolist()))
                told = rate * (state.time - self._quat_time)
                if turned > told + jump:
                    cause = f"the IMU turned by {turned:.2f} rad between two readings, its gyroscope by {told:.2f} rad"
                    return "imu_jump", cause, turned - told
            self._quat, self._quat_time = [x / norm, y / norm, z / norm, w / norm], state.time
        up = 1.0 - 2.0 * (x * x + y * y) / (norm * norm) if norm > 0.0 else 1.0
        if self._has_gravity and up < self._cos_tilt:
            angle = math.acos(max(-1.0, min(1.0, up)))
            return "tilt", f"the base is tilted by {angle:.2f} rad, at most {self.cfg.tilt:.2f} are allowed", angle
        return None

    # -- what limits ----------------------------------------------------------------------------------

    def limit(self, targets: np.ndarray, before: np.ndarray) -> tuple[np.ndarray, list[Finding]]:
        """Keep joint targets within the rules.

        Args:
            targets: Shape is (joints,). Unit: rad or m.
            before: Those of the control step before.

        Returns:
            The targets that may be sent, and what limited them: rule, cause, how far.
        """
        if not self._limits_targets:
            return targets, []
        # Each rule after the other. Where they contradict each other, the joint's limits win over the effort, and that
        # over the change.
        sent = np.minimum(np.maximum(targets, before - self._change), before + self._change)
        middle = self.joint_pos + self._drag * self.joint_vel
        np.maximum(sent, middle - self._reach, out=sent)
        np.minimum(sent, middle + self._reach, out=sent)
        np.maximum(sent, self._target_low, out=sent)
        np.minimum(sent, self._target_high, out=sent)
        if (sent == targets).all():
            return sent, []
        return sent, self._what_limited(targets, before)

    def _what_limited(self, targets: np.ndarray, before: np.ndarray) -> list[Finding]:
        names, found = self.contract.joint_names, []
        with np.errstate(invalid="ignore"):
            contract = self.contract
            asked = np.abs(contract.stiffness * (targets - self.joint_pos) - contract.damping * self.joint_vel)
            rules = {
                "target_margin": (
                    np.maximum(self._target_low - targets, targets - self._target_high),
                    lambda i: f"the target of {names[i]} lay at {targets[i]:.3f}, beyond the joint's limits",
                ),
                "target_rate": (
                    np.abs(targets - before) - self._change,
                    lambda i: f"the target of {names[i]} changed by {targets[i] - before[i]:.3f} in a control step",
                ),
                "effort_factor": (
                    np.where(contract.stiffness > 0.0, asked - self._effort, -1.0),
                    lambda i: f"the target of {names[i]} asked for {asked[i]:.1f} of effort",
                ),
            }
        for rule, (excess, cause) in rules.items():
            excess = np.nan_to_num(excess, nan=-1.0)
            at = int(np.argmax(excess))
            if excess[at] > 1e-9:
                found.append((rule, cause(at), float(excess[at])))
        return found

    # -- soft start -----------------------------------------------------------------------------------

    def soft_start_time(self, joint_pos: np.ndarray) -> float:
        """How long to move from here to the default pose, in whole control periods. 0 without soft start. Unit: s.

        The way is half a cosine, which is fastest in the middle, at pi/2 times the mean speed.
        """
        if self.cfg.soft_start_s is None:
            return 0.0
        time = self.cfg.soft_start_s
        if self.cfg.soft_start_speed is not None:
            far = np.abs(self.contract.default_pos - joint_pos)
            fastest = np.maximum(_times(self.contract.vel_limit, self.cfg.soft_start_speed), 1e-6)
            time = max(time, float((0.5 * math.pi * far / fastest).max()))
        return math.ceil(time / self.contract.control_dt - 1e-6) * self.contract.control_dt


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else float(value)


def _times(limits: np.ndarray, factor: float | None) -> np.ndarray:
    """Limits times a factor; infinite where no limit is known, or no factor given."""
    known = np.isfinite(limits) & (limits > 0.0)
    if factor is None:
        return np.full(limits.shape, np.inf)
    return np.where(known, np.where(known, limits, 1.0) * factor, np.inf)
