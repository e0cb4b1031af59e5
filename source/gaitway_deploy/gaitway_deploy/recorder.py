"""The flight recorder: the last seconds of a run, in a ring that becomes a file when the run ends.

The file is an ``.npz`` without anything pickled: ``time`` (T,), ``mode`` (T,), ``joint_pos``, ``joint_vel``,
``targets`` (T, joints), ``quat`` (T, 4), ``ang_vel``, ``lin_vel`` (T, 3), ``obs`` (T, observations), ``actions``
(T, actions), ``command_<name>`` (T, elements), and ``about``, JSON with the joints' names, the contract's task, and the
interventions. A sensor that the robot does not have is NaN.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Union

import numpy as np

from .contract import Contract
from .errors import DeployError
from .safety import Intervention, Safety
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
    """

    def __init__(self, contract: Contract, path: PathLike, seconds: float = 60.0, rate_multiple: int = 1):
        if not os.fspath(path).endswith(".npz"):
            raise DeployError(f"{os.fspath(path)}: a recording is a file that ends in .npz.")
        self.path = Path(path)
        self.contract = contract
        rows, joints = max(2, round(seconds * rate_multiple / contract.control_dt)), len(contract.joint_names)
        self._rows: dict[str, np.ndarray] = {
            "time": np.zeros(rows),
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
        self._commands = [(command.name, self._rows[f"command_{command.name}"]) for command in contract.commands]
        self._num = 0
        self._saved = -1
        self._interventions: list[Intervention] = []
        atexit.register(self._save_at_exit)

    def record(
        self,
        time: float,
        mode: str,
        safety: Safety,
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
        rows["joint_pos"][at] = safety.joint_pos
        rows["joint_vel"][at] = safety.joint_vel
        if state is not None:
            for name in ("quat", "ang_vel", "lin_vel"):
                value = getattr(state, name)
                rows[name][at] = np.nan if value is None else value
        for name, kept in self._commands:
            value = values.get(name)
            kept[at] = np.nan if value is None else value
        self._num += 1

    def note(self, intervention: Intervention) -> None:
        """Keep what a rule did; what it counts from now on is kept too."""
        self._interventions.append(intervention)

    def save(self) -> Path:
        """Write the file: whole or not at all."""
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
        np.savez_compressed(buffer, about=np.array(json.dumps(about)), **arrays)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, scratch = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(buffer.getvalue())
            Path(scratch).chmod(0o644)
            Path(scratch).replace(self.path)
        except BaseException:
            Path(scratch).unlink()
            raise
        self._saved = self._num
        return self.path

    def _save_at_exit(self) -> None:
        if self._num > 0 and self._saved != self._num:
            with contextlib.suppress(OSError):
                self.save()


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
        """What the robot said in a period."""
        given: dict[str, Any] = {}
        for name in ("quat", "ang_vel", "lin_vel"):
            value = self.arrays[name][row]
            given[name] = None if np.isnan(value).all() else value
        arrays = self.arrays
        return RobotState(
            float(arrays["time"][row]), self.joint_names, arrays["joint_pos"][row], arrays["joint_vel"][row], **given
        )

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
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(str(arrays.pop("about")))
        if about["format"] != FORMAT or about["version"] != VERSION:
            raise ValueError(f"its format is {about['format']} {about['version']}")
        rows = {len(array) for array in arrays.values()}
        missing = {"time", "mode", "joint_pos", "joint_vel", "targets", "quat", "ang_vel", "lin_vel"} - set(arrays)
        if len(rows) != 1 or missing or not {"task", "joint_names", "interventions"} <= set(about):
            raise ValueError("it is not whole")
        if arrays["mode"].max(initial=0) >= len(MODES) or arrays["mode"].min(initial=0) < 0:
            raise ValueError("there is no such mode")
    except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile, NotImplementedError) as error:
        raise DeployError(f"{os.fspath(path)}: no flight recording of Gaitway ({error}).") from None
    return Recording(Path(path), about, arrays)
