"""PPO through skrl."""

from __future__ import annotations

from typing import Any

from gaitway.tasks.ppo_recipe import skrl_ppo

from .rsl_rl_ppo_cfg import FrankaLiftPPORunnerCfg


def franka_lift() -> dict[str, Any]:
    """Grasp, lift and hold."""
    return skrl_ppo(FrankaLiftPPORunnerCfg())
