"""What a robot says and what it is told: the whole interface between a driver and the runtime."""

from __future__ import annotations

import time as _time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np


@dataclass
class RobotState:
    """What a driver reads. Joints may come in any order, and there may be more than the policy knows."""

    time: float
    """When it was measured, on the clock that the runtime waits by. Unit: s."""
    joint_names: Sequence[str]
    """Names of the joints, in the order of the arrays."""
    joint_pos: np.ndarray
    """Shape is (joints,). Unit: rad or m."""
    joint_vel: np.ndarray
    """Shape is (joints,). Unit: rad/s or m/s."""
    quat: np.ndarray | None = None
    """Orientation (x, y, z, w) of the base in the world, from the IMU."""
    ang_vel: np.ndarray | None = None
    """Angular velocity in the base frame, from the gyroscope. Shape is (3,). Unit: rad/s."""
    lin_vel: np.ndarray | None = None
    """Velocity of the base link's origin in the base frame, from a state estimator. Shape is (3,). Unit: m/s."""
    joint_effort: np.ndarray | None = None
    """Shape is (joints,). Unit: N·m or N."""
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Whatever else the policy observes, by the name of the observation term, such as a height scan."""


@dataclass
class JointCommand:
    """What a driver tells the motors: ``effort + stiffness * (position - q) + damping * (velocity - qd)``.

    All arrays have the shape (joints,), in the order of ``joint_names``.
    """

    joint_names: Sequence[str]
    """Names of the joints, in the contract's order."""
    position: np.ndarray
    """Unit: rad or m."""
    velocity: np.ndarray
    """Unit: rad/s or m/s."""
    effort: np.ndarray
    """Unit: N·m or N."""
    stiffness: np.ndarray
    """Unit: N·m/rad or N/m."""
    damping: np.ndarray
    """Unit: N·m·s/rad or N·s/m."""
    mode: str = "policy"
    """Why: ``soft_start``, ``policy`` or ``damping``. Motors obey the numbers alone."""


class Robot(Protocol):
    """A driver: two methods. It may have a ``clock``, if its time is not the computer's."""

    def read(self) -> RobotState:
        """The newest state; does not wait for a new one."""
        ...

    def write(self, command: JointCommand) -> None:
        """Tell the motors; does not wait for them."""
        ...


class Clock(Protocol):
    """The time that a loop waits by."""

    def now(self) -> float:
        """Unit: s."""
        ...

    def sleep_until(self, time: float) -> None:
        """Return when it is ``time``, at once if that is past."""
        ...


class WallClock:
    """The computer's own monotonic clock."""

    now = staticmethod(_time.monotonic)

    def sleep_until(self, time: float) -> None:
        """Return when it is ``time``, at once if that is past."""
        left = time - _time.monotonic()
        if left > 0.0:
            _time.sleep(left)
