"""Policies that ship: small, learned, of the tasks as they are, and whole once the robot's files are added."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from isaaclab_tasks.utils import resolve_task_config

from gaitway.errors import UsageError
from gaitway.export import make_bundle
from gaitway.export.changes import fingerprint
from gaitway.export.pretrained import FOLDER, LARGEST, find_pretrained, pretrained_tasks, whole_bundle
from gaitway.tasks import find_task

ROWS = json.loads((Path(__file__).resolve().parents[2] / "docs/learned.json").read_text())
TASKS = pytest.mark.parametrize("task", pretrained_tasks())


def test_there_are_some() -> None:
    assert "Gaitway-Drawer-Franka" in pretrained_tasks()


@TASKS
def test_a_policy_is_small_and_brings_nothing_of_the_robots_makers(task: str) -> None:
    assert (FOLDER / f"{task}.zip").stat().st_size <= LARGEST
    names = set(find_pretrained(task).files)
    assert names == {"contract.json", "policy.onnx", "selftest.npz", "episode.npz", "MODEL_CARD.md"}


@TASKS
def test_a_policy_has_learned_its_task_as_it_is_now(task: str) -> None:
    found = find_pretrained(task)
    made_by, card = found.contract.made_by, found.files["MODEL_CARD.md"].decode()
    assert made_by.task == task
    success = float(re.search(r"\| Success \| ([\d.]+) % ", card)[1]) / 100
    assert success >= find_task(task).threshold
    # Seeds are told apart by how long they took. (The card's episodes are others than the row's.)
    minutes = float(re.search(r"\| Wall time \| ([\d.]+) minutes", card)[1])
    rows = [r for r in ROWS if (r["task"], r["agent"], r["steps"]) == (task, made_by.agent, made_by.step)]
    row = min(rows, key=lambda row: abs(row["minutes"] - minutes))
    assert row["minutes"] == pytest.approx(minutes, abs=0.5)
    assert row["judged"]["mujoco_cpu"]["success_rate"] >= find_task(task).threshold
    now, _ = resolve_task_config(task, None, overrides=["physics=mujoco_cpu"])
    assert fingerprint(now) == row["task_fingerprint"], f"{task} was changed since: train it anew"
    # What plays it gives it the group "policy". A teacher sees another.
    seen = [name for name, term in vars(now.observations.policy).items() if hasattr(term, "func")]
    assert [term.name for term in found.contract.observations] == seen


@TASKS
def test_a_policy_acts_in_many_environments_as_it_did_when_it_was_exported(task: str) -> None:
    found = find_pretrained(task)
    recorded = np.load(io.BytesIO(found.files["selftest.npz"]))
    actions = found.policy()(torch.from_numpy(recorded["obs"]))
    torch.testing.assert_close(actions, torch.from_numpy(recorded["actions"]), atol=1e-5, rtol=1e-5)


def test_with_the_robots_files_it_is_a_whole_bundle(tmp_path: Path) -> None:
    found = find_pretrained("Gaitway-Drawer-Franka-Play")
    env_cfg, _ = resolve_task_config("Gaitway-Drawer-Franka-Play", None, overrides=[])
    # Checks itself: checksums, schema, URDF against contract, recorded answers.
    measured = make_bundle(whole_bundle(found, env_cfg), tmp_path / "drawer")
    assert measured.files > len(found.files)
    assert (tmp_path / "drawer/robot/robot.urdf").is_file()


def test_a_task_without_one_is_answered_with_those_that_have_one() -> None:
    with pytest.raises(UsageError, match="Gaitway-Drawer-Franka") as error:
        find_pretrained("Gaitway-Velocity-Rough-G1")
    assert "gaitway train --task Gaitway-Velocity-Rough-G1" in str(error.value)
    with pytest.raises(UsageError, match="Did you mean"):
        find_pretrained("Gaitway-Reach-Fanka")
