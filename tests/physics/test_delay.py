"""Targets that come late, against targets shifted by hand and given physics step by physics step."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from gaitway.errors import UsageError

NUM_ENVS, STEPS, DECIMATION = 16, 12, 4
MOST = 6
"""Physics steps of the longest delay: one and a half env-steps."""


def actions_of(width: int) -> torch.Tensor:
    """Shape is (STEPS, NUM_ENVS, width)."""
    return 2 * torch.rand(STEPS, NUM_ENVS, width, generator=torch.Generator().manual_seed(3)) - 1


def state(env: Any) -> torch.Tensor:
    data = env.unwrapped.scene["robot"].data
    return torch.cat([data.joint_pos.torch, data.joint_vel.torch, data.root_pos_w.torch], dim=-1).clone()


def delayed(open_env, task: str, engine: str, only_physics) -> SimpleNamespace:
    """States after each env-step with delays as drawn, over two episodes, and what the policy is shown."""

    def edit(cfg: Any) -> None:
        only_physics(cfg)
        cfg.decimation = DECIMATION
        action(cfg).delay = (0.0, MOST * cfg.sim.dt)

    with open_env(task, engine, NUM_ENVS, edit) as env:
        base = env.unwrapped
        result = SimpleNamespace(lags=[], states=[], shown=[], width=base.action_manager.total_action_dim)
        for _ in range(2):
            env.reset()
            put_back(base)
            result.lags.append(base.action_manager.get_term(base.action_manager.active_terms[0]).lags.clone())
            for targets in actions_of(result.width):
                env.step(targets)
                result.states.append(state(env))
                result.shown.append(base.action_manager.action.clone())
    return result


def by_hand(open_env, task: str, engine: str, only_physics, lags: list[torch.Tensor]) -> list[torch.Tensor]:
    """The same with env-steps of one physics step, and each environment's targets shifted by as many."""

    def edit(cfg: Any) -> None:
        only_physics(cfg)
        cfg.decimation = 1
        if "contact_forces" in vars(cfg.scene):
            cfg.scene.contact_forces.update_period = 0.0

    states, everyone = [], torch.arange(NUM_ENVS)
    with open_env(task, engine, NUM_ENVS, edit) as env:
        targets = actions_of(env.unwrapped.action_manager.total_action_dim)
        other = slice(first_action_width(env), None)
        for of_episode in lags:
            env.reset()
            put_back(env.unwrapped)
            for step in range(STEPS * DECIMATION):
                given = targets[((step - of_episode) // DECIMATION).clamp_min(0), everyone]
                given[:, other] = targets[step // DECIMATION][:, other]
                env.step(given)
                if step % DECIMATION == DECIMATION - 1:
                    states.append(state(env))
    return states


def action(cfg: Any) -> Any:
    return next(term for term in vars(cfg.actions).values() if hasattr(term, "delay"))


def first_action_width(env: Any) -> int:
    return env.unwrapped.action_manager.action_term_dim[0]


def put_back(base: Any) -> None:
    """Where it began; the events that do so are taken out."""
    for asset in (base.scene["robot"], *base.scene.rigid_objects.values()):
        pose = asset.data.default_root_pose.torch.clone()
        pose[:, :3] += base.scene.env_origins
        asset.write_root_pose_to_sim_index(root_pose=pose)
        asset.write_root_velocity_to_sim_index(root_velocity=torch.zeros(NUM_ENVS, 6))
    robot = base.scene["robot"]
    robot.write_joint_position_to_sim_index(position=robot.data.default_joint_pos.torch.clone())
    robot.write_joint_velocity_to_sim_index(velocity=torch.zeros_like(robot.data.joint_vel.torch))


@pytest.mark.parametrize("task", ["Gaitway-Velocity-Flat-Go2", "Gaitway-Drawer-Franka"])
@pytest.mark.parametrize("engine", ["mujoco_cpu", "newton_mjwarp"])
def test_targets_come_exactly_as_many_physics_steps_late_as_drawn(task, engine, open_env, only_physics) -> None:
    late = delayed(open_env, task, engine, only_physics)
    assert set(torch.cat(late.lags).tolist()) == set(range(MOST + 1))
    assert (late.lags[0] != late.lags[1]).any(), "each episode draws anew"
    for shown, given in zip(late.shown[:STEPS], actions_of(late.width), strict=True):
        assert torch.equal(shown, given), "the policy is shown what it did, not what has arrived"
    expected = by_hand(open_env, task, engine, only_physics, late.lags)
    for step, (there, here) in enumerate(zip(expected, late.states, strict=True)):
        torch.testing.assert_close(here, there, atol=2e-4, rtol=1e-4, msg=lambda m, s=step: f"env-step {s}: {m}")


def test_a_second_late_term_is_refused(open_env, only_physics) -> None:
    def edit(cfg: Any) -> None:
        cfg.actions.joint_pos.delay = (0.0, 0.01)
        cfg.actions.again = cfg.actions.joint_pos.copy()

    with (
        pytest.raises(UsageError, match="only one action term"),
        open_env("Gaitway-Velocity-Flat-Go2", "mujoco_cpu", 2, edit),
    ):
        pass
