"""Who learns to stand up with the Go2, and how."""

from __future__ import annotations

from isaaclab.utils import configclass
from isaaclab_tasks.utils import PresetCfg

from gaitway.tasks.locomotion.velocity.recipes import mirror
from gaitway.tasks.ppo_recipe import PpoRecipe, skrl_ppo
from gaitway.tasks.sac_recipe import SacRecipe, sac
from gaitway.tasks.skrl_sac_recipe import skrl_sac


@configclass
class Go2StandUpPPO(PpoRecipe):
    """PPO."""

    def __post_init__(self):
        super().__post_init__()
        self.experiment_name = "gaitway_stand_up_go2"
        self.algorithm.gamma = 0.98
        self.algorithm.symmetry_cfg = mirror()


@configclass
class Go2StandUpSAC(SacRecipe):
    """SAC. To begin with, legs thrash about: a robot on its back that holds them up never learns what they are for."""

    experiment_name = "gaitway_stand_up_go2_sac"
    algorithm = sac(
        gamma=0.98,
        n_step=3,
        target_std=0.2,
        symmetry_cfg=mirror(),
        cpu={"random_transitions": 20_000, "learning_starts": 20_000},
    )


def go2_stand_up_skrl_ppo() -> dict:
    """PPO through skrl."""
    return skrl_ppo(Go2StandUpPPO())


def go2_stand_up_skrl_sac() -> PresetCfg:
    """SAC through skrl."""
    return skrl_sac(
        "gaitway_stand_up_go2_sac",
        cpu_steps=24_000,
        cuda_steps=24_000,
        discount_factor=0.98,
        target_std=0.2,
        rewards_shaper_scale=1.0,
    )
