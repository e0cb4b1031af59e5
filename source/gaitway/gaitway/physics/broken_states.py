"""Recordings of environments whose state broke: the last states before it, in a file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gaitway.errors import UsageError

if TYPE_CHECKING:
    import newton

VERSION = 1
"""Format of the file."""
FREE_JOINT_SIZES = (7, 6)
"""Coordinates (position, then quaternion x y z w) and velocities (linear, then angular) of a free joint."""
FREE_JOINT_AXES = ("linear x", "linear y", "linear z", "angular x", "angular y", "angular z")


@dataclass(kw_only=True)
class BrokenState:
    """The last states of one environment before its state became NaN or exploded.

    Coordinates are Newton's, of all that moves in the environment's world; those of free joints are in the world frame.
    The file is a NumPy archive of plain arrays, one a field, readable without Gaitway.
    """

    task: str = ""
    """Task id; empty where it was not known."""
    engine: str
    """Physics engine, such as ``mujoco_cpu``."""
    env_id: int
    """Index of the environment."""
    env_origin: np.ndarray = field(default_factory=lambda: np.zeros(3, np.float32))
    """Origin of the environment in the world. Shape is (3,). Unit: m."""
    num_step: int
    """Number of the physics call in which the state broke."""
    physics_dt: float
    """Time from one recorded state to the next. Unit: s."""
    reason: str
    """What was found broken."""
    joint_names: list[str]
    """Newton's labels of the joints, fixed ones too."""
    joint_q_start: np.ndarray
    """Where each joint's coordinates begin, and where the last one's end. Shape is (joints + 1,)."""
    joint_qd_start: np.ndarray
    """The same of velocities. Shape is (joints + 1,)."""
    joint_q: np.ndarray
    """Joint coordinates, oldest first; the last row is the state before the step that broke.

    Shape is (states, q). Unit: m or rad; quaternions x y z w.
    """
    joint_qd: np.ndarray
    """Joint velocities of the same states. Shape is (states, qd). Unit: m/s or rad/s."""
    control: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    """Joint position targets at the time; may be empty. Shape is (targets,). Unit: m or rad."""

    def __post_init__(self):
        self.env_origin, self.joint_q, self.joint_qd, self.control = (
            np.asarray(array, np.float32) for array in (self.env_origin, self.joint_q, self.joint_qd, self.control)
        )
        self.joint_q_start, self.joint_qd_start = (
            np.asarray(array, np.int32) for array in (self.joint_q_start, self.joint_qd_start)
        )
        self.joint_names = [str(name) for name in self.joint_names]

    def finite_rows(self) -> np.ndarray:
        """Which states hold finite numbers only. Shape is (states,), bool."""
        return np.isfinite(self.joint_q).all(axis=1) & np.isfinite(self.joint_qd).all(axis=1)

    def speeds(self) -> np.ndarray:
        """Largest velocity of each state; infinite where one is not finite. Shape is (states,). Unit: m/s or rad/s."""
        return np.where(np.isfinite(self.joint_qd), np.abs(self.joint_qd), np.inf).max(axis=1)

    def fastest(self, row: int) -> tuple[str, float]:
        """The joint with the largest velocity in a state; one that is not finite is the largest.

        Returns:
            The joint's label, with the axis behind it for a free joint, and its velocity in m/s or rad/s.
        """
        velocity = self.joint_qd[row]
        index = int(np.where(np.isfinite(velocity), np.abs(velocity), np.inf).argmax())
        # Fixed joints begin where the next one does, so take the last that begins at or before the velocity.
        joint = int(np.searchsorted(self.joint_qd_start[:-1], index, side="right")) - 1
        name = self.joint_names[joint]
        if joint in self._free_joints():
            name += f" ({FREE_JOINT_AXES[index - self.joint_qd_start[joint]]})"
        return name, float(velocity[index])

    def moved_to(self, env_origin: np.ndarray) -> np.ndarray:
        """Joint coordinates in an environment of another origin.

        Args:
            env_origin: The other origin. Shape is (3,). Unit: m.

        Returns:
            :attr:`joint_q` with the positions of free joints shifted. Shape is (states, q).
        """
        joint_q = self.joint_q.copy()
        for begin in self.joint_q_start[self._free_joints()]:
            joint_q[:, begin : begin + 3] += np.asarray(env_origin, np.float32) - self.env_origin
        return joint_q

    def _free_joints(self) -> np.ndarray:
        sizes = np.stack([np.diff(self.joint_q_start), np.diff(self.joint_qd_start)], axis=1)
        return np.flatnonzero((sizes == FREE_JOINT_SIZES).all(axis=1))

    def save(self, path: Path | str) -> None:
        """Write the file, whole or not at all.

        Raises:
            ValueError: The fields do not fit each other.
        """
        path = Path(path)
        if problem := self._problem():
            raise ValueError(problem)
        scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            with scratch.open("wb") as file:
                np.savez_compressed(
                    file,
                    allow_pickle=False,
                    version=np.int64(VERSION),
                    **{name: np.asarray(getattr(self, name)) for name in FIELDS},
                )
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path | str) -> BrokenState:
        """Read a file that :meth:`save` wrote.

        Raises:
            UsageError: There is none, or it is foreign, damaged, of another version, or has no finite state.
        """
        path = Path(path)
        if not path.is_file():
            raise UsageError(f"{path}: {'not a file' if path.exists() else 'there is no such file'}.")
        arrays = _read(path)
        version = arrays.pop("version")
        if version.shape != () or version.dtype.kind not in "iu" or int(version) != VERSION:
            shown = version if version.shape == () else "of several numbers"
            raise UsageError(f"{path}: has version {shown}, and this Gaitway reads version {VERSION}.")
        problem = _kinds_problem(arrays)
        if not problem:
            values: dict[str, Any] = {
                name: array.item() if array.ndim == 0 else array for name, array in arrays.items()
            }
            state = cls(**values)
            problem = state._problem()
        if problem:
            raise UsageError(f"{path}: damaged: {problem}.")
        if not state.finite_rows().any():
            raise UsageError(f"{path}: none of its {len(state.joint_q)} states is finite; there is nothing to show.")
        return state

    def _problem(self) -> str:
        """Why the fields do not fit each other, or an empty string."""
        starts = {"q": self.joint_q_start, "qd": self.joint_qd_start}
        for kind, rows in (("q", self.joint_q), ("qd", self.joint_qd)):
            start, joints = starts[kind], len(self.joint_names)
            if rows.ndim != 2 or 0 in rows.shape:
                return f"joint_{kind} has shape {rows.shape}, not (states, {kind})"
            if start.shape != (joints + 1,):
                return f"joint_{kind}_start has shape {start.shape}, and there are {joints} joints"
            if start[0] != 0 or start[-1] != rows.shape[1] or (np.diff(start) < 0).any():
                return f"joint_{kind}_start does not divide the {rows.shape[1]} columns of joint_{kind}"
        if len(self.joint_q) != len(self.joint_qd):
            return f"joint_q has {len(self.joint_q)} states and joint_qd {len(self.joint_qd)}"
        if self.env_origin.shape != (3,) or not np.isfinite(self.env_origin).all():
            return "env_origin is not three finite numbers"
        if self.control.ndim != 1:
            return f"control has shape {self.control.shape}, not (targets,)"
        if not (np.isfinite(self.physics_dt) and self.physics_dt > 0):
            return f"physics_dt is {self.physics_dt}, not a time"
        return ""


