"""``gaitway rewards``: what it asks for, and one call of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from gaitway.cli import main
from gaitway.runs import Run


@pytest.fixture
def gaitway(monkeypatch, capfd, tmp_path):
    """Run the command in this process, in an empty folder; return exit status and what it printed, out and err."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gaitway", "rewards", *words])
        with pytest.raises(SystemExit) as stop:
            main()
        return int(stop.value.code or 0), *capfd.readouterr()

    return call


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "Missing option '--task'"),
        (["--task", "Gaitway-Reach-Frank"], "Did you mean Gaitway-Reach-Franka"),
        (["--run", "nothing"], "There is no run 'nothing'"),
        (["--run", "latest", "--actions", "zero"], "leave it out"),
        (["--run", "latest", "--pretrained", "Gaitway-Reach-Franka"], "exclude each other"),
        (["--task", "Gaitway-Reach-Franka", "--actions", "loud"], "'loud' is not one of"),
        (["--task", "Gaitway-Reach-Franka", "--episodes", "0"], "--episodes 0: must be at least 1"),
        (["--task", "Gaitway-Reach-Franka", "--num_envs", "0"], "--num_envs 0: must be at least 1"),
        (["--task", "Gaitway-Reach-Franka", "--device", "tpu"], "not a device"),
        (["--task", "Gaitway-Reach-Franka", "--output", "picture.jpg"], "ends in .png"),
        (["--task", "Gaitway-Reach-Franka", "--output", "no/where.png"], "folder does not exist"),
        (["--task", "Gaitway-Reach-Franka", "env.rewards.distnce.weight=2"], "did you mean 'distance'"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(gaitway, tmp_path: Path, words: list[str], told: str) -> None:
    status, _, err = gaitway(*words)
    assert status == 2
    assert told in err
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_run_of_another_task_is_refused(gaitway, tmp_path: Path) -> None:
    run = Run.create(tmp_path / "runs", task="Gaitway-Velocity-Flat-Go2", agent="rsl_rl_sac", options={"overrides": []})
    run.save_interface({})
    status, _, err = gaitway("--run", str(run.path), "--task", "Gaitway-Reach-Franka")
    assert status == 2
    assert "the policy is of Gaitway-Velocity-Flat-Go2" in err


def test_contributions_are_shown_before_any_training(gaitway, tmp_path: Path) -> None:
    words = ["--task", "Gaitway-Reach-Position-Franka", "--actions", "zero", "--episodes", "6", "--num_envs", "4"]
    status, out, err = gaitway(
        *words, "--device", "cpu", "--output", "it.png", "--json", "physics=mujoco_cpu", "env.episode_length_s=0.2"
    )
    assert status == 0, err
    found = json.loads(out.splitlines()[-1])
    assert (found["task"], found["engine"], found["actions"]) == ("Gaitway-Reach-Position-Franka", "mujoco_cpu", "zero")
    assert (found["episodes"], found["length_mean"], found["run"]) == (6, 6.0, None)
    terms = {term["name"]: term for term in found["terms"]}
    assert sum(term["mean"] for term in terms.values()) == pytest.approx(found["return_mean"], rel=1e-5)
    assert sum(term["share"] for term in terms.values()) == pytest.approx(1.0)
    assert terms["near"]["mean"] > 0.0 > terms["distance"]["mean"]
    assert terms["distance"]["group"] == "track"
    # Actions that are always the same never change.
    assert any(line.startswith("action_rate: was 0 in every step") for line in found["warnings"])
    assert "zero actions" in err
    assert (tmp_path / "it.png").stat().st_size > 5000
    assert {file.name for file in tmp_path.iterdir()} == {"it.png", "it.log"}
