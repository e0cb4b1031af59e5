"""Recipes for lifting a cube with the Franka Panda."""

from __future__ import annotations

from typing import Any

from isaaclab.utils import configclass
from isaaclab_tasks.utils import PresetCfg

from gaitway.tasks.ppo_recipe import PpoRecipe, skrl_ppo
from gaitway.tasks.sac_recipe import SacRecipe, sac
from gaitway.tasks.skrl_sac_recipe import skrl_sac


@configclass
class FrankaLiftPPO(PpoRecipe):
    """Grasp, lift and hold."""

    experiment_name = "gaitway_lift_franka"
    max_iterations = 1500

    def __post_init__(self):
        self.algorithm.gamma = 0.98


@configclass
class FrankaLiftSAC(SacRecipe):
    """Grasp, lift and hold."""

    experiment_name = "gaitway_lift_franka_sac"
    algorithm = sac(gamma=0.97, n_step=3, target_std=0.1)


def franka_lift_skrl_ppo() -> dict[str, Any]:
    """Grasp, lift and hold."""
    return skrl_ppo(FrankaLiftPPO())


def franka_lift_skrl_sac() -> PresetCfg:
    """Grasp, lift and hold."""
    # Rewards are up to 0.6 a step; with this their discounted sum is of the order of 1.
    return skrl_sac("gaitway_lift_franka_sac", cpu_steps=16_000, cuda_steps=48_000, rewards_shaper_scale=0.2)
