"""Recipes for reaching with the UR10."""

from __future__ import annotations

from typing import Any

from isaaclab.utils import configclass
from isaaclab_tasks.utils import PresetCfg

from gaitway.tasks.ppo_recipe import PpoRecipe, skrl_ppo
from gaitway.tasks.sac_recipe import SacRecipe, sac
from gaitway.tasks.skrl_sac_recipe import skrl_sac


@configclass
class UR10ReachPPO(PpoRecipe):
    """Pose."""

    experiment_name = "gaitway_reach_ur10"

    def __post_init__(self):
        super().__post_init__()
        self.algorithm.gamma = 0.95


@configclass
class UR10ReachPositionPPO(UR10ReachPPO):
    """Position alone."""

    max_iterations = 250
    experiment_name = "gaitway_reach_position_ur10"


@configclass
class UR10ReachSAC(SacRecipe):
    """Pose."""

    experiment_name = "gaitway_reach_ur10_sac"
    algorithm = sac(gamma=0.95, target_std=0.1)


@configclass
class UR10ReachPositionSAC(UR10ReachSAC):
    """Position alone."""

    experiment_name = "gaitway_reach_position_ur10_sac"


def ur10_reach_skrl_ppo() -> dict[str, Any]:
    """Pose."""
    return skrl_ppo(UR10ReachPPO())


def ur10_reach_position_skrl_ppo() -> dict[str, Any]:
    """Position alone."""
    return skrl_ppo(UR10ReachPositionPPO())


def ur10_reach_skrl_sac() -> PresetCfg:
    """Pose, and position alone."""
    # Rewards are below 0.01 a step; with this their discounted sum is of the order of 1.
    return skrl_sac("gaitway_reach_ur10_sac", cpu_steps=24_000, cuda_steps=24_000, rewards_shaper_scale=20.0)
