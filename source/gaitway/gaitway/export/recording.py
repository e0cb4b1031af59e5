"""A whole episode, recorded where the policy was trained: what every other place that runs it is held against."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from gaitway.runs.policy import Player, Policy

from .observations import term_functions

SECONDS = 5.0
"""Length of a recording, where the episode is as long."""


def record_episode(
    env: Any, policy: Policy, contract: dict[str, Any], seconds: float = SECONDS
) -> dict[str, np.ndarray]:
    """Let a policy act from the first step of an episode on, and record all that a robot would have said.

    Of all environments, the first that stays up is taken, or else the one that falls last.

    Args:
        env: The Gymnasium environment, without noise and delay.
        policy: The policy, on the environment's device.
        contract: Its contract, for the names.
        seconds: How much to record, at most one episode. Unit: s.

    Returns:
        The arrays of ``episode.npz``; row t is what the policy saw and answered, and the joint targets that followed.
    """
    world = env.unwrapped
    steps = min(round(seconds / world.step_dt), int(world.max_episode_length))
    externals = [
        (term["name"], *function)
        for term, function in zip(contract["observations"], term_functions(world, policy.obs_groups), strict=True)
        if term["kind"] == "external"
    ]
    player = Player(policy, world.num_envs, world.device)
    rows: list[dict[str, np.ndarray]] = []
    whole = np.zeros(world.num_envs, dtype=int)
    running = np.ones(world.num_envs, dtype=bool)
    with torch.inference_mode():
        obs, _ = env.reset()
        for _ in range(steps):
            row = _robot_state(world) | _commands(world)
            row |= {f"extra_{name}": _array(function(world, **params)) for name, function, params in externals}
            row["obs"] = _array(torch.cat([obs[group] for group in policy.obs_groups], dim=-1))
            actions = player.act(obs)
            row["actions"] = _array(actions)
            obs, _, terminated, truncated, _ = env.step(actions)
            row["targets"] = _array(world.scene["robot"].data.joint_pos_target.torch)
            rows.append(row)
            # Where an episode has ended, the targets are already those of the next one.
            running &= ~(terminated | truncated).cpu().numpy()
            whole += running
            if not running.any():
                break
    chosen = int(np.argmax(whole))
    length = max(int(whole[chosen]), 1)
    single = {"obs", "actions"}
    arrays = {
        name: np.stack([row[name][chosen] for row in rows[:length]]).astype(np.float32 if name in single else float)
        for name in rows[0]
    }
    return {"time": world.step_dt * np.arange(length), **arrays}


def _robot_state(world: Any) -> dict[str, np.ndarray]:
    data = world.scene["robot"].data
    return {
        "joint_pos": _array(data.joint_pos.torch),
        "joint_vel": _array(data.joint_vel.torch),
        "quat": _array(data.root_link_quat_w.torch),
        "ang_vel": _array(data.root_link_ang_vel_b.torch),
        "lin_vel": _array(data.root_link_lin_vel_b.torch),
    }


def _commands(world: Any) -> dict[str, np.ndarray]:
    manager = world.command_manager
    return {f"command_{name}": _array(manager.get_command(name)) for name in manager.active_terms}


def _array(values: torch.Tensor) -> np.ndarray:
    """A copy, since the engine's own goes on changing. Shape is (num_envs, n)."""
    return values.detach().cpu().numpy().reshape(len(values), -1).copy()
