"""A recorded episode: what the robot said, what the policy saw and answered, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .contract import Contract
from .errors import BundleError
from .state import RobotState


@dataclass(frozen=True, eq=False)
class Episode:
    """The episode of a bundle, from its first step on, without noise and delay. T is the number of steps."""

    joint_names: tuple[str, ...]
    time: np.ndarray
    """Shape is (T,). Unit: s."""
    joint_pos: np.ndarray
    """Shape is (T, joints), as of velocities and targets."""
    joint_vel: np.ndarray
    quat: np.ndarray
    """Shape is (T, 4)."""
    ang_vel: np.ndarray
    """Base frame. Shape is (T, 3)."""
    lin_vel: np.ndarray
    """Of the base link's origin, base frame. Shape is (T, 3)."""
    commands: Mapping[str, np.ndarray]
    """Shape of each is (T, elements)."""
    extra: Mapping[str, np.ndarray]
    """Shape of each is (T, width of the term)."""
    obs: np.ndarray
    """What the policy saw. Shape is (T, observations)."""
    actions: np.ndarray
    """What it answered. Shape is (T, actions)."""
    targets: np.ndarray
    """Joint targets."""

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], contract: Contract, file: str) -> Episode:
        """Read an episode from the arrays of its file.

        Raises:
            BundleError: An array is missing, unknown, of another size, or not finite.
        """
        joints = len(contract.joint_names)
        wanted: dict[str, tuple[int, ...]] = {
            "time": (),
            "joint_pos": (joints,),
            "joint_vel": (joints,),
            "quat": (4,),
            "ang_vel": (3,),
        }
        wanted.update(lin_vel=(3,), obs=(contract.obs_width,), actions=(contract.action_width,), targets=(joints,))
        commands = {f"command_{command.name}": command for command in contract.commands}
        extra = {f"extra_{term.name}": term for term in contract.observations if term.kind == "external"}
        wanted.update({key: (part.width,) for key, part in [*commands.items(), *extra.items()]})
        steps = arrays["time"].shape[0] if "time" in arrays and arrays["time"].ndim == 1 else 0
        if steps < 2:
            raise BundleError(f"{file}: the array 'time' is missing or has fewer than two steps; export anew.")
        check_arrays(arrays, {key: (steps, *shape) for key, shape in wanted.items()}, ("obs", "actions"), file)
        if not (np.diff(arrays["time"]) > 0.0).all():
            raise BundleError(f"{file}: the array 'time' does not grow from step to step; export anew.")
        plain = {key: np.asarray(arrays[key], dtype=np.float64) for key in wanted if key not in ("obs", "actions")}
        return cls(
            joint_names=contract.joint_names,
            commands={command.name: plain.pop(key) for key, command in commands.items()},
            extra={term.name: plain.pop(key) for key, term in extra.items()},
            obs=arrays["obs"],
            actions=arrays["actions"],
            **plain,
        )

    def __len__(self) -> int:
        return len(self.time)

    def state(self, step: int) -> RobotState:
        """What the robot said at a step."""
        return RobotState(
            time=float(self.time[step]),
            joint_names=self.joint_names,
            joint_pos=self.joint_pos[step],
            joint_vel=self.joint_vel[step],
            quat=self.quat[step],
            ang_vel=self.ang_vel[step],
            lin_vel=self.lin_vel[step],
            extra={name: values[step] for name, values in self.extra.items()},
        )

    def commands_at(self, step: int) -> dict[str, np.ndarray]:
        """What the robot was asked to do at a step."""
        return {name: values[step] for name, values in self.commands.items()}


def check_arrays(
    arrays: Mapping[str, np.ndarray],
    wanted: Mapping[str, tuple[int, ...]],
    single: tuple[str, ...],
    file: str,
) -> None:
    """Refuse arrays that are not those wanted.

    Args:
        arrays: The arrays.
        wanted: Shape by name.
        single: Those that must be float32; the others may be float64 as well.
        file: Name of their file, for the message.

    Raises:
        BundleError: One is missing, unknown, of another shape or type, or not finite.
    """
    for name in sorted({*arrays, *wanted}):
        if name not in arrays or name not in wanted:
            raise BundleError(f"{file}: the array '{name[:60]}' is {'missing' if name in wanted else 'not known'}.")
        array = arrays[name]
        if array.shape != wanted[name]:
            raise BundleError(f"{file}: the array '{name}' has the shape {array.shape}, not {wanted[name]}.")
        allowed = ("float32",) if name in single else ("float32", "float64")
        if array.dtype.name not in allowed:
            raise BundleError(f"{file}: the array '{name}' holds {array.dtype.name}, not {' or '.join(allowed)}.")
        if not np.isfinite(array).all():
            raise BundleError(f"{file}: the array '{name}' holds numbers that are not finite.")
