"""What is said of rewards, on made-up numbers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from gaitway.runs.rewards import (
    Contributions,
    draw,
    parts_of_training,
    rank_correlation,
    record,
    terms_of_training,
    warn_of_episodes,
    warn_of_training,
)


def contributions(totals: list[list[float]], success: list[bool], **changes: Any) -> Contributions:
    """Four episodes of two steps, of terms ``a``, ``b`` ..."""
    values = np.array(totals)
    count = values.shape[1]
    given = {
        "terms": tuple("abcdef"[:count]),
        "weights": (1.0,) * count,
        "step_dt": 0.02,
        "totals": values,
        "timeline": np.stack([values.mean(axis=0) / 2] * 2),
        "low": np.full(count, -1.0),
        "high": np.full(count, 1.0),
        "success": np.array(success),
        "lengths": np.full(len(values), 2),
    }
    return Contributions(**given | changes)


HALF = [True, True, False, False]
FINE = [[3.0, 2.0], [2.0, 2.0], [1.0, 1.0], [0.0, 1.0]]


def test_rewards_that_work_give_no_cause_for_warnings() -> None:
    assert warn_of_episodes(contributions(FINE, HALF)) == []


def test_a_term_that_is_nearly_all_is_pointed_out() -> None:
    # Means 9.2 and -1, then 8.8 and -1: 90.2 and 89.8 % of what is paid and charged.
    (warning,) = warn_of_episodes(contributions([[9.2, -1.0]] * 4, [True] * 4))
    assert warning.startswith("a: is 90 %")
    assert warn_of_episodes(contributions([[8.8, -1.0]] * 4, [True] * 4)) == []
    # One alone is all by itself.
    assert warn_of_episodes(contributions([[5.0]] * 4, [True] * 4)) == []


def test_a_term_that_is_always_the_same_is_pointed_out() -> None:
    found = contributions(FINE, HALF, low=np.array([-1.0, 0.02]), high=np.array([1.0, 0.02]))
    (warning,) = warn_of_episodes(found)
    assert warning.startswith("b: was 0.02 in every step")


def test_a_term_that_is_never_there_is_pointed_out() -> None:
    found = contributions(FINE, HALF, low=np.array([-1.0, 0.0]), high=np.array([1.0, 0.0]))
    (warning,) = warn_of_episodes(found)
    assert warning.startswith("b: was 0 in every step")
    (warning,) = warn_of_episodes(contributions(FINE, HALF, low=found.low, high=found.high, weights=(1.0, 0.0)))
    assert warning.startswith("b: has a weight of 0")


def test_an_episode_that_succeeds_should_be_paid_more() -> None:
    (warning,) = warn_of_episodes(contributions(FINE[::-1], HALF))
    assert "success and return disagree" in warning
    # Where all fail there is nothing to compare.
    assert warn_of_episodes(contributions(FINE[::-1], [False] * 4)) == []


def test_ranks_are_shared_by_what_is_the_same() -> None:
    assert rank_correlation(np.array([1.0, 5.0, 9.0]), np.array([0.1, 0.2, 70.0])) == pytest.approx(1.0)
    # Ranks 1, 2, 3, 4 and 1.5, 1.5, 3.5, 3.5: 4 / √(5 · 4)
    assert rank_correlation(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 0, 1, 1])) == pytest.approx(0.894427, abs=1e-6)
    assert rank_correlation(np.array([1.0, 2.0]), np.array([1, 1])) is None


def training(returns: list[float], success: list[float]) -> list[dict[str, Any]]:
    """Lines of metrics, the first before any episode ended."""
    rows = [{"step": 0, "return_mean": None, "success_rate": None}]
    return rows + [
        {"step": i, "return_mean": r, "success_rate": s} for i, (r, s) in enumerate(zip(returns, success, strict=True))
    ]


RISE = [float(i) for i in range(24)]


def test_a_policy_that_games_its_reward_is_pointed_out() -> None:
    assert warn_of_training(training(RISE, [i / 24 for i in range(24)])) == []
    (warning,) = warn_of_training(training(RISE, [0.0] * 24))
    assert "no more than one episode in fifty" in warning
    (warning,) = warn_of_training(training(RISE, [i / 12 for i in range(12)] + [1.0 - i / 12 for i in range(12)]))
    assert "games its reward" in warning
    (warning,) = warn_of_training(training(RISE, [0.3] * 24))
    assert "stayed at 30 %" in warning
    # Not where nearly all succeed anyway, nor where success was late to follow.
    assert warn_of_training(training(RISE, [0.95] * 24)) == []
    assert warn_of_training(training(RISE, [0.3] * 16 + [0.5] * 8)) == []
    # When both fall, the policy became worse, and nothing is amiss with the reward.
    falls = RISE[:12] + RISE[:12][::-1]
    assert warn_of_training(training(falls, [value / 12 for value in falls])) == []
    # Nor when a return that is noise goes with a success of none.
    assert warn_of_training(training([5.0, 4.0] * 12, [0.0] * 24)) == []
    assert warn_of_training(training(RISE[:5], [0.0] * 5)) == []


def test_the_log_is_read_as_what_an_episode_adds() -> None:
    rows = [{"step": 1}, {"step": 2, "Episode_Reward/a": 0.5, "Loss/value": 3.0}, {"step": 3, "Episode_Reward/a": None}]
    assert terms_of_training(rows, 10.0)["a"].tolist() == pytest.approx([float("nan"), 5.0, float("nan")], nan_ok=True)


def test_a_training_is_averaged_over_parts_of_it() -> None:
    rows = [
        {"step": 100 * (i + 1), "Episode_Reward/a": float(i), "return_mean": None, "success_rate": i / 8}
        for i in range(8)
    ]
    rows[7]["return_mean"] = 3.0
    steps, values = parts_of_training(rows, 2.0, pieces=4)
    assert steps == [200, 400, 600, 800]
    assert values["a"] == [1.0, 5.0, 9.0, 13.0]
    assert values["success_rate"] == [0.0625, 0.3125, 0.5625, 0.8125]
    assert values["return_mean"] == pytest.approx([float("nan")] * 3 + [3.0], nan_ok=True)
    assert parts_of_training(rows[:1], 2.0)[0] == [100]


class TwoTerms:
    """Two environments whose episodes last 2 and 3 steps; terms ``a`` and ``b`` give 1 and minus the step in it."""

    num_envs, device, step_dt, max_episode_length = 2, "cpu", 0.5, 3

    def __init__(self) -> None:
        self.unwrapped = self
        self.age = torch.zeros(2)
        self.reward_manager = SimpleNamespace(
            active_terms=["a", "b"],
            _step_reward=torch.zeros(2, 2),
            get_term_cfg=lambda name: SimpleNamespace(weight={"a": 2.0, "b": -1.0}[name]),
        )

    def reset(self) -> tuple[dict, dict]:
        return {}, {}

    def step(self, action: torch.Tensor) -> tuple:
        self.age += 1
        self.reward_manager._step_reward = torch.stack([torch.ones(2), -self.age], dim=-1)
        ended = self.age == torch.tensor([2.0, 3.0])
        self.age *= ~ended
        return {}, None, ended & torch.tensor([True, False]), ended & torch.tensor([False, True]), {
            "success": torch.tensor([False, True])
        }  # fmt: skip


def test_contributions_are_added_up_episode_by_episode() -> None:
    told: list[list[bool]] = []
    found = record(TwoTerms(), lambda obs: torch.zeros(2, 1), lambda ended: told.append(ended.tolist()), 3)
    assert told[:3] == [[False, False], [True, False], [False, True]]
    assert found.terms == ("a", "b")
    assert found.weights == (2.0, -1.0)
    # The first environment runs two episodes, the second one: 2 steps of 0.5 s, and 3; -(1 + 2) and -(1 + 2 + 3).
    assert found.totals.tolist() == [[1.0, -1.5], [1.0, -1.5], [1.5, -3.0]]
    assert found.success.tolist() == [False, False, True]
    assert found.lengths.tolist() == [2, 2, 3]
    np.testing.assert_allclose(found.timeline, [[0.5, -0.5], [0.5, -1.0], [0.5 / 3, -0.5]], atol=1e-6)
    np.testing.assert_allclose(found.timeline.sum(axis=0), found.means, atol=1e-6)
    assert found.low.tolist() == [0.5, -1.5]
    assert found.high.tolist() == [0.5, -0.5]
    np.testing.assert_allclose(found.shares, [3.5 / 9.5, 6.0 / 9.5], atol=1e-6)


def test_a_picture_is_drawn_with_and_without_a_training(tmp_path: Path) -> None:
    found = contributions(FINE, HALF)
    draw(tmp_path / "one.png", "T", found)
    rows = [{"step": i, "success_rate": None, "Episode_Reward/a": 0.1 * i} for i in range(3)]
    draw(tmp_path / "two.png", "T", found, rows, 10.0)
    assert (tmp_path / "two.png").stat().st_size > (tmp_path / "one.png").stat().st_size > 5000
    assert {file.name for file in tmp_path.iterdir()} == {"one.png", "two.png"}
