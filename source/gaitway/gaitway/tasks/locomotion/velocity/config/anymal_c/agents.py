"""Recipes: those of all legged robots."""

from __future__ import annotations

from typing import Any

from isaaclab.utils import configclass
from isaaclab_tasks.utils import PresetCfg

from gaitway.tasks.locomotion.velocity.recipes import (
    FlatPPO,
    FlatSAC,
    RoughPPO,
    RoughSAC,
    flat_skrl_sac,
    rough_skrl_sac,
)
from gaitway.tasks.ppo_recipe import skrl_ppo


@configclass
class AnymalCFlatPPO(FlatPPO):
    """PPO through RSL-RL, flat ground."""

    experiment_name = "gaitway_velocity_flat_anymal_c"


@configclass
class AnymalCRoughPPO(RoughPPO):
    """PPO through RSL-RL, rough ground."""

    experiment_name = "gaitway_velocity_rough_anymal_c"


@configclass
class AnymalCFlatSAC(FlatSAC):
    """SAC through RSL-RL, flat ground."""

    experiment_name = "gaitway_velocity_flat_anymal_c_sac"


@configclass
class AnymalCRoughSAC(RoughSAC):
    """SAC through RSL-RL, rough ground."""

    experiment_name = "gaitway_velocity_rough_anymal_c_sac"


def anymal_c_flat_skrl_ppo() -> dict[str, Any]:
    """PPO through skrl, flat ground."""
    return skrl_ppo(AnymalCFlatPPO())


def anymal_c_rough_skrl_ppo() -> dict[str, Any]:
    """PPO through skrl, rough ground."""
    return skrl_ppo(AnymalCRoughPPO())


def anymal_c_flat_skrl_sac() -> PresetCfg:
    """SAC through skrl, flat ground."""
    return flat_skrl_sac("gaitway_velocity_flat_anymal_c_sac")


def anymal_c_rough_skrl_sac() -> PresetCfg:
    """SAC through skrl, rough ground."""
    return rough_skrl_sac("gaitway_velocity_rough_anymal_c_sac")
