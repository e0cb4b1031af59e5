"""Recipes for opening a drawer with the Franka Panda."""

from __future__ import annotations

from typing import Any

from isaaclab.utils import configclass
from isaaclab_tasks.utils import PresetCfg

from gaitway.tasks.ppo_recipe import PpoRecipe, skrl_ppo
from gaitway.tasks.sac_recipe import SacRecipe, sac
from gaitway.tasks.skrl_sac_recipe import skrl_sac


@configclass
class FrankaDrawerPPO(PpoRecipe):
    """Reach, grasp and pull."""

    experiment_name = "gaitway_drawer_franka"
    max_iterations = 1500

    def __post_init__(self):
        self.algorithm.gamma = 0.98


@configclass
class FrankaDrawerSAC(SacRecipe):
    """Reach, grasp and pull."""

    experiment_name = "gaitway_drawer_franka_sac"
    algorithm = sac(gamma=0.98, n_step=3, target_std=0.1)


def franka_drawer_skrl_ppo() -> dict[str, Any]:
    """Reach, grasp and pull."""
    return skrl_ppo(FrankaDrawerPPO())


def franka_drawer_skrl_sac() -> PresetCfg:
    """Reach, grasp and pull."""
    return skrl_sac(
        "gaitway_drawer_franka_sac",
        cpu_steps=48_000,
        cuda_steps=48_000,
        rewards_shaper_scale=2.0,
        discount_factor=0.98,
    )
