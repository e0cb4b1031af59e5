"""Recipes that legged robots share; a robot's own give them its name, and say where it wants something else."""

from __future__ import annotations

import dataclasses

from isaaclab.utils import configclass
from isaaclab_rl.rsl_rl import RslRlSymmetryCfg
from isaaclab_tasks.utils import PresetCfg

from gaitway.tasks.ppo_recipe import PpoRecipe
from gaitway.tasks.sac_recipe import SacRecipe, sac


def mirror() -> RslRlSymmetryCfg:
    """Learn from what was, and from what it would have been with left and right exchanged."""
    return RslRlSymmetryCfg(
        use_data_augmentation=True,
        data_augmentation_func="gaitway.tasks.locomotion.velocity.symmetry:mirror_left_right",
    )


@configclass
class FlatPPO(PpoRecipe):
    """PPO through RSL-RL, flat ground."""

    def __post_init__(self):
        super().__post_init__()
        self.algorithm.symmetry_cfg = mirror()


@configclass
class RoughPPO(FlatPPO):
    """PPO through RSL-RL, rough ground: larger networks for the height scan."""

    def __post_init__(self):
        super().__post_init__()
        self.actor.hidden_dims = [512, 256, 128]
        self.critic.hidden_dims = [512, 256, 128]
        self.algorithm.entropy_coef = 0.01


@configclass
class FlatSAC(SacRecipe):
    """SAC through RSL-RL, flat ground."""

    algorithm = sac(gamma=0.97, n_step=3, target_std=0.2, symmetry_cfg=mirror())


@configclass
class RoughSAC(FlatSAC):
    """SAC through RSL-RL, rough ground: larger networks for the height scan."""

    def __post_init__(self):
        super().__post_init__()
        self.actor.hidden_dims = [512, 256, 128]
        self.critic.hidden_dims = [512, 256, 128]


def flat_skrl_sac(directory: str) -> PresetCfg:
    """SAC through skrl, flat ground.

    Args:
        directory: Folder of Isaac Lab's logs.
    """
    from gaitway.tasks.skrl_sac_recipe import skrl_sac  # loads skrl, which not every training needs

    # Rewards are about 0.03 a step when it walks; with this their discounted sum is of the order of 1.
    return skrl_sac(directory, cpu_steps=24_000, cuda_steps=24_000, target_std=0.15, rewards_shaper_scale=5.0)


def rough_skrl_sac(directory: str) -> PresetCfg:
    """SAC through skrl, rough ground: larger networks for the height scan, and a memory that still fits.

    Args:
        directory: Folder of Isaac Lab's logs.
    """
    from gaitway.tasks.skrl_sac_recipe import CPU, CUDA, skrl_sac

    return skrl_sac(
        directory,
        cpu_steps=72_000,
        cuda_steps=36_000,
        cpu=dataclasses.replace(CPU, memory_size=250_000, hidden_dims=(512, 256)),
        cuda=dataclasses.replace(CUDA, memory_size=2_000_000, hidden_dims=(768, 384, 192)),
        target_std=0.15,
        rewards_shaper_scale=5.0,
    )
