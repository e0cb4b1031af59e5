"""Judging episodes: the judges on numbers worked out by hand, and the term that keeps their answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from isaaclab.managers import CurriculumTermCfg, SceneEntityCfg

from gaitway import mdp
from gaitway.tasks import find_task, task_ids

HAND = SceneEntityCfg("robot", body_ids=[1])


def reaching(fake_env: Callable[..., Any], device: str = "cpu") -> SimpleNamespace:
    """Four hands: at the goal; 4.9 cm and 0.19 rad from it; 5.1 cm from it; turned by 0.21 rad."""
    distance, angle = [0.0, 0.049, 0.051, 0.0], [0.0, 0.19, 0.0, 0.21]
    return fake_env(
        root_pos_w=torch.tensor([[1.0, 2.0, 0.0]] * 4, device=device),
        root_quat_w=torch.tensor([[0.0, 0.0, 0.0, 1.0]] * 4, device=device),
        command=torch.tensor([[0.5, 0.0, 0.3, 0.0, 0.0, 0.0, 1.0]] * 4, device=device),
        body_pos_w=torch.tensor([[[9.0, 9.0, 9.0], [1.5, 2.0, 0.3 + d]] for d in distance], device=device),
        body_quat_w=torch.tensor(
            [[[1.0, 0.0, 0.0, 0.0], [math.sin(a / 2), 0.0, 0.0, math.cos(a / 2)]] for a in angle], device=device
        ),
    )


def walking(fake_env: Callable[..., Any], device: str = "cpu") -> SimpleNamespace:
    """Six walks: fine; too far off in the plane; about z; fallen; fallen as time ran out; stopped half way."""
    env = fake_env(
        terminated=torch.tensor([False, False, False, True, True, False], device=device),
        time_outs=torch.tensor([True, True, True, False, True, False], device=device),
    )
    errors = torch.tensor([[0.24, 0.26, 0.0, 0.0, 0.0, 0.0], [0.24, 0.0, 0.26, 0.0, 0.0, 0.0]], device=device)
    env.command_manager.get_term = lambda name: SimpleNamespace(mean_errors=lambda: (errors[0], errors[1]))
    return env


def test_reached_asks_for_position_and_orientation(fake_env) -> None:
    env = reaching(fake_env)
    verdict = mdp.reached(env, "ee_pose", HAND, position=0.05, orientation=0.2)
    assert verdict.dtype == torch.bool
    assert verdict.tolist() == [True, True, False, False]


def test_reached_without_orientation_asks_for_position_alone(fake_env) -> None:
    assert mdp.reached(reaching(fake_env), "ee_pose", HAND, position=0.05).tolist() == [True, True, False, True]


def lifting(fake_env: Callable[..., Any], device: str = "cpu") -> SimpleNamespace:
    """Four objects: at the goal; 4.9 cm above it; 5.1 cm beside it; at where the goal would be in the world frame."""
    where = [[1.0, 2.5, 0.3], [1.0, 2.5, 0.349], [1.051, 2.5, 0.3], [0.5, 0.0, 0.3]]
    half = math.sqrt(0.5)
    return fake_env(
        root_pos_w=torch.tensor([[1.0, 2.0, 0.0]] * 4, device=device),
        root_quat_w=torch.tensor([[0.0, 0.0, half, half]] * 4, device=device),
        command=torch.tensor([[0.5, 0.0, 0.3, 0.0, 0.0, 0.0, 1.0]] * 4, device=device),
        object_root_pos_w=torch.tensor(where, device=device),
    )


def test_object_at_goal_asks_for_its_position(fake_env) -> None:
    verdict = mdp.object_at_goal(lifting(fake_env), "object_pose", position=0.05)
    assert verdict.dtype == torch.bool
    assert verdict.tolist() == [True, True, False, False]


def test_kept_velocity_asks_for_small_errors_to_the_end(fake_env) -> None:
    verdict = mdp.kept_velocity(walking(fake_env), "base_velocity", linear=0.25, angular=0.25)
    assert verdict.dtype == torch.bool
    assert verdict.tolist()[:5] == [True, False, False, False, False]


def test_kept_velocity_does_not_count_an_episode_that_was_stopped(fake_env) -> None:
    assert not mdp.kept_velocity(walking(fake_env), "base_velocity", linear=0.25, angular=0.25)[5]


def test_judges_never_wait_for_the_device(fake_env) -> None:
    verdict = mdp.reached(reaching(fake_env, "meta"), "ee_pose", HAND, position=0.05, orientation=0.2)
    assert (verdict.device.type, verdict.shape) == ("meta", (4,))
    verdict = mdp.object_at_goal(lifting(fake_env, "meta"), "object_pose", position=0.05)
    assert (verdict.device.type, verdict.shape) == ("meta", (4,))
    verdict = mdp.kept_velocity(walking(fake_env, "meta"), "base_velocity", linear=0.25, angular=0.25)
    assert (verdict.device.type, verdict.shape) == ("meta", (6,))


class Judge:
    """Says what it was told to."""

    def __init__(self, *verdict: bool):
        self.verdict = torch.tensor(verdict)

    def __call__(self, env: Any) -> torch.Tensor:
        return self.verdict


def make_term(env: SimpleNamespace, judge: Any) -> mdp.EpisodeSuccess:
    return mdp.EpisodeSuccess(CurriculumTermCfg(func=mdp.EpisodeSuccess, params={"judge": judge, "params": {}}), env)


def test_each_environment_keeps_the_verdict_of_its_last_episode(fake_env) -> None:
    env = fake_env(terminated=torch.zeros(4, dtype=torch.bool))
    term = make_term(env, None)
    term(env, torch.tensor([0, 2]), judge=Judge(True, True, True, True), params={})
    assert env.extras["success"].tolist() == [True, False, True, False]
    assert env.extras["success"].dtype == torch.bool
    term(env, torch.tensor([2, 3]), judge=Judge(False, True, False, True), params={})
    assert env.extras["success"].tolist() == [True, False, False, True]
    term(env, slice(None), judge=Judge(False, True, False, False), params={})
    assert env.extras["success"].tolist() == [False, True, False, False]


def test_an_episode_without_a_step_is_no_success(fake_env) -> None:
    # The first reset of all "ends" episodes that never began.
    env = fake_env(terminated=torch.zeros(4, dtype=torch.bool))
    env.episode_length_buf[:2] = 0
    term = make_term(env, None)
    term(env, slice(None), judge=Judge(True, True, True, False), params={})
    assert env.extras["success"].tolist() == [False, False, True, False]


def test_the_share_of_the_episodes_that_ended_is_logged(fake_env) -> None:
    env = fake_env(terminated=torch.zeros(4, dtype=torch.bool))
    term = make_term(env, None)
    term(env, slice(None), judge=Judge(True, False, False, False), params={})
    term.reset(torch.tensor([0, 1]))
    assert env.extras["log"]["Metrics/success_rate"] == 0.5
    term.reset(None)
    assert env.extras["log"]["Metrics/success_rate"] == 0.25


def test_keeping_verdicts_never_waits_for_the_device(fake_env) -> None:
    env = fake_env(terminated=torch.zeros(4, dtype=torch.bool, device="meta"))
    term = make_term(env, None)
    ids = torch.zeros(2, dtype=torch.int64, device="meta")
    term(env, ids, judge=lambda env: torch.zeros(4, dtype=torch.bool, device="meta"), params={})
    term.reset(ids)
    assert env.extras["success"].device.type == "meta"


def test_names_of_bodies_are_resolved_once_at_the_start(fake_env) -> None:
    env = fake_env(terminated=torch.zeros(4, dtype=torch.bool))
    resolved = []
    entity = SceneEntityCfg("robot")
    entity.resolve = resolved.append
    params = {"judge": Judge(True, True, True, True), "params": {"asset_cfg": entity}}
    mdp.EpisodeSuccess(CurriculumTermCfg(func=mdp.EpisodeSuccess, params=params), env)
    assert resolved == [env.scene]


def test_the_thresholds_are_those_that_a_task_is_announced_with(env_cfgs: dict[str, Any]) -> None:
    units = {"position": (100.0, "cm"), "orientation": (1.0, "rad"), "linear": (1.0, "m/s"), "angular": (1.0, "rad/s")}
    for task in map(find_task, task_ids()):
        params = env_cfgs[task.id].curriculum.success.params["params"]
        for name, (factor, unit) in units.items():
            if params.get(name) is not None:
                assert f"{params[name] * factor:g} {unit}" in task.success, task.id
