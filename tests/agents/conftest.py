"""Small environments and agents."""

from __future__ import annotations

import contextlib
import importlib.util
import io
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from tensordict import TensorDict

from gaitway.agents.sac import SAC


@pytest.fixture(scope="session")
def pendulum() -> ModuleType:
    """The benchmark's module: its environment, recipe and runner."""
    path = Path(__file__).resolve().parents[2] / "benchmarks/pendulum.py"
    spec = importlib.util.spec_from_file_location("pendulum", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class _Still:
    """An environment that is only looked at: sizes and ranges."""

    def __init__(self, num_envs: int, num_obs: int, num_actions: int):
        self.num_envs, self.num_actions = num_envs, num_actions
        self.single_action_space = gym.spaces.Box(-1.0, 1.0, (num_actions,), dtype=np.float32)
        self.obs = TensorDict(
            {"policy": torch.randn(num_envs, num_obs), "critic": torch.randn(num_envs, num_obs + 1)},
            batch_size=[num_envs],
        )


def _make_sac(num_envs: int = 4, num_obs: int = 5, num_actions: int = 2, env: Any = None, **changes: Any) -> SAC:
    env = env or _Still(num_envs, num_obs, num_actions)
    groups = changes.pop("obs_groups", {"actor": ["policy"], "critic": ["critic"]})
    cfg: dict[str, Any] = {
        "num_steps_per_env": 2,
        "obs_groups": groups,
        "torch_compile_mode": changes.pop("torch_compile_mode", None),
        "multi_gpu": changes.pop("multi_gpu", None),
        "actor": {
            "class_name": "MLPModel",
            "hidden_dims": [16, 16],
            "activation": "relu",
            "obs_normalization": changes.pop("obs_normalization", True),
            "distribution_cfg": {"class_name": "gaitway.agents.sac:SquashedGaussian", "init_std": 0.3}
            | changes.pop("distribution", {}),
        },
        "critic": {"class_name": "gaitway.agents.sac:QCritic", "hidden_dims": [16, 16]} | changes.pop("critic", {}),
        "algorithm": {"class_name": "gaitway.agents.sac:SAC", "batch_size": 16, "learning_starts": 8}
        | {"replay_capacity": 400}
        | changes,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        return SAC.construct_algorithm(env.obs, env, cfg, "cpu")


@pytest.fixture(scope="session")
def make_sac() -> Callable[..., SAC]:
    """Give ``make_sac(**changes)``: a small SAC; keyword arguments change its recipe."""
    return _make_sac


def _feed(sac: SAC, steps: int, seed: int = 0) -> None:
    random = torch.Generator().manual_seed(seed)
    num_envs = sac.storage.num_envs
    sizes = {group: value.shape[-1] for group, value in sac.storage.observations.items()}

    def observations() -> TensorDict:
        values = {group: torch.randn(num_envs, size, generator=random) for group, size in sizes.items()}
        return TensorDict(values, batch_size=[num_envs])

    sac.train_mode()
    obs = observations()
    with torch.inference_mode():
        for _ in range(steps):
            sac.act(obs)
            obs, final = observations(), observations()
            done = torch.rand(num_envs, generator=random) < 0.2
            time_outs = done & (torch.rand(num_envs, generator=random) < 0.5)
            rewards = torch.randn(num_envs, generator=random)
            sac.process_env_step(obs, rewards, done.long(), {"time_outs": time_outs, "final_obs": final})


@pytest.fixture(scope="session")
def feed() -> Callable[..., None]:
    """Give ``feed(sac, steps, seed=0)``: steps of an environment of random numbers."""
    return _feed
