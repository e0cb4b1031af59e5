"""Episode statistics against numbers worked out by hand."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from gaitway.runs.judge import judge, wilson_interval
from gaitway.runs.meter import EpisodeMeter
from gaitway.runs.policy import Policy


def step(meter: EpisodeMeter, rewards: list[float], dones: list[int], success: list[int]) -> None:
    extras = {"success": torch.tensor(success).bool(), "log": {"Episode_Reward/near": torch.tensor(2.0)}}
    meter.add(torch.tensor(rewards), torch.tensor(dones), extras)


def test_only_whole_episodes_count():
    meter = EpisodeMeter(2, "cpu")
    # Environment 0 was in the middle of an episode when counting began; environment 1 ends its first one later.
    step(meter, [5.0, 1.0], [1, 0], [1, 0])
    assert meter.read().episodes == 0
    assert math.isnan(meter.read().return_mean)
    step(meter, [1.0, 1.0], [0, 1], [1, 1])
    step(meter, [2.0, 3.0], [1, 0], [1, 1])  # environment 0: 1 + 2 in two steps, a success
    step(meter, [7.0, 4.0], [0, 1], [1, 0])  # environment 1: 3 + 4 in two steps, a failure
    stats = meter.read()
    assert (stats.episodes, stats.return_mean, stats.length_mean, stats.success_rate) == (2, 5.0, 2.0, 0.5)
    assert stats.terms == {"Episode_Reward/near": 2.0}


def test_window_keeps_recent_episodes():
    meter = EpisodeMeter(1, "cpu", window=2)
    step(meter, [0.0], [1], [0])
    for reward in (1.0, 2.0, 3.0):
        step(meter, [reward], [1], [1])
        stats = meter.read()
    assert (stats.episodes, stats.return_mean) == (2, 2.5)


def test_wilson_interval_against_a_published_value():
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion": 15 of 148 gives 0.0624 to 0.1605.
    low, high = wilson_interval(15, 148)
    assert (low, high) == (pytest.approx(0.0624, abs=5e-5), pytest.approx(0.1605, abs=5e-5))
    assert wilson_interval(10, 10)[1] == 1.0


class Echo(Policy):
    """Gives back what it sees."""

    def forward(self, obs, *_state):
        return obs


class Counter(Policy):
    """Remembers how many steps an episode has had, and acts on it."""

    state = ({"input": "h_in", "output": "h_out", "shape": [1, 1, 1]},)

    def __init__(self):
        super().__init__()
        self.seen: list[list[float]] = []

    def forward(self, obs, *state):
        (steps,) = state
        self.seen.append(steps.flatten().tolist())
        return obs, steps + 1.0


class Countdown:
    """Environment i ends an episode every i + 1 steps; it succeeds where i is odd and pays 1 a step."""

    def __init__(self, num_envs: int):
        self.unwrapped = SimpleNamespace(num_envs=num_envs, device="cpu")
        self.age = torch.zeros(num_envs, dtype=torch.long)

    def reset(self):
        return {"policy": torch.zeros(len(self.age), 1)}, {}

    def step(self, _actions):
        self.age += 1
        index = torch.arange(len(self.age))
        ended = self.age > index
        self.age *= ~ended
        # Like Isaac Lab's: the mean over what ended in this step, left standing where nothing did.
        extras = {"success": index % 2 == 1, "log": {"Metrics/error": index[ended].float().mean(), "Loss": 9.0}}
        return {"policy": torch.zeros(len(index), 1)}, torch.ones(len(index)), ended, torch.zeros_like(ended), extras


def test_short_episodes_do_not_count_for_more():
    # Seven episodes over four environments: two of each but the last. Lengths 1, 1, 2, 2, 3, 3, 4.
    verdict = judge(Countdown(4), Echo(), 7)
    assert verdict.episodes == 7
    assert verdict.success_rate == pytest.approx(3 / 7)
    assert verdict.return_mean == verdict.length_mean == pytest.approx(16 / 7)
    # Ten steps, since the end is looked for every tenth: 10, 5, 3 and 2 episodes of errors 0, 1, 2 and 3.
    assert verdict.metrics == {"error": pytest.approx((5 * 1 + 3 * 2 + 2 * 3) / 20)}
    assert verdict.return_std == pytest.approx(math.sqrt((2 * 1 + 2 * 4 + 2 * 9 + 16) / 7 - (16 / 7) ** 2))


def test_memory_of_an_episode_is_forgotten_with_it():
    policy = Counter()
    judge(Countdown(3), policy, 3)
    # Episodes of one, two and three steps.
    assert policy.seen[:6] == [[0, 0, 0], [0, 1, 1], [0, 0, 2], [0, 1, 0], [0, 0, 1], [0, 1, 2]]
