"""Recipes."""

from __future__ import annotations

import dataclasses
from typing import Any

from isaaclab.utils import configclass
from isaaclab_rl.rsl_rl import RslRlSymmetryCfg
from isaaclab_tasks.utils import PresetCfg

from gaitway.tasks.ppo_recipe import PpoRecipe, skrl_ppo
from gaitway.tasks.sac_recipe import SacRecipe, sac
from gaitway.tasks.skrl_sac_recipe import CPU, CUDA, skrl_sac

_MIRROR = RslRlSymmetryCfg(
    use_data_augmentation=True,
    data_augmentation_func="gaitway.tasks.locomotion.velocity.symmetry:mirror_left_right",
)


@configclass
class AnymalCFlatPPO(PpoRecipe):
    """PPO through RSL-RL, flat ground."""

    experiment_name = "gaitway_velocity_flat_anymal_c"

    def __post_init__(self):
        super().__post_init__()
        self.algorithm.symmetry_cfg = _MIRROR


@configclass
class AnymalCRoughPPO(AnymalCFlatPPO):
    """PPO through RSL-RL, rough ground: larger networks for the height scan."""

    experiment_name = "gaitway_velocity_rough_anymal_c"

    def __post_init__(self):
        super().__post_init__()
        self.actor.hidden_dims = [512, 256, 128]
        self.critic.hidden_dims = [512, 256, 128]
        self.algorithm.entropy_coef = 0.01


@configclass
class AnymalCFlatSAC(SacRecipe):
    """SAC through RSL-RL, flat ground."""

    experiment_name = "gaitway_velocity_flat_anymal_c_sac"
    algorithm = sac(gamma=0.97, n_step=3, target_std=0.1, symmetry_cfg=_MIRROR)


@configclass
class AnymalCRoughSAC(AnymalCFlatSAC):
    """SAC through RSL-RL, rough ground: larger networks for the height scan."""

    experiment_name = "gaitway_velocity_rough_anymal_c_sac"

    def __post_init__(self):
        super().__post_init__()
        self.actor.hidden_dims = [512, 256, 128]
        self.critic.hidden_dims = [512, 256, 128]


def anymal_c_flat_skrl_ppo() -> dict[str, Any]:
    """PPO through skrl, flat ground."""
    return skrl_ppo(AnymalCFlatPPO())


def anymal_c_rough_skrl_ppo() -> dict[str, Any]:
    """PPO through skrl, rough ground."""
    return skrl_ppo(AnymalCRoughPPO())


def anymal_c_flat_skrl_sac() -> PresetCfg:
    """SAC through skrl, flat ground."""
    # Rewards are about 0.03 a step when it walks; with this their discounted sum is of the order of 1.
    return skrl_sac(
        "gaitway_velocity_flat_anymal_c_sac",
        cpu_steps=24_000,
        cuda_steps=24_000,
        target_std=0.15,
        rewards_shaper_scale=5.0,
    )


def anymal_c_rough_skrl_sac() -> PresetCfg:
    """SAC through skrl, rough ground: larger networks for the height scan, and a memory that still fits."""
    return skrl_sac(
        "gaitway_velocity_rough_anymal_c_sac",
        cpu_steps=72_000,
        cuda_steps=36_000,
        cpu=dataclasses.replace(CPU, memory_size=250_000, hidden_dims=(512, 256)),
        cuda=dataclasses.replace(CUDA, memory_size=2_000_000, hidden_dims=(768, 384, 192)),
        target_std=0.15,
        rewards_shaper_scale=5.0,
    )
