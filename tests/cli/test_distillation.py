"""A teacher and its student as a user trains them, each command a process of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gaitway.runs import Run

TASK = "Gaitway-Velocity-Student-Go2"
SIZE = ["--num_envs", "8", "--device", "cpu"]
STUDENT = ["train", "--task", TASK, "--agent", "rsl_rl_distillation", *SIZE, "--iterations", "1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("distillation")


def gaitway(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "gaitway", *words], cwd=folder, capture_output=True, text=True)


def result(folder: Path, *words: str) -> dict:
    """Run a command; return its JSON."""
    done = gaitway(folder, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def refusal(folder: Path, *words: str) -> str:
    """Run a command that must be refused; return what it says."""
    done = gaitway(folder, *words)
    assert done.returncode == 2, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error:")]
    return line


@pytest.fixture(scope="module")
def teacher(folder) -> Path:
    """The run of a teacher that has hardly begun."""
    made = result(folder, "train", "--task", TASK, "--agent", "rsl_rl_ppo", *SIZE, "--iterations", "1")
    return folder / made["run"]


def test_a_student_learns_from_its_teacher_resumes_without_it_and_is_judged(folder, teacher) -> None:
    made = result(folder, *STUDENT, "--teacher", str(teacher), "env.episode_length_s=0.5")
    run = Run.open(folder / made["run"])
    assert run.options["teacher"]["run"] == str(teacher)
    assert run.metrics()[-1]["Loss/behavior"] > 0.0
    taught = Run.open(teacher).checkpoints.newest().load("cpu")["learner"]["actor_state_dict"]
    known = run.checkpoints.newest().load("cpu")["learner"]["teacher_state_dict"]
    assert known.keys() == taught.keys()
    assert all(torch.equal(known[name], taught[name]) for name in taught), "a teacher does not learn"

    away = teacher.with_name("away")
    teacher.rename(away)
    try:
        again = result(folder, "train", "--resume", made["run"], "--iterations", "2")
    finally:
        away.rename(teacher)
    assert again["iterations"] == 2
    kept = run.checkpoints.newest().load("cpu")
    width = sum(term["size"] for term in run.interface()["observations"]["policy"])
    assert kept["observations"].shape[1] == width, "what is kept is what the student saw"

    verdict = result(folder, "evaluate", "--run", made["run"], "--episodes", "4")
    assert verdict["episodes"] == 4
    assert verdict["length_mean"] <= 25.0, "the run's own override holds: 0.5 s at 50 Hz"
    assert set(verdict["metrics"]) >= {"base_velocity/error_vel_xy"}


def test_what_cannot_teach_is_refused_by_name(folder, teacher) -> None:
    assert "needs --teacher RUN" in refusal(folder, *STUDENT)
    assert "There is no run 'nobody'" in refusal(folder, *STUDENT, "--teacher", "nobody")
    other = ["train", "--task", TASK, "--agent", "rsl_rl_ppo", *SIZE, "--teacher", str(teacher)]
    assert "rsl_rl_ppo learns without one" in refusal(folder, *other)
    said = refusal(folder, "train", "--resume", str(teacher), "--teacher", str(teacher))
    assert "leave --teacher out" in said

    fake = folder / "fake"
    manifest = json.loads((teacher / "manifest.json").read_text())
    for change, words in (
        ({"task": "Gaitway-Velocity-Flat-Go2"}, "is a run of Gaitway-Velocity-Flat-Go2; a student of"),
        ({"agent": "rsl_rl_distillation"}, "is a student itself"),
        ({"agent": "skrl_ppo"}, "needs RSL-RL's teacher"),
    ):
        shutil.rmtree(fake, ignore_errors=True)
        shutil.copytree(teacher, fake)
        (fake / "manifest.json").write_text(json.dumps(manifest | change))
        assert words in refusal(folder, *STUDENT, "--teacher", "fake")
    assert not list((folder / "runs" / TASK).glob("*.tmp"))
