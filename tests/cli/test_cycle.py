"""The whole line as a user walks it: train, kill, resume, judge, film, export, each as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from gaitway.runs import Run

SIZE = ["--num_envs", "16", "--device", "cpu"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cycle")


@pytest.fixture(scope="module")
def offline(tmp_path_factory) -> dict[str, str]:
    """An environment in which any attempt to reach another machine is an error."""
    site = tmp_path_factory.mktemp("site")
    (site / "sitecustomize.py").write_text(
        "import socket\n"
        "connect = socket.socket.connect\n"
        "def refuse(self, address):\n"
        "    if self.family != socket.AF_UNIX and address[0] not in ('127.0.0.1', '::1', 'localhost'):\n"
        "        raise OSError(f'this test has no network, yet {address} was asked for')\n"
        "    return connect(self, address)\n"
        "socket.socket.connect = refuse\n"
        "socket.getaddrinfo = lambda host, *a, **k: (_ for _ in ()).throw(OSError(f'no network for {host}'))\n"
    )
    return {**os.environ, "PYTHONPATH": str(site)}


def gaitway(folder: Path, env: dict[str, str], *words: str) -> dict:
    """Run a command; return its JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "gaitway", *words, "--json"], cwd=folder, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def wait_for_metrics(runs: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a training has finished its first iteration."""
    deadline = time.monotonic() + 240
    while not any(file.stat().st_size for file in runs.glob("*/*/metrics.jsonl")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "no iteration within four minutes"
        time.sleep(0.2)


def last_exported(folder: Path, env: dict[str, str], run: str, name: str) -> None:
    """Export a run, have the bundle checked, and run its ONNX by hand."""
    import onnx
    import onnxruntime

    result = gaitway(folder, env, "export", "--run", run, "--output", name, "--episodes", "4")
    assert result["max_abs_diff"] <= 1e-5
    assert result["episodes"] == 4
    bundle = folder / result["bundle"]
    checked = gaitway(folder, env, "verify", result["bundle"])
    assert checked["selftest_max_diff"] <= 1e-5
    assert checked["episode_max_diff"] <= 1e-4
    contract = json.loads((bundle / "contract.json").read_text())
    size = sum(term["width"] * term["history"]["length"] for term in contract["observations"])
    session = onnxruntime.InferenceSession(str(bundle / "policy.onnx"))
    (actions,) = session.run(None, {"obs": np.zeros((3, size), np.float32)})
    assert actions.shape == (3, 7)
    assert np.isfinite(actions).all()
    joints = contract["robot"]["joints"]
    assert [joint["name"] for joint in joints[:7]] == [f"panda_joint{i}" for i in range(1, 8)]
    assert contract["actions"][0]["type"] == "relative_joint_position"
    assert contract["actions"][0]["scale"] == [0.12, 0.12, 0.12, 0.12, 0.18, 0.24, 0.45]
    kept = {prop.key: prop.value for prop in onnx.load(bundle / "policy.onnx").metadata_props}
    assert json.loads(kept["gaitway.contract"]) == contract
    assert contract["timing"]["control_dt"] == pytest.approx(1 / 30)


def test_rsl_rl_trains_offline_is_killed_resumes_is_judged_filmed_and_exported(folder, offline):
    words = ["train", *SIZE, "--agent", "rsl_rl_ppo", "--iterations", "100000", "env.episode_length_s=0.5"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gaitway", *words],
        cwd=folder,
        env=offline,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        wait_for_metrics(folder / "runs", process)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    (manifest,) = folder.glob("runs/*/*/manifest.json")
    run = Run.open(manifest.parent)
    before = run.checkpoints.newest()
    target = before.iteration + 3

    result = gaitway(folder, offline, "train", "--resume", "latest", "--iterations", str(target))
    assert {"run", "steps", "seconds", "steps_per_second", "success_rate"} <= set(result)
    assert result["iterations"] == target
    assert result["status"] == "finished"
    assert result["steps"] == before.step + 3 * 24 * 16
    run = Run.open(manifest.parent)
    assert [row["iteration"] for row in run.metrics()] == list(range(1, target + 1))
    assert run.metrics()[-1]["success_rate"] is not None, "episodes of half a second ended, so success is known"
    assert (run.path / "checkpoints" / "last").resolve().name == f"{result['steps']:010d}"
    for name in ("curves.png", "env.yaml", "agent.yaml", "interface.json", "log.txt"):
        assert (run.path / name).stat().st_size > 0
    assert list((run.path / "tensorboard").glob("events*"))
    assert run.manifest["versions"]["isaaclab"] == "3.0.0"

    verdict = gaitway(folder, offline, "evaluate", "--run", "latest", "--episodes", "10", "--num_envs", "4")
    assert verdict["episodes"] == 10
    assert verdict["task"] == "Gaitway-Reach-Position-Franka"
    assert 0.0 <= verdict["success_low"] <= verdict["success_rate"] <= verdict["success_high"] <= 1.0
    assert verdict["length_mean"] == 15.0, "the run's own override holds: 0.5 s at 30 Hz"
    assert np.isfinite([verdict["return_mean"], verdict["return_std"]]).all()

    shown = gaitway(folder, offline, "rewards", "--run", "latest", "--episodes", "4")
    assert (shown["step"], shown["episodes"]) == (result["steps"], 4)
    terms = {term["name"]: term["mean"] for term in shown["terms"]}
    assert sum(terms.values()) == pytest.approx(shown["return_mean"], rel=1e-4)
    assert shown["training"][-1]["step"] == result["steps"]
    # What the log says of each term of the episodes that ended adds up to what they returned.
    logged = shown["training"][-1]
    assert logged["terms"].keys() == terms.keys()
    assert sum(logged["terms"].values()) == pytest.approx(logged["return_mean"], rel=0.05)
    assert (run.path / "rewards.png").stat().st_size > 5000

    last_exported(folder, offline, result["run"], "exported_rsl_rl")

    words = ["play", "--run", "latest", "--video", "film.mp4", "--seconds", "0.5"]
    no_display = {k: v for k, v in offline.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    subprocess.run([sys.executable, "-m", "gaitway", *words], cwd=folder, env=no_display, check=True)
    frames = read_frames(folder / "film.mp4")
    assert frames.shape == (15, 480, 640, 3)
    assert frames.std(axis=(1, 2, 3)).min() > 10, "a frame is blank"
    assert np.abs(frames[0].astype(int) - frames[-1].astype(int)).max() > 50, "nothing moves"


def read_frames(film: Path) -> np.ndarray:
    import imageio_ffmpeg

    reader = imageio_ffmpeg.read_frames(str(film))
    width, height = next(reader)["size"]
    return np.stack([np.frombuffer(frame, np.uint8).reshape(height, width, 3) for frame in reader])


def test_skrl_stops_at_ctrl_c_with_a_checkpoint_resumes_and_exports(folder, offline):
    words = ["train", *SIZE, "--agent", "skrl_ppo", "--iterations", "100000", "--runs", "skrl", "physics=ovphysx"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gaitway", *words, "--json"],
        cwd=folder,
        env=offline,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_metrics(folder / "skrl", process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    stopped = json.loads(out.strip().splitlines()[-1])
    assert stopped["status"] == "interrupted"
    run = Run.open(folder / stopped["run"])
    assert run.checkpoints.newest().iteration == stopped["iterations"] >= 1

    target = str(stopped["iterations"] + 1)
    result = gaitway(folder, offline, "train", "--resume", stopped["run"], "--runs", "skrl", "--iterations", target)
    assert result["iterations"] == int(target)
    last_exported(folder, offline, result["run"], "exported_skrl")


def test_sac_of_both_libraries_learns_resumes_is_judged_and_exports(folder, offline):
    with ThreadPoolExecutor() as pool:  # side by side, since most of it is one core's work
        walks = [pool.submit(walk_with_sac, folder, offline, agent) for agent in ("rsl_rl_sac", "skrl_sac")]
    for walk in walks:
        walk.result()


def walk_with_sac(folder: Path, offline: dict[str, str], agent: str) -> None:
    early = "agent.algorithm.learning_starts=64" if agent == "rsl_rl_sac" else "agent.agent.learning_starts=10"
    words = ["train", *SIZE, "--agent", agent, "--iterations", "6", "--runs", agent, "env.episode_length_s=0.5", early]
    first = gaitway(folder, offline, *words)
    run = Run.open(folder / first["run"])
    assert [row["iteration"] for row in run.metrics()] == [1, 2, 3, 4, 5, 6]
    temperature = "Loss/temperature" if agent == "rsl_rl_sac" else "Coefficient/Entropy coefficient"
    assert 0.0 < run.metrics()[-1][temperature] < 0.01, "updates were made, and the temperature fell"
    again = gaitway(folder, offline, "train", "--resume", first["run"], "--runs", agent, "--iterations", "8")
    assert again["iterations"] == 8
    state = run.checkpoints.newest().load("cpu")["learner"]
    assert any("temperature" in key or "entropy" in key for key in state)
    verdict = gaitway(folder, offline, "evaluate", "--run", first["run"], "--runs", agent, "--episodes", "4")
    assert verdict["episodes"] == 4
    assert set(verdict["metrics"]) >= {"ee_pose/position_error"}
    last_exported(folder, offline, first["run"], f"exported_{agent}")


def test_checkpoint_of_another_agent_is_refused(folder, offline):
    """The skrl run's checkpoint under an RSL-RL run's name."""
    (skrl,) = folder.glob("skrl/*/*/manifest.json")
    manifest = json.loads(skrl.read_text())
    foreign = folder / "foreign"
    foreign.mkdir()
    for name in ("interface.json", "checkpoints"):
        (foreign / name).symlink_to(skrl.parent / name)
    (foreign / "manifest.json").write_text(json.dumps(manifest | {"agent": "rsl_rl_ppo"}))
    done = subprocess.run(
        [sys.executable, "-m", "gaitway", "export", "--run", str(foreign), "--output", "out"],
        cwd=folder,
        env=offline,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "does not fit the agent rsl_rl_ppo" in done.stderr
    assert not (folder / "out").exists()


def test_a_policy_that_ships_plays_without_any_training(folder, offline):
    words = ["play", "--pretrained", "Gaitway-Reach-Position-Franka", "--video", "shipped.mp4", "--seconds", "0.5"]
    subprocess.run([sys.executable, "-m", "gaitway", *words], cwd=folder, env=offline, check=True)
    frames = read_frames(folder / "shipped.mp4")
    assert frames.shape == (15, 480, 640, 3)
    assert np.abs(frames[0].astype(int) - frames[-1].astype(int)).max() > 50, "nothing moves"