FIELDS = tuple(item.name for item in fields(BrokenState))
_KINDS = {"task": "U", "engine": "U", "reason": "U", "joint_names": "U", "env_id": "iu", "num_step": "iu"} | {
    "joint_q_start": "iu",
    "joint_qd_start": "iu",
}
_SCALARS = ("task", "engine", "env_id", "num_step", "physics_dt", "reason")


def _read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file, all that a recording has."""
    foreign = f"{path}: not a recording of a broken state"
    try:
        with path.open("rb") as file:
            if file.read(4) != b"PK\x03\x04":  # np.load takes other formats too
                raise UsageError(f"{foreign}.")
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                missing = {"version", "joint_q"} - set(archive.files)
                if missing:
                    raise UsageError(f"{foreign}; it has no '{min(missing)}'.")
                if (version := archive["version"]).size == 1 and version != VERSION:
                    return {"version": version.reshape(())}  # its fields may have other names
                for name in FIELDS:
                    if name not in archive.files:
                        raise UsageError(f"{path}: damaged: it has no '{name}'.")
                return {name: archive[name] for name in ("version", *FIELDS)}
    except UsageError:
        raise
    except Exception as error:  # what zip, zlib and NumPy's own reader raise at foreign bytes
        message = " ".join(str(error).split())[:100]
        raise UsageError(f"{path}: damaged, cannot be read ({type(error).__name__}: {message}).") from None


def _kinds_problem(arrays: dict[str, np.ndarray]) -> str:
    """Which field is of another type than it should, or an empty string."""
    for name, array in arrays.items():
        if array.dtype.kind not in _KINDS.get(name, "f"):
            return f"{name} is of type {array.dtype}"
        if (array.shape == ()) != (name in _SCALARS) or (name == "joint_names" and array.ndim != 1):
            return f"{name} has shape {array.shape}"
    return ""


def joint_layout(model: newton.Model, world: int) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The joints of one world of a Newton model.

    Args:
        model: The model.
        world: The world, which is the environment's index.

    Returns:
        What :class:`BrokenState` calls ``joint_names``, ``joint_q_start`` and ``joint_qd_start``; the latter two count
        from the world's own first coordinate and velocity.
    """
    first, end = joint_range(model, world)
    starts: list[Any] = [model.joint_q_start, model.joint_qd_start]
    q_start, qd_start = (start.numpy()[first : end + 1].astype(np.int32) for start in starts)
    return list(model.joint_label[first:end]), q_start - q_start[0], qd_start - qd_start[0]


def joint_range(model: newton.Model, world: int) -> tuple[int, int]:
    """First joint of a world of a Newton model, and the one after its last."""
    joint_world: Any = model.joint_world
    joints = np.flatnonzero(joint_world.numpy() == world)
    if not len(joints):
        return 0, 0
    return int(joints[0]), int(joints[-1]) + 1


def short_label(label: str) -> str:
    """A joint's label without the number of its environment, to compare and to show.

    Such as ``Robot/joints/FL_hip_joint`` for ``/World/envs/env_3/Robot/joints/FL_hip_joint``.
    """
    return re.sub(r"^.*/env_\d+/", "", label)
