"""Observations that remember, at the end of an episode: on sequences written out by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from isaaclab.managers import ObservationGroupCfg, ObservationManager, ObservationTermCfg
from isaaclab.utils import configclass

from gaitway.tasks.env import look_ahead, memories


def value(env: Any) -> torch.Tensor:
    """What a sensor says. Shape is (num_envs, 1)."""
    return env.now.clone()


@configclass
class _Group(ObservationGroupCfg):
    late = ObservationTermCfg(func=value, delay_min_lag=1, delay_max_lag=1)
    past = ObservationTermCfg(func=value, history_length=3)
    late_past = ObservationTermCfg(func=value, delay_min_lag=1, delay_max_lag=1, history_length=2)
    plain = ObservationTermCfg(func=value)


@configclass
class _Groups:
    policy: _Group = _Group()


@pytest.fixture
def env() -> Any:
    env = SimpleNamespace(num_envs=2, device="cpu", sim=SimpleNamespace(is_playing=lambda: True))
    env.now = torch.zeros(2, 1)
    env.observation_manager = ObservationManager(_Groups(), env)
    return env


def begin(env: Any, which: list[int], values: list[float]) -> None:
    env.observation_manager.reset(torch.tensor(which, dtype=torch.int32))
    env.now[which] = torch.tensor(values).unsqueeze(-1)


def step(env: Any, values: list[float], ended: list[int] = (), first: list[float] = ()) -> tuple[Any, Any]:  # type: ignore
    """What Isaac Lab's environment does in a step, with ours for the final observation."""
    manager = env.observation_manager
    env.now[:] = torch.tensor(values).unsqueeze(-1)
    final = None
    if ended:
        assert memories(manager)
        manager.compute()
        final = look_ahead(manager)["policy"].tolist()
        begin(env, ended, first)
    return manager.compute(update_history=True)["policy"].tolist(), final


def test_the_last_frame_of_an_episode_counts_and_the_next_one_begins_afresh(env) -> None:
    begin(env, [0, 1], [1.0, 10.0])
    obs = env.observation_manager.compute(update_history=True)["policy"].tolist()
    #   late, past (oldest first), late and past, plain
    assert obs == [[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], [10.0] * 7]
    obs, _ = step(env, [2.0, 20.0])
    assert obs == [[1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 2.0], [10.0, 10.0, 10.0, 20.0, 10.0, 10.0, 20.0]]
    # The first environment ends in a step in which the other goes on, and then the other does.
    obs, final = step(env, [3.0, 30.0], [0], [7.0])
    assert final[0] == [2.0, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0]
    assert obs == [[7.0] * 7, [20.0, 10.0, 20.0, 30.0, 10.0, 20.0, 30.0]]
    obs, final = step(env, [8.0, 40.0], [1], [70.0])
    assert final[1] == [30.0, 20.0, 30.0, 40.0, 20.0, 30.0, 40.0]
    assert obs == [[7.0, 7.0, 7.0, 8.0, 7.0, 7.0, 8.0], [70.0] * 7]
    obs, _ = step(env, [9.0, 80.0])
    assert obs == [[8.0, 7.0, 8.0, 9.0, 7.0, 8.0, 9.0], [70.0, 70.0, 70.0, 80.0, 70.0, 70.0, 80.0]]


def test_looking_ahead_changes_nothing(env) -> None:
    begin(env, [0, 1], [1.0, 10.0])
    manager = env.observation_manager
    with torch.inference_mode():
        for values in ([2.0, 20.0], [3.0, 30.0]):
            step(env, values)
        env.now[:] = 4.0
        seen = [look_ahead(manager)["policy"] for _ in range(3)]
        assert torch.equal(seen[0], seen[2])
        assert torch.equal(manager.compute(update_history=True)["policy"], seen[0])
