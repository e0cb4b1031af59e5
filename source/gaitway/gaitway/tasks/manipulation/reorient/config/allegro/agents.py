"""Recipes for turning a cube in the Allegro hand."""

from __future__ import annotations

from typing import Any

from isaaclab.utils import configclass
from isaaclab_tasks.utils import PresetCfg

from gaitway.tasks.ppo_recipe import PpoRecipe, skrl_ppo
from gaitway.tasks.sac_recipe import SacRecipe, sac
from gaitway.tasks.skrl_sac_recipe import skrl_sac


@configclass
class AllegroReorientPPO(PpoRecipe):
    """PPO through RSL-RL."""

    max_iterations = 5000
    save_interval = 250
    experiment_name = "gaitway_reorient_allegro"

    def __post_init__(self):
        super().__post_init__()
        self.actor.hidden_dims = [512, 256, 128]
        self.critic.hidden_dims = [512, 256, 128]


@configclass
class AllegroReorientSAC(SacRecipe):
    """SAC through RSL-RL."""

    experiment_name = "gaitway_reorient_allegro_sac"
    algorithm = sac(gamma=0.99, target_std=0.15)


def allegro_reorient_skrl_ppo() -> dict[str, Any]:
    """PPO through skrl."""
    return skrl_ppo(AllegroReorientPPO())


def allegro_reorient_skrl_sac() -> PresetCfg:
    """SAC through skrl."""
    return skrl_sac("gaitway_reorient_allegro_sac", cpu_steps=100_000, cuda_steps=100_000, discount_factor=0.99)
