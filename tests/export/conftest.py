"""Policies that were never trained, to be exported from environments that run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from gaitway.runs.policy import Policy

MADE_BY = {
    "gaitway": "0.1.0",
    "task": "Gaitway-Some-Task",
    "agent": "rsl_rl_ppo",
    "step": 1234,
    "engine": "mujoco_cpu",
    "created": "2026-01-02T03:04:05Z",
}
TRAINING = {
    "steps": 1234,
    "iterations": 5,
    "seconds": 90.0,
    "environments": 8,
    "device": "cpu",
    "machine": "2 CPU cores",
    "randomisation": "standard",
    "options": "",
    "versions": {"torch": "2.11.0"},
    "changed": [],
}


class Linear(Policy):
    """One layer."""

    def __init__(self, sizes: tuple[int, int]):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(*sizes)

    def forward(self, obs, *_state):
        return 0.5 * torch.tanh(self.layer(obs))


class Recurrent(Policy):
    """A GRU of two layers."""

    state = ({"input": "h_in", "output": "h_out", "shape": [2, 1, 6]},)

    def __init__(self, sizes: tuple[int, int]):
        super().__init__()
        torch.manual_seed(0)
        self.rnn = nn.GRU(sizes[0], 6, num_layers=2)
        self.layer = nn.Linear(6, sizes[1])

    def forward(self, obs, *state):
        out, memory = self.rnn(obs[None], state[0])
        return self.layer(out[0]), memory


def _make_export(env: Any, task: str, policy_type: type[Policy] = Linear, episodes: int = 0):
    from isaaclab_tasks.utils import resolve_task_config

    from gaitway.export import policy_bundle
    from gaitway.tasks import find_task

    world = env.unwrapped
    sizes = world.observation_manager.group_obs_dim["policy"][0], world.action_manager.total_action_dim
    policy = policy_type(sizes).eval().requires_grad_(False)
    seen = torch.randn(50, sizes[0], generator=torch.Generator().manual_seed(0))
    trained, _ = resolve_task_config(task, None, overrides=[])
    with pytest.MonkeyPatch.context() as patch:
        # Fitting primitives takes seconds, and is tested by itself.
        patch.setattr(policy_bundle, "robot_files", _robot_files)
        return policy_bundle.export_policy(env, policy, seen, trained, find_task(task), MADE_BY, TRAINING, episodes)


def _robot_files(asset: Any) -> dict[str, bytes]:
    from gaitway.export.description import robot_files

    if asset.name not in _FILES:
        _FILES[asset.name] = robot_files(asset)
    return _FILES[asset.name]


_FILES: dict[str, dict[str, bytes]] = {}


@pytest.fixture(scope="session")
def make_export() -> Callable[..., Any]:
    """Give ``make_export(env, task, policy_type=Linear, episodes=0)``, which exports a policy."""
    return _make_export


@pytest.fixture(scope="session")
def recurrent() -> type[Policy]:
    """A policy with a memory."""
    return Recurrent


@pytest.fixture(scope="session")
def plain_env(open_env) -> Callable[..., Any]:
    """Give ``plain_env(task, edit=None)``: an environment to export from, of four worlds."""
    from gaitway.tasks.randomisation import without_randomisation

    def open_plain(task: str, edit: Callable[[Any], None] | None = None):
        def both(cfg: Any) -> None:
            without_randomisation(cfg)
            if edit is not None:
                edit(cfg)

        return open_env(f"{task}-Play", "mujoco_cpu", 4, both)

    return open_plain
