"""PPO through skrl."""

from __future__ import annotations

from typing import Any

from gaitway.tasks.ppo_recipe import skrl_ppo

from .rsl_rl_ppo_cfg import FrankaReachPositionPPORunnerCfg, FrankaReachPPORunnerCfg


def franka_reach() -> dict[str, Any]:
    """Pose."""
    return skrl_ppo(FrankaReachPPORunnerCfg())


def franka_reach_position() -> dict[str, Any]:
    """Position alone."""
    return skrl_ppo(FrankaReachPositionPPORunnerCfg())
