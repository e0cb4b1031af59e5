"""Checkpoints that a kill at any moment cannot damage.

A checkpoint is a folder ``checkpoints/<step>/`` with ``state.pt`` and ``checkpoint.json``, which holds its checksum. It
is written under another name and renamed when whole; ``checkpoints/last`` points at the newest.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gaitway.errors import UsageError

from .files import sync_folder, write_json

STATE, INFO, LAST = "state.pt", "checkpoint.json", "last"


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint."""

    path: Path
    step: int
    """Environment steps taken, over all environments."""
    iteration: int
    """Iterations done."""
    seconds: float
    """Seconds spent training."""

    def load(self, device: str | torch.device) -> dict[str, Any]:
        """The learner's state on a device. Holds tensors and plain values only: nothing in it is executed."""
        return torch.load(self.path / STATE, map_location=device, weights_only=True)


class Checkpoints:
    """The checkpoints of a run."""

    def __init__(self, folder: Path, keep: int = 5):
        """
        Args:
            folder: Where they are.
            keep: How many of the newest stay.
        """
        self.folder = folder
        self.keep = keep

    def write(self, state: dict[str, Any], *, step: int, iteration: int, seconds: float) -> Checkpoint:
        """Write a checkpoint, then drop the oldest beyond ``keep``.

        Args:
            state: The learner's state: tensors and plain values in dicts, lists and tuples.
            step: Environment steps taken, over all environments.
            iteration: Iterations done.
            seconds: Seconds spent training.

        Raises:
            OSError: The disk is full or cannot be written. Checkpoints written before are whole.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / f"{step:010d}"
        scratch = self.folder / f".{target.name}.{os.getpid()}.tmp"
        shutil.rmtree(scratch, ignore_errors=True)
        try:
            scratch.mkdir()
            with (scratch / STATE).open("wb") as file:
                torch.save(state, file)
                file.flush()
                os.fsync(file.fileno())
            info = {"step": step, "iteration": iteration, "seconds": seconds, "sha256": _digest(scratch / STATE)}
            write_json(scratch / INFO, info)
            if target.exists():
                shutil.rmtree(target)
            scratch.rename(target)
            sync_folder(self.folder)
        except RuntimeError as error:
            # torch reports a full disk as a RuntimeError of its own
            raise OSError(f"{error}".splitlines()[0]) from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        self._point_last(target)
        for old in self._folders()[: -self.keep]:
            shutil.rmtree(old, ignore_errors=True)
        return Checkpoint(target, step, iteration, seconds)

    def _point_last(self, target: Path) -> None:
        link = self.folder / f".{LAST}.{os.getpid()}.tmp"
        link.unlink(missing_ok=True)
        link.symlink_to(target.name)
        link.replace(self.folder / LAST)

    def _folders(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted(p for p in self.folder.iterdir() if p.name.isdigit() and p.is_dir())

    def newest(self, warn=print) -> Checkpoint:
        """The newest whole checkpoint. Damaged ones are named and passed over.

        Args:
            warn: Called with a line for each damaged checkpoint.

        Raises:
            UsageError: There is none.
        """
        for folder in reversed(self._folders()):
            try:
                info = json.loads((folder / INFO).read_text())
                if _digest(folder / STATE) != info["sha256"]:
                    raise ValueError("its checksum does not match")
                return Checkpoint(folder, info["step"], info["iteration"], info["seconds"])
            except (OSError, ValueError, KeyError, TypeError) as error:
                warn(f"Checkpoint {folder} is damaged ({error}); taking the one before it.")
        raise UsageError(
            f"No whole checkpoint in {self.folder}: the run was stopped before its first one. "
            "Train it anew, or name another run."
        )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def random_state() -> dict[str, Any]:
    """State of all random generators that training draws from, as tensors and plain values."""
    name, keys, position, has_gauss, gauss = np.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": [name, torch.from_numpy(keys.astype(np.int64)), position, has_gauss, gauss],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Put back what :func:`random_state` returned."""
    version, internal, gauss_next = state["python"]
    random.setstate((version, tuple(internal), gauss_next))
    name, keys, position, has_gauss, gauss = state["numpy"]
    np.random.set_state((name, keys.cpu().numpy().astype(np.uint32), position, has_gauss, gauss))
    torch.set_rng_state(state["torch"].cpu())
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([s.cpu() for s in state["cuda"]])
