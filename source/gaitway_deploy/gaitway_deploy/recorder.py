"""The flight recorder: the last seconds of a run, in a ring that becomes a file when the run ends.

The file is an ``.npz`` without anything pickled: ``time`` (T,) of the loop's periods, ``stamp`` (T,) of what the robot
said in them, ``mode`` (T,), ``joint_pos``, ``joint_vel``, ``targets`` (T, joints), ``quat`` (T, 4), ``ang_vel``,
``lin_vel`` (T, 3), ``extra_<name>`` (T, width) of external observations, ``obs`` (T, observations), ``actions``
(T, actions), ``command_<name>`` (T, elements), and ``about``, bytes of JSON with the joints' names, the contract's
task, and the interventions. What the robot did not say is NaN.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import io
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from tokenize import TokenError  # which NumPy lets through where an array's header is damaged
from typing import Any, Union

import numpy as np

from .contract import Contract
from .errors import BundleError, DeployError, RobotError
from .joint_map import JointMap
from .npz import unpack_npz
from .safety import Intervention
from .state import JointCommand, RobotState

FORMAT, VERSION = "gaitway.recording", 1
MODES = ("soft_start", "policy", "damping")
PathLike = Union[str, "os.PathLike[str]"]


class FlightRecorder:
    """Keeps the last seconds of a run; nothing is allocated while it flies.

    Args:
        contract: The contract.
        path: File to write, ending in ``.npz``. An older one is replaced.
        seconds: How much is kept.
        rate_multiple: That of the runtime.

    Raises:
        DeployError: The path does not end in ``.npz``, or nothing can be written there.
    """

    def __init__(self, contract: Contract, path: PathLike, seconds: float = 60.0, rate_multiple: int = 1):
        if not os.fspath(path).endswith(".npz"):
            raise DeployError(f"{os.fspath(path)}: a recording is a file that ends in .npz.")
        self.path = Path(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DeployError(f"{self.path}: cannot be written ({error.strerror}).") from None
        if not os.access(self.path.parent, os.W_OK):
            raise DeployError(f"{self.path}: cannot be written; the folder belongs to somebody else.")
        self.contract = contract
        rows, joints = max(2, round(seconds * rate_multiple / contract.control_dt)), len(contract.joint_names)
        self._rows: dict[str, np.ndarray] = {
            "time": np.zeros(rows),
            "stamp": np.full(rows, np.nan),
            "mode": np.zeros(rows, dtype=np.int8),
            "joint_pos": np.full((rows, joints), np.nan),
            "joint_vel": np.full((rows, joints), np.nan),
            "targets": np.zeros((rows, joints)),
            "quat": np.full((rows, 4), np.nan),
            "ang_vel": np.full((rows, 3), np.nan),
            "lin_vel": np.full((rows, 3), np.nan),
            "obs": np.zeros((rows, contract.obs_width), dtype=np.float32),
            "actions": np.zeros((rows, contract.action_width), dtype=np.float32),
        }
        for command in contract.commands:
            self._rows[f"command_{command.name}"] = np.full((rows, command.width), np.nan)
        for term in contract.observations:
            if term.kind == "external":
                self._rows[f"extra_{term.name}"] = np.full((rows, term.width), np.nan)
        self._commands = [(name, self._rows[f"command_{name}"]) for name in (item.name for item in contract.commands)]
        self._extra = [(name[6:], kept) for name, kept in self._rows.items() if name.startswith("extra_")]
        self._joints = JointMap(contract.joint_names)
        self._num = 0
        self._saved = -1
        self._interventions: list[Intervention] = []
        atexit.register(self._save_at_exit)

    def record(
        self,
        time: float,
        mode: str,
        state: RobotState | None,
        obs: np.ndarray,
        actions: np.ndarray,
        command: JointCommand,
        values: Mapping[str, np.ndarray],
    ) -> None:
        """Keep a loop period."""
        rows, at = self._rows, self._num % len(self._rows["time"])
        rows["time"][at] = time
        rows["mode"][at] = MODES.index(mode)
        rows["targets"][at] = command.position
        rows["obs"][at] = obs
        rows["actions"][at] = actions
        self._keep_state(state, at)
        for name, kept in self._commands:
            kept[at] = values.get(name, np.nan)
        self._num += 1

    def _keep_state(self, state: RobotState | None, at: int) -> None:
        rows = self._rows
        for name in ("stamp", "joint_pos", "joint_vel", "quat", "ang_vel", "lin_vel"):
            rows[name][at] = np.nan
        for _, kept in self._extra:
            kept[at] = np.nan
        if state is None:
            return
        # What does not fit the contract has stopped the robot, and is left out here.
        with contextlib.suppress(RobotError, ValueError, TypeError, IndexError):
            rows["stamp"][at] = state.time
            indices = self._joints.indices(state.joint_names)
            rows["joint_pos"][at] = state.joint_pos[indices]
            rows["joint_vel"][at] = state.joint_vel[indices]
            for name in ("quat", "ang_vel", "lin_vel"):
                value = getattr(state, name)
                if value is not None:
                    rows[name][at] = value
            for name, kept in self._extra:
                kept[at] = state.extra.get(name, np.nan)

    def note(self, intervention: Intervention) -> None:
        """Keep what a rule did; what it counts from now on is kept too."""
        self._interventions.append(intervention)

    def save(self) -> Path:
        """Write the file: whole or not at all.

        Raises:
            DeployError: It cannot be written.
        """
        room = len(self._rows["time"])
        order = np.arange(max(0, self._num - room), self._num) % room
        about = {
            "format": FORMAT,
            "version": VERSION,
            "task": self.contract.made_by.task,
            "control_dt": self.contract.control_dt,
            "joint_names": list(self.contract.joint_names),
            "observations": [[term.name, term.size] for term in self.contract.observations],
            "interventions": [_plain(item) for item in self._interventions],
        }
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {name: rows[order] for name, rows in self._rows.items()}
        text = np.frombuffer(json.dumps(about).encode("utf-8"), dtype=np.uint8)  # arrays of text need no place here
        np.savez_compressed(buffer, about=text, **arrays)
        try:
            _write_whole(self.path, buffer.getvalue())
        except OSError as error:
            raise DeployError(f"{self.path}: the recording cannot be written ({error.strerror}).") from None
        self._saved = self._num
        return self.path

    def _save_at_exit(self) -> None:
        if self._num > 0 and self._saved != self._num:
            with contextlib.suppress(DeployError):
                self.save()


def _write_whole(path: Path, data: bytes) -> None:
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(scratch).chmod(0o644)
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink()
        raise


def _plain(intervention: Intervention) -> dict[str, Any]:
    """An intervention as JSON holds it."""
    values = dataclasses.asdict(intervention)
    return {key: None if value in (float("inf"), float("-inf")) else value for key, value in values.items()}


@dataclasses.dataclass(frozen=True, eq=False)
class Recording:
    """A flight recording."""

    path: Path
    about: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Names of the joints, in the order of the arrays."""
        return tuple(self.about["joint_names"])

    @property
    def modes(self) -> list[str]:
        """Mode of each period."""
        return [MODES[i] for i in self.arrays["mode"]]

    def __len__(self) -> int:
        return len(self.arrays["time"])

    def state(self, row: int) -> RobotState:
        """What the robot said in a period; NaN if it said nothing."""
        given: dict[str, Any] = {}
        for name in ("quat", "ang_vel", "lin_vel"):
            value = self.arrays[name][row]
            given[name] = None if np.isnan(value).all() else value
        arrays = self.arrays
        extra = {name[6:]: values[row] for name, values in arrays.items() if name.startswith("extra_")}
        return RobotState(
            float(arrays["stamp"][row]),
            self.joint_names,
            arrays["joint_pos"][row],
            arrays["joint_vel"][row],
            extra=extra,
            **given,
        )

    @property
    def time(self) -> np.ndarray:
        """When each period began. Shape is (T,). Unit: s."""
        return self.arrays["time"]

    def summary(self) -> str:
        """What happened, in lines."""
        time = self.arrays["time"]
        seconds = float(time[-1] - time[0]) if len(time) else 0.0
        lines = [f"{self.about['task']}: {len(time)} periods, {seconds:.2f} s"]
        for mode in MODES:
            share = self.modes.count(mode)
            if share:
                lines.append(f"{mode:<12}{share} periods")
        if len(time):
            off = np.abs(self.arrays["joint_pos"] - self.arrays["targets"])
            at = int(np.nan_to_num(off.max(axis=0)).argmax())
            lines.append(f"Largest distance from a target: {off[:, at].max():.3f} at {self.joint_names[at]}")
        if not self.about["interventions"]:
            lines.append("No rule had to do anything.")
        for item in self.about["interventions"]:
            what = "stopped" if item["stops"] else f"limited, {item['count']} times"
            lines.append(f"{item['time']:10.3f} s  {item['rule']} {what}: {item['cause']}")
        return "\n".join(lines)


