"""Recipes for picking up and placing a cube with the Franka Panda; the same for all three rewards."""

from __future__ import annotations

from typing import Any

from isaaclab.utils import configclass
from isaaclab_tasks.utils import PresetCfg

from gaitway.tasks.ppo_recipe import PpoRecipe, skrl_ppo
from gaitway.tasks.sac_recipe import SacRecipe, sac
from gaitway.tasks.skrl_sac_recipe import skrl_sac


@configclass
class FrankaPickPlacePPO(PpoRecipe):
    """Grasp, carry and put down."""

    experiment_name = "gaitway_pick_place_franka"
    max_iterations = 2000

    def __post_init__(self):
        self.algorithm.gamma = 0.98


@configclass
class FrankaPickPlaceSAC(SacRecipe):
    """Grasp, carry and put down."""

    experiment_name = "gaitway_pick_place_franka_sac"
    algorithm = sac(gamma=0.97, n_step=3, target_std=0.1)


def franka_pick_place_skrl_ppo() -> dict[str, Any]:
    """Grasp, carry and put down."""
    return skrl_ppo(FrankaPickPlacePPO())


def franka_pick_place_skrl_sac() -> PresetCfg:
    """Grasp, carry and put down."""
    # Rewards are up to 0.9 a step; with this their discounted sum is of the order of 1.
    return skrl_sac("gaitway_pick_place_franka_sac", cpu_steps=16_000, cuda_steps=48_000, rewards_shaper_scale=0.1)
