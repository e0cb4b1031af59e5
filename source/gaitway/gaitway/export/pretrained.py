"""Policies that ship with the package, trained here: bundles without the robot, whose description is not ours.

The robot's files come from the installed description when a whole bundle is asked for, and are checked as every bundle
is.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gaitway.errors import UsageError
from gaitway.runs.policy import OnnxPolicy
from gaitway_deploy.archive import read_files, write_files
from gaitway_deploy.contract import Contract

from .contract import MODEL

FOLDER = Path(__file__).resolve().parents[1] / "pretrained"
ROBOT = "robot/"
"""Where a bundle has the robot's files."""
LARGEST = 1_000_000
"""Of a policy that ships. Unit: bytes."""


@dataclass(frozen=True)
class Pretrained:
    """A policy of the package."""

    task: str
    files: dict[str, bytes]
    """Its bundle's files but for the robot's and the checksums, by name."""

    @property
    def contract(self) -> Contract:
        """What it asks of a robot."""
        return Contract.from_dict(json.loads(self.files["contract.json"]))

    def policy(self) -> OnnxPolicy:
        """The network, as it acts in many environments."""
        return OnnxPolicy(self.files[MODEL])


def pretrained_tasks() -> list[str]:
    """Ids of the tasks that a policy ships for."""
    return sorted(file.stem for file in FOLDER.glob("*.zip"))


def find_pretrained(name: str) -> Pretrained:
    """Look up the policy of a task.

    Raises:
        UsageError: There is no such task, or none ships for it; the message says what there is.
    """
    from gaitway.tasks import find_task

    task = find_task(name).id
    file = FOLDER / f"{task}.zip"
    if not file.is_file():
        raise UsageError(
            f"No policy ships for {task}; train one: gaitway train --task {task}. "
            f"There are policies for: {', '.join(pretrained_tasks())}."
        )
    return Pretrained(task, read_files(file))


def keep(run: str) -> Path:
    """Export a run and put its policy into the package, in the place of an older one.

    Args:
        run: Folder of the run.

    Raises:
        UsageError: It is too large to ship.
    """
    with tempfile.TemporaryDirectory() as scratch:
        bundle = Path(scratch) / "bundle.zip"
        command = [sys.executable, "-m", "gaitway", "export", "--run", run, "--output", str(bundle)]
        subprocess.run(command, check=True)
        files = {
            name: data
            for name, data in read_files(bundle).items()
            if not name.startswith(ROBOT) and name != "checksums.json"
        }
        task = Pretrained("", files).contract.made_by.task
        slim = Path(scratch) / f"{task}.zip"
        write_files(files, slim)
        if (size := slim.stat().st_size) > LARGEST:
            raise UsageError(f"{run}: its policy has {size:,} bytes; at most {LARGEST:,} ship.")
        FOLDER.mkdir(exist_ok=True)
        target = FOLDER / slim.name
        target.with_suffix(".new").write_bytes(slim.read_bytes())
        target.with_suffix(".new").replace(target)
    return target


def whole_bundle(found: Pretrained, env_cfg: Any) -> dict[str, bytes]:
    """The files of the whole bundle, with the robot's description as it is installed here.

    Args:
        found: A policy of the package.
        env_cfg: Config of its task's ``-Play`` variant.
    """
    from .description import robot_files
    from .policy_bundle import asset_of

    return {**found.files, **robot_files(asset_of(env_cfg))}
