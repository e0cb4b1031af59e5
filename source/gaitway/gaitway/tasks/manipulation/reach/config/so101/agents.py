"""Recipes for reaching with the SO-101."""

from __future__ import annotations

from typing import Any

from isaaclab.utils import configclass
from isaaclab_tasks.utils import PresetCfg

from gaitway.tasks.ppo_recipe import PpoRecipe, skrl_ppo
from gaitway.tasks.sac_recipe import SacRecipe, sac
from gaitway.tasks.skrl_sac_recipe import skrl_sac


@configclass
class SO101ReachPPO(PpoRecipe):
    """PPO through RSL-RL."""

    max_iterations = 500
    experiment_name = "gaitway_reach_so101"

    def __post_init__(self):
        super().__post_init__()
        self.algorithm.gamma = 0.95


@configclass
class SO101ReachSAC(SacRecipe):
    """SAC through RSL-RL."""

    experiment_name = "gaitway_reach_so101_sac"
    algorithm = sac(gamma=0.95, target_std=0.1)


def so101_reach_skrl_ppo() -> dict[str, Any]:
    """PPO through skrl."""
    return skrl_ppo(SO101ReachPPO())


def so101_reach_skrl_sac() -> PresetCfg:
    """SAC through skrl."""
    # Rewards are below 0.01 a step; with this their discounted sum is of the order of 1.
    return skrl_sac("gaitway_reach_so101_sac", cpu_steps=24_000, cuda_steps=24_000, rewards_shaper_scale=20.0)