def read_recording(path: PathLike) -> Recording:
    """Read a flight recording. Nothing in it is executed or unpickled.

    Raises:
        DeployError: It is none, or damaged.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DeployError(f"{os.fspath(path)}: cannot be read ({error.strerror}).") from None
    try:
        arrays = unpack_npz(data, os.fspath(path))
        about = json.loads(arrays.pop("about").tobytes().decode("utf-8"))
        _check(about, arrays)
    except (BundleError, ValueError, KeyError, TypeError, AttributeError, RecursionError, TokenError) as error:
        raise DeployError(f"{os.fspath(path)}: no flight recording of Gaitway ({error}).") from None
    return Recording(Path(path), about, arrays)


def _check(about: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Refuse what is not as :class:`FlightRecorder` writes it.

    Raises:
        ValueError: Something is missing, or has another size.
        KeyError, TypeError: Likewise.
    """
    if about["format"] != FORMAT or about["version"] != VERSION:
        raise ValueError(f"its format is {about['format']} {about['version']}")
    names = about["joint_names"]
    if not (isinstance(names, list) and all(isinstance(name, str) for name in [*names, about["task"]])):
        raise ValueError("its names are no text")
    for item in about["interventions"]:
        if set(item) != {field.name for field in dataclasses.fields(Intervention)}:
            raise ValueError("its interventions are not whole")
        float(item["time"]), int(item["count"])
    rows, joints = len(arrays["time"]), (len(names),)
    shapes = {"time": (), "stamp": (), "mode": (), "joint_pos": joints, "joint_vel": joints, "targets": joints}
    shapes.update(quat=(4,), ang_vel=(3,), lin_vel=(3,))
    for name, shape in shapes.items():
        if arrays[name].shape != (rows, *shape):
            raise ValueError(f"its array {name} has the shape {arrays[name].shape}")
    for name, array in arrays.items():
        if array.ndim == 0 or len(array) != rows:
            raise ValueError(f"its array {name[:60]} has another length")
    if not np.isin(arrays["mode"], range(len(MODES))).all():
        raise ValueError("there is no such mode")
