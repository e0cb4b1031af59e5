"""Recipes for putting a peg into a hole with the Franka Panda."""

from __future__ import annotations

from typing import Any

from isaaclab.utils import configclass
from isaaclab_tasks.utils import PresetCfg

from gaitway.tasks.ppo_recipe import PpoRecipe, skrl_ppo
from gaitway.tasks.sac_recipe import SacRecipe, sac
from gaitway.tasks.skrl_sac_recipe import skrl_sac


@configclass
class FrankaInsertPPO(PpoRecipe):
    """Find the hole and go in."""

    experiment_name = "gaitway_insert_franka"
    max_iterations = 1500

    def __post_init__(self):
        self.algorithm.gamma = 0.98


@configclass
class FrankaInsertSAC(SacRecipe):
    """Find the hole and go in."""

    experiment_name = "gaitway_insert_franka_sac"
    algorithm = sac(gamma=0.98, n_step=3, target_std=0.1)


def franka_insert_skrl_ppo() -> dict[str, Any]:
    """Find the hole and go in."""
    return skrl_ppo(FrankaInsertPPO())


def franka_insert_skrl_sac() -> PresetCfg:
    """Find the hole and go in."""
    return skrl_sac(
        "gaitway_insert_franka_sac",
        cpu_steps=48_000,
        cuda_steps=48_000,
        rewards_shaper_scale=1.0,
        discount_factor=0.98,
    )
