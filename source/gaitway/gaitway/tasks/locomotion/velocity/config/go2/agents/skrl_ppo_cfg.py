"""PPO through skrl."""

from __future__ import annotations

from typing import Any

from gaitway.tasks.ppo_recipe import skrl_ppo

from .rsl_rl_ppo_cfg import Go2FlatPPORunnerCfg, Go2RoughPPORunnerCfg


def go2_flat() -> dict[str, Any]:
    """Flat ground."""
    return skrl_ppo(Go2FlatPPORunnerCfg())


def go2_rough() -> dict[str, Any]:
    """Rough ground."""
    return skrl_ppo(Go2RoughPPORunnerCfg())
