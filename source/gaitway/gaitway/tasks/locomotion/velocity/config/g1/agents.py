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
class G1FlatPPO(FlatPPO):
    """PPO through RSL-RL, flat ground."""

    experiment_name = "gaitway_velocity_flat_g1"


@configclass
class G1RoughPPO(RoughPPO):
    """PPO through RSL-RL, rough ground."""

    experiment_name = "gaitway_velocity_rough_g1"


@configclass
class G1FlatSAC(FlatSAC):
    """SAC through RSL-RL, flat ground."""

    experiment_name = "gaitway_velocity_flat_g1_sac"


@configclass
class G1RoughSAC(RoughSAC):
    """SAC through RSL-RL, rough ground."""

    experiment_name = "gaitway_velocity_rough_g1_sac"


def g1_flat_skrl_ppo() -> dict[str, Any]:
    """PPO through skrl, flat ground."""
    return skrl_ppo(G1FlatPPO())


def g1_rough_skrl_ppo() -> dict[str, Any]:
    """PPO through skrl, rough ground."""
    return skrl_ppo(G1RoughPPO())


def g1_flat_skrl_sac() -> PresetCfg:
    """SAC through skrl, flat ground."""
    return flat_skrl_sac("gaitway_velocity_flat_g1_sac")


def g1_rough_skrl_sac() -> PresetCfg:
    """SAC through skrl, rough ground."""
    return rough_skrl_sac("gaitway_velocity_rough_g1_sac")
