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
from .errors import DeployError
from .joint_map import JointMap
from .state import RobotState

_UPRIGHT = (0.0, 0.0, 1.0)


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
    """Fastest that a joint may be found, as a multiple of its velocity limit. Stops."""
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
    """How late a control step may begin, or half a control period if that is more. Stops. Unit: s."""
    command_timeout_s: float | None = 0.5
    """How long the source of commands may be silent. Stops. Unit: s."""

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            DeployError: One is out of its range.
        """
        for item in fields(self):
            value = getattr(self, item.name)
            if value is not None and not (math.isfinite(value) and value >= 0.0):
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
    """Field of :class:`SafetyCfg`, or ``emergency_stop``, ``robot``, ``policy``."""
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
        self._fastest = _positive(contract.vel_limit) * _or(cfg.velocity_factor, math.inf)
        beyond = _or(cfg.target_margin, math.inf)
        self._target_low, self._target_high = low - beyond, high + beyond
        self._change = _positive(contract.vel_limit) * _or(cfg.target_rate, math.inf) * contract.control_dt
        self._effort = _positive(contract.effort_limit) * _or(cfg.effort_factor, math.inf)
        self._limits_targets = any(x is not None for x in (cfg.target_margin, cfg.target_rate, cfg.effort_factor))
        self._give = np.where(contract.stiffness > 0.0, 1.0 / np.maximum(contract.stiffness, 1e-9), np.inf)
        self._damping = contract.damping
        gravity = contract.robot.gravity
        self._has_gravity = any(gravity)
        self._cos_tilt = math.cos(cfg.tilt) if cfg.tilt is not None and contract.robot.floating_base else -2.0
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
        self._quat: list[float] | None = None
        self._quat_time = 0.0
        self._num_late = 0
        self._began: float | None = None
        self._heard: float | None = None

    # -- what stops -----------------------------------------------------------------------------------

    def check_deadline(self, now: float, period: float) -> tuple[str, str, float] | None:
        """Note that a loop period begins; a rule and its cause if it begins too late.

        Args:
            now: Unit: s.
            period: Time from one beginning to the next. Unit: s.
        """
        began, self._began = self._began, now
        if began is None or now - began - period <= self._lateness:
            return None
        late = now - began - period
        return "deadline_s", f"a control step began {1e3 * late:.1f} ms late", late

    def check_command(self, now: float, heard: bool) -> tuple[str, str, float] | None:
        """Note whether the source of commands spoke; a rule and its cause if it has been silent for too long."""
        if heard or self._heard is None:
            self._heard = now
        silent = now - self._heard
        if silent <= self._timeout:
            return None
        return "command_timeout_s", f"the source of commands has been silent for {silent:.2f} s", silent

    def check_state(self, state: RobotState, now: float) -> tuple[str, str, float] | None:
        """A rule and its cause if a reading forbids to go on; keeps the joints' state.

        Raises:
            RobotError: A joint is missing.
        """
        indices = self._joints.indices(state.joint_names)
        joint_pos, joint_vel = state.joint_pos[indices], state.joint_vel[indices]
        if self.cfg.nan:
            found = self._check_finite(state, joint_pos, joint_vel)
            if found is not None:
                return found
        self._last_pos, self.joint_pos, self.joint_vel = self.joint_pos, joint_pos, joint_vel
        return self._check_time(state, now) or self._check_joints() or self._check_imu(state)

    def _check_finite(
        self, state: RobotState, joint_pos: np.ndarray, joint_vel: np.ndarray
    ) -> tuple[str, str, float] | None:
        # A sum is finite only if all its parts are.
        total = float(joint_pos.sum()) + float(joint_vel.sum()) + state.time
        for part in (state.quat, state.ang_vel, state.lin_vel):
            if part is not None:
                total += sum(part.tolist())
        for part in state.extra.values():
            total += float(part.sum())
        if math.isfinite(total):
            return None
        parts = {"joint_pos": joint_pos, "joint_vel": joint_vel, "time": np.array(state.time)}
        parts.update(quat=state.quat, ang_vel=state.ang_vel, lin_vel=state.lin_vel, **state.extra)  # type: ignore[arg-type]
        bad = [name for name, part in parts.items() if part is not None and not np.isfinite(part).all()]
        return "nan", f"sensor data is not finite: {', '.join(bad) or 'the sum of all is not'}", math.inf

    def _check_time(self, state: RobotState, now: float) -> tuple[str, str, float] | None:
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
        # Joints that move cannot stay where they are to the last bit.
        step = float(np.abs(self.joint_vel).max()) * self.contract.control_dt
        if step < 1e-4 or self._last_pos is None or not np.array_equal(self.joint_pos, self._last_pos):
            self._moved_seen = now
        elif now - self._moved_seen >= self._patience:
            still = now - self._moved_seen
            return "frozen_periods", f"joints move, their positions have stood still for {1e3 * still:.0f} ms", still
        age = now - stamp
        self._num_late = self._num_late + 1 if age > self._late else 0
        if self.cfg.late_frames is not None and self._num_late >= max(self.cfg.late_frames, 1):
            return "late_frames", f"{self._num_late} readings in a row were late, the last by {1e3 * age:.0f} ms", age
        return None

    def _check_joints(self) -> tuple[str, str, float] | None:
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
        if excess[at] > 0.0:
            limit = self.contract.vel_limit[at]
            return "velocity_factor", f"{names[at]} moves at {qd[at]:.2f}, its limit is {limit:.2f}", float(excess[at])
        return None

    def _check_imu(self, state: RobotState) -> tuple[str, str, float] | None:
        if state.quat is None or not self.contract.robot.floating_base:
            return None
        x, y, z, w = state.quat.tolist()
        jump = self.cfg.imu_jump
        if jump is not None:
            norm = math.sqrt(x * x + y * y + z * z + w * w)
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
        up = 1.0 - 2.0 * (x * x + y * y)
        if self._has_gravity and up < self._cos_tilt:
            angle = math.acos(max(-1.0, min(1.0, up)))
            return "tilt", f"the base is tilted by {angle:.2f} rad, at most {self.cfg.tilt:.2f} are allowed", angle
        return None

    # -- what limits ----------------------------------------------------------------------------------

    def limit(self, targets: np.ndarray, before: np.ndarray) -> tuple[np.ndarray, list[tuple[str, str, float]]]:
        """Keep joint targets within the rules.

        Args:
            targets: Shape is (joints,). Unit: rad or m.
            before: Those of the control step before.

        Returns:
            The targets that may be sent, and what limited them: rule, cause, how far.
        """
        if not self._limits_targets:
            return targets, []
        # Of what may be sent, the highest and the lowest; where rules contradict each other, the joint's limits win.
        drag = self._damping * self.joint_vel
        low = np.maximum(before - self._change, self.joint_pos + (drag - self._effort) * self._give)
        high = np.minimum(before + self._change, self.joint_pos + (drag + self._effort) * self._give)
        sent = np.maximum(np.minimum(targets, high), low)
        np.minimum(sent, self._target_high, out=sent)
        np.maximum(sent, self._target_low, out=sent)
        off = np.abs(sent - targets)
        if not off.any():
            return sent, []
        return sent, self._what_limited(targets, before, drag)

    def _what_limited(self, targets: np.ndarray, before: np.ndarray, drag: np.ndarray) -> list[tuple[str, str, float]]:
        names, found = self.contract.joint_names, []
        with np.errstate(invalid="ignore"):
            asked = np.abs((targets - self.joint_pos) / self._give - drag)
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
                    asked - self._effort,
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
        """How long to move from here to the default pose. 0 without soft start. Unit: s.

        The way is half a cosine, which is fastest in the middle, at pi/2 times the mean speed.
        """
        if self.cfg.soft_start_s is None:
            return 0.0
        if self.cfg.soft_start_speed is None:
            return self.cfg.soft_start_s
        far = np.abs(self.contract.default_pos - joint_pos)
        fastest = np.maximum(self.cfg.soft_start_speed * _positive(self.contract.vel_limit), 1e-6)
        return max(self.cfg.soft_start_s, float((0.5 * math.pi * far / fastest).max()))


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else float(value)


def _positive(limits: Any) -> np.ndarray:
    """Limits, infinite where none is known."""
    limits = np.asarray(limits, dtype=float)
    return np.where(np.isfinite(limits) & (limits > 0.0), limits, np.inf)
