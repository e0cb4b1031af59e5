"""That the checks on rewards see what they are to see."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from gaitway import mdp

from . import reward_checks
from .reward_checks import check_rewards_are_the_same_elsewhere, check_rewards_never_wait, moved_value


def with_reward(fake_env: Any, func: Any, **params: Any) -> Any:
    """Two robots that stand apart, look along x and y, and drift; and one reward."""
    half = 0.5**0.5
    env = fake_env(
        root_pos_w=torch.tensor([[1.0, 2.0, 0.3], [5.0, 0.0, 0.4]]),
        root_quat_w=torch.tensor([[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, half, half]]),
        root_lin_vel_w=torch.tensor([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]]),
        heading_w=torch.tensor([0.0, 1.5]),
        env_origins=torch.tensor([[1.0, 1.0, 0.0], [5.0, 1.0, 0.0]]),
    )
    cfg = SimpleNamespace(func=func, params=params, weight=1.0)
    env.reward_manager = SimpleNamespace(active_terms=["it"], get_term_cfg=lambda name: cfg)
    return env


def data(env: Any) -> Any:
    return env.scene["robot"].data


SAME = {
    "distance from the origin": lambda env: (data(env).root_pos_w.torch - env.scene.env_origins).norm(dim=-1),
    "height": lambda env: data(env).root_pos_w.torch[:, 2],
    "speed forward": lambda env: (
        data(env).root_lin_vel_w.torch[:, 0] * data(env).heading_w.torch.cos()
        + data(env).root_lin_vel_w.torch[:, 1] * data(env).heading_w.torch.sin()
    ),
    "stock height": lambda env: mdp.base_height_l2(env, target_height=0.2),
}
OTHER = {
    "place": lambda env: data(env).root_pos_w.torch[:, 0],
    "way": lambda env: data(env).root_lin_vel_w.torch[:, 0],
    "turn": lambda env: data(env).root_quat_w.torch[:, 2],
    "heading": lambda env: data(env).heading_w.torch,
}


@pytest.mark.parametrize("name", SAME)
def test_what_is_the_same_everywhere_passes(name: str, fake_env) -> None:
    check_rewards_are_the_same_elsewhere(with_reward(fake_env, SAME[name]))


@pytest.mark.parametrize("name", OTHER)
def test_what_depends_on_the_place_or_the_way_does_not(name: str, fake_env) -> None:
    with pytest.raises(AssertionError, match="'it'"):
        check_rewards_are_the_same_elsewhere(with_reward(fake_env, OTHER[name]))


def test_what_is_bound_to_the_world_may_turn_but_not_move(fake_env, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(reward_checks.BOUND_TO_THE_WORLD, "<lambda>", "for once")
    check_rewards_are_the_same_elsewhere(with_reward(fake_env, OTHER["way"]))
    with pytest.raises(AssertionError, match="'it'"):
        check_rewards_are_the_same_elsewhere(with_reward(fake_env, OTHER["place"]))


def test_what_waits_for_the_device_does_not_pass(fake_env) -> None:
    check_rewards_never_wait(with_reward(fake_env, SAME["height"]))
    with pytest.raises(AssertionError, match="waits"):
        check_rewards_never_wait(with_reward(fake_env, lambda env: torch.ones(2) * data(env).heading_w.torch[0].item()))


def test_data_of_the_world_that_no_rule_knows_are_refused() -> None:
    with pytest.raises(AssertionError, match="no rule"):
        moved_value("root_something_w", torch.zeros(2, 3))
    values = torch.zeros(2, 3)
    assert moved_value("root_lin_vel_b", values) is values


def test_a_pose_is_moved_as_its_parts() -> None:
    pose = torch.tensor([[1.0, 0.0, 0.5, 0.0, 0.0, 0.0, 1.0]])
    moved = moved_value("root_pose_w", pose)
    # cos 2 + 3, sin 2 - 2, and a turn by 2 rad
    expected = [[2.583853, -1.090703, 0.5, 0.0, 0.0, 0.841471, 0.540302]]
    torch.testing.assert_close(moved, torch.tensor(expected), atol=1e-5, rtol=0.0)
    assert reward_checks.YAW == 2.0
