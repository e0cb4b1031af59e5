"""Training on native MuJoCo, twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch

from gaitway.runs import Run

ITERATIONS, NUM_ENVS = 20, 16


def _train(folder: Path, num_threads: int) -> tuple[dict[str, torch.Tensor], list[float]]:
    """The policy's weights, and the return after each iteration."""
    folder.mkdir()
    words = ["--task", "Gaitway-Velocity-Flat-Go2", "--num_envs", NUM_ENVS, "--iterations", ITERATIONS, "--seed", 5]
    words += ["--device", "cpu", "physics=mujoco_cpu", f"env.sim.physics.solver_cfg.num_threads={num_threads}"]
    # Short episodes, so that resets come into it.
    words += ["env.episode_length_s=1.0"]
    command = [sys.executable, "-m", "gaitway", "train", *map(str, words)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (manifest,) = folder.glob("runs/*/*/manifest.json")
    run = Run.open(manifest.parent)
    state = run.checkpoints.newest().load("cpu")["learner"]
    tensors: dict[str, torch.Tensor] = {}

    def collect(prefix: str, node: object) -> None:
        if isinstance(node, torch.Tensor):
            tensors[prefix] = node
        elif isinstance(node, dict):
            for key, value in node.items():
                collect(f"{prefix}.{key}", value)

    collect("", state)
    return tensors, [row["return_mean"] for row in run.metrics()]


def test_training_is_the_same_bit_by_bit_with_any_number_of_threads(tmp_path):
    weights, returns = _train(tmp_path / "one", num_threads=1)
    again, returns_again = _train(tmp_path / "three", num_threads=3)
    assert len(returns) == ITERATIONS
    assert returns == returns_again
    learned = [name for name, tensor in weights.items() if tensor.is_floating_point() and tensor.ndim == 2]
    assert learned, list(weights)
    assert weights.keys() == again.keys()
    for name in weights:
        assert torch.equal(weights[name], again[name]), name
