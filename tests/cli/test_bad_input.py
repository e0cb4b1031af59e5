"""Wrong input: one clear line, exit status 2, nothing left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gaitway.cli import main
from gaitway.runs import Run


@pytest.fixture
def gaitway(monkeypatch, capfd, tmp_path):
    """Run the command in this process, in an empty folder; return exit status and what it printed."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["gaitway", *words])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capfd.readouterr()
        return int(stop.value.code or 0), out + err

    return call


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["train", "--task", "Gaitway-Reach-Frank"], "Did you mean Gaitway-Reach-Franka"),
        (["train", "--task", "walk"], "'gaitway list' shows all"),
        (["train", "--agent", "rsl_rl_pp"], "Did you mean rsl_rl_ppo"),
        (["train", "--num_envs", "0"], "--num_envs 0: must be at least 1"),
        (["train", "--num_envs", "-5"], "--num_envs -5: must be at least 1"),
        (["train", "--num_envs", "100000000"], "takes more than 10000 GB"),
        (["train", "--num_envs", "many"], "'many' is not a valid integer"),
        (["train", "--iterations", "0"], "--iterations 0: must be at least 1"),
        (["train", "--iterations", "5", "--minutes", "1"], "exclude each other"),
        (["train", "--device", "tpu"], "not a device; use cpu, cuda or cuda:N"),
        (["train", "--device", "cuda:99"], "cuda:99"),
        (["train", "--nun_envs", "4"], "No such option '--nun_envs'"),
        (["train", "physics=bullet"], "it has: isaacsim_physx, mujoco_cpu, newton_mjwarp, ovphysx"),
        (["train", "physics=ovphysics"], "did you mean 'ovphysx'"),
        (["train", "physics"], "not understood"),
        (["train", "env.sceen.num_envs=4"], "did you mean 'scene'"),
        (["train", "env.scene.num_env=4"], "did you mean 'num_envs'"),
        (["train", "agnet.seed=4"], "did you mean 'agent'"),
        (["train", "agent.algorithm.gama=0.9"], "did you mean 'gamma'"),
        (["train", "env.scene.num_envs=4"], "use --num_envs for this"),
        (["train", "--resume", "latest", "--seed", "3"], "leave --seed out"),
        (["train", "physics=isaacsim_physx"], "Isaac Sim is not installed"),
        (["train", "--resume", "nothing"], "There is no run 'nothing'"),
        (["train", "--resume", "latest"], "'gaitway train' makes one"),
        (["evaluate", "--run", "latest"], "'gaitway train' makes one"),
        (["evaluate", "--run", "nothing"], "There is no run 'nothing'"),
        (["evaluate"], "Missing option '--run'"),
        (["evaluate", "--run", "x", "--pretrained", "Gaitway-Reach-Franka"], "exclude each other"),
        (["evaluate", "--pretrained", "Gaitway-Reach-Fanka"], "Did you mean Gaitway-Reach-Franka"),
        (["play", "--pretrained", "Gaitway-Velocity-Rough-G1", "--video", "a.mp4"], "No policy ships for"),
        (["play", "--video", "a.mp4"], "Missing option '--run'"),
        (["export", "--output", "a"], "Name either a run with --run, or a task"),
        (["export", "--pretrained", "Gaitway-Reach-Franka", "--episodes", "5", "--output", "a"], "judged already"),
        (["train", "--task", "no_such_module:Mine"], "cannot import 'no_such_module'"),
        (["play", "--run", "x", "--viewer", "viser", "--video", "a.mp4"], "exclude each other"),
        (["play", "--run", "x", "--video", "a.gif"], "ends in .mp4"),
        (["play", "--run", "x", "--video", "missing/a.mp4"], "its folder does not exist"),
        (["play", "--run", "x", "--viewer", "glasses"], "is not one of"),
        (["frobnicate"], "No such command"),
    ],
)
def test_says_what_where_and_what_to_do(gaitway, words, told, tmp_path):
    status, output = gaitway(*words)
    assert status == 2
    assert told in output
    assert output.strip().splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in output
    assert not list(tmp_path.glob("runs/*/*/checkpoints/0*")), "something was trained"


def test_window_viewer_without_display(gaitway, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    status, output = gaitway("play", "--run", "x", "--viewer", "newton")
    assert status == 2
    assert "there is no display here" in output


def make_run(root: Path, **changes) -> Path:
    """A run folder as a kill right after its start leaves it."""
    options = {"num_envs": 4, "device": "cpu", "seed": 1, "iterations": 2, "minutes": None, "overrides": []}
    run = Run.create(root, task="Gaitway-Reach-Position-Franka", agent="rsl_rl_ppo", options=options)
    if changes:
        run.save_manifest(**changes)
    return run.path


def test_run_stopped_at_its_start_cannot_be_judged_or_exported(gaitway, tmp_path):
    path = make_run(tmp_path / "runs")
    for words in (["evaluate"], ["export", "--output", "out"], ["play", "--video", "a.mp4"]):
        status, output = gaitway(*words, "--run", str(path))
        assert status == 2
        assert "half written" in output
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "a.mp4").exists()


def test_foreign_folder_and_newer_format(gaitway, tmp_path):
    (tmp_path / "pictures").mkdir()
    status, output = gaitway("evaluate", "--run", "pictures")
    assert (status, "is no run of Gaitway" in output) == (2, True)
    path = make_run(tmp_path / "runs", format=99)
    status, output = gaitway("evaluate", "--run", str(path))
    assert (status, "has format 99" in output) == (2, True)
    (path / "manifest.json").write_text('{"task": ')
    status, output = gaitway("evaluate", "--run", str(path))
    assert (status, "cannot be read" in output) == (2, True)


def test_output_that_exists_is_left_alone(gaitway, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    (tmp_path / "film.mp4").write_text("keep")
    status, output = gaitway("export", "--run", "x", "--output", "out")
    assert (status, "there is something already" in output) == (2, True)
    status, output = gaitway("play", "--run", "x", "--video", "film.mp4")
    assert (status, "film.mp4: exists" in output) == (2, True)
    assert (tmp_path / "out" / "mine.txt").read_text() == (tmp_path / "film.mp4").read_text() == "keep"


def test_runs_folder_that_cannot_be_written(gaitway, tmp_path):
    (tmp_path / "file").write_text("")
    status, output = gaitway("train", "--runs", "file/runs")
    assert status == 2
    assert "Cannot create a run" in output


def test_help_is_light_and_status_is_kept_by_the_real_process(tmp_path):
    """As a process: nothing slow is imported for --help, and wrong input ends with status 2."""
    probe = (
        "import sys; sys.argv = ['gaitway', '--help']\n"
        "from gaitway.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'isaaclab', 'warp', 'numpy', 'rich', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run(
        [sys.executable, "-m", "gaitway", "train", "--num_envs", "0"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("Error: --num_envs 0")


def test_list_and_doctor_end_with_one_json_object(gaitway):
    status, output = gaitway("list", "--json")
    assert status == 0
    tasks = json.loads(output.strip().splitlines()[-1])["tasks"]
    assert {t["task"] for t in tasks} >= {"Gaitway-Reach-Franka", "Gaitway-Velocity-Flat-Go2"}
    assert all(t["engines"] and t["agents"] and t["robot"] for t in tasks)
    status, output = gaitway("doctor", "--json")
    assert status == 0
    checks = json.loads(output.strip().splitlines()[-1])["checks"]
    assert all(check["ok"] or check["remedy"] for check in checks)
