"""The folder of a run: ``runs/<task>/<time>_<agent>/``."""

from __future__ import annotations

import datetime
import itertools
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gaitway import __version__
from gaitway.errors import UsageError

from .checkpoints import Checkpoints
from .files import write_json, write_text

MANIFEST, INTERFACE, METRICS = "manifest.json", "interface.json", "metrics.jsonl"
FORMAT = 1
"""Version of the layout of a run; raised when an older one can no longer be read."""

_PACKAGES = ("gaitway", "isaaclab", "newton", "mujoco-warp", "warp-lang", "ovphysx", "torch", "rsl-rl-lib", "skrl")


class Run:
    """A run on disk."""

    def __init__(self, path: Path, manifest: dict[str, Any]):
        self.path = path
        """Folder of the run."""
        self.manifest = manifest
        """Task, agent, options, versions, machine, and how it ended."""
        self.checkpoints = Checkpoints(path / "checkpoints")

    @classmethod
    def create(cls, root: Path, *, task: str, agent: str, options: dict[str, Any]) -> Run:
        """Make the folder of a new run.

        Args:
            root: Folder of all runs.
            task: Task id, or ``module:id``.
            agent: Agent, such as ``rsl_rl_ppo``.
            options: What training depends on and a resumed run must find again.

        Raises:
            UsageError: The folder cannot be written.
        """
        manifest = {
            "format": FORMAT,
            "task": task,
            "agent": agent,
            "options": options,
            "status": "running",
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds"),
            "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
            "versions": {"python": platform.python_version()} | _versions(),
            "git": _git_state(),
            "machine": machine(),
        }
        stamp = datetime.datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
        folder = root / task.rpartition(":")[2]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            scratch = Path(tempfile.mkdtemp(dir=folder, prefix=".new-"))
            scratch.chmod(0o755)
            write_json(scratch / MANIFEST, manifest)
            # A run exists from this rename on, with its manifest.
            for number in itertools.count(1):
                path = folder / f"{stamp}_{agent}{'' if number == 1 else f'_{number}'}"
                if not path.exists():
                    scratch.rename(path)
                    return cls(path, manifest)
        except OSError as error:
            raise UsageError(
                f"Cannot create a run in {folder}: {error.strerror or error}. Free some space, or name another "
                "folder with --output."
            ) from error
        raise AssertionError("unreachable")

    @classmethod
    def open(cls, path: Path) -> Run:
        """Open a run.

        Raises:
            UsageError: The folder is none of a run, half written, or of a newer version.
        """
        file = path / MANIFEST
        try:
            manifest = json.loads(file.read_text())
        except FileNotFoundError:
            raise UsageError(
                f"{path} is no run of Gaitway: it has no {MANIFEST}. Name a folder in runs/<task>/, or 'latest'."
            ) from None
        except (OSError, ValueError) as error:
            raise UsageError(f"{file} cannot be read ({error}); the run cannot be used. Name another.") from None
        missing = [key for key in ("format", "task", "agent", "options") if key not in manifest]
        if missing:
            raise UsageError(f"{file} lacks {', '.join(missing)}; it was not written by 'gaitway train'.")
        if manifest["format"] > FORMAT:
            raise UsageError(f"{file} has format {manifest['format']}, this is Gaitway {__version__}; use a newer one.")
        return cls(path, manifest)

    @property
    def task(self) -> str:
        """Task id."""
        return self.manifest["task"]

    @property
    def agent(self) -> str:
        """Agent, such as ``rsl_rl_ppo``."""
        return self.manifest["agent"]

    @property
    def library(self) -> str:
        """Learning library: ``rsl_rl`` or ``skrl``."""
        return self.agent.rpartition("_")[0]

    @property
    def options(self) -> dict[str, Any]:
        """Options that a resumed run goes on with."""
        return self.manifest["options"]

    def save_manifest(self, **changes: Any) -> None:
        """Write the manifest, with changes."""
        self.manifest.update(changes)
        write_json(self.path / MANIFEST, self.manifest)

    def save_interface(self, interface: dict[str, Any]) -> None:
        """Write what goes into the policy and what comes out."""
        write_json(self.path / INTERFACE, interface)

    def interface(self) -> dict[str, Any]:
        """What goes into the policy and what comes out.

        Raises:
            UsageError: The run was stopped before its environment was up.
        """
        try:
            return json.loads((self.path / INTERFACE).read_text())
        except (OSError, ValueError):
            raise UsageError(
                f"{self.path} is half written (no {INTERFACE}): the run was stopped at its start. Train it anew."
            ) from None

    def save_configs(self, env_cfg: Any, agent_cfg: Any) -> None:
        """Write the resolved configs as YAML."""
        from isaaclab.utils.io import dump_yaml

        dump_yaml(str(self.path / "env.yaml"), env_cfg)
        dump_yaml(str(self.path / "agent.yaml"), agent_cfg)

    def append_metrics(self, row: dict[str, float]) -> None:
        """Add a line to the metrics; what is not a number yet becomes null."""
        row = {key: value if math.isfinite(value) else None for key, value in row.items()}
        with (self.path / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """All lines of the metrics; one that a kill cut short is left out."""
        rows: list[dict[str, Any]] = []
        try:
            lines = (self.path / METRICS).read_text().splitlines()
        except FileNotFoundError:
            return rows
        for line in lines:
            try:
                rows.append(json.loads(line))
            except ValueError:
                continue
        return rows

    def _metrics_cut_short(self) -> bool:
        file = self.path / METRICS
        return file.exists() and not file.read_bytes().endswith(b"\n")

    def rewind_metrics(self, iteration: int) -> None:
        """Drop metrics after an iteration, which a resumed run will measure again."""
        measured = self.metrics()
        rows = [row for row in measured if row["iteration"] <= iteration]
        if rows == measured and not self._metrics_cut_short():
            return
        write_text(self.path / METRICS, "".join(json.dumps(row) + "\n" for row in rows))


def find_run(name: str, root: Path) -> Run:
    """Open a run by its folder, or the newest one by ``latest``.

    Args:
        name: Path of a run, its path in ``root``, or ``latest``.
        root: Folder of all runs.

    Raises:
        UsageError: There is no such run.
    """
    if name == "latest":
        manifests = [file for file in root.glob(f"*/*/{MANIFEST}") if not file.parent.name.startswith(".")]
        if not manifests:
            raise UsageError(f"There is no run in {root.resolve()} yet. 'gaitway train' makes one.")
        return Run.open(max(manifests, key=lambda file: (_created(file), file.parent.name)).parent)
    for path in (Path(name), root / name):
        if path.is_dir():
            return Run.open(path)
    raise UsageError(f"There is no run '{name}'. Name its folder, as 'gaitway train' printed it, or 'latest'.")


def _created(manifest: Path) -> str:
    try:
        return json.loads(manifest.read_text()).get("created", "")
    except (OSError, ValueError):
        return ""


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """The machine, in what figures depend on."""
    import torch

    # Those that the process may use: containers and schedulers give away fewer than there are.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    info: dict[str, Any] = {
        "system": platform.platform(),
        "cpu_cores": cores,
        "cpu_instructions": torch.backends.cpu.get_cpu_capability(),
        "gpu": None,
    }
    if torch.cuda.is_available():
        info["gpu"] = torch.cuda.get_device_name(0)
    return info


def _git_state() -> dict[str, Any] | None:
    def git(*args: str) -> str:
        return subprocess.check_output(
            ["git", "-C", str(Path(__file__).parent), *args], text=True, stderr=subprocess.DEVNULL, timeout=10
        ).strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None
