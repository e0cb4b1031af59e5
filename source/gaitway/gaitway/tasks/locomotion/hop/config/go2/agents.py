"""Who learns to hop with the Go2, and how."""

from __future__ import annotations

from isaaclab.utils import configclass
from isaaclab_tasks.utils import PresetCfg

from gaitway.tasks.ppo_recipe import PpoRecipe, skrl_ppo
from gaitway.tasks.sac_recipe import SacRecipe, sac
from gaitway.tasks.skrl_sac_recipe import skrl_sac


@configclass
class Go2HopPPO(PpoRecipe):
    """PPO."""

    def __post_init__(self):
        super().__post_init__()
        self.experiment_name = "gaitway_hop_go2"
        self.max_iterations = 1500
        self.algorithm.entropy_coef = 0.01


@configclass
class Go2HopSAC(SacRecipe):
    """SAC."""

    experiment_name = "gaitway_hop_go2_sac"
    algorithm = sac(gamma=0.98, n_step=3, target_std=0.15)


def go2_hop_skrl_ppo() -> dict:
    """PPO through skrl."""
    return skrl_ppo(Go2HopPPO())


def go2_hop_skrl_sac() -> PresetCfg:
    """SAC through skrl."""
    return skrl_sac(
        "gaitway_hop_go2_sac",
        cpu_steps=48_000,
        cuda_steps=36_000,
        discount_factor=0.98,
        target_std=0.15,
        rewards_shaper_scale=2.0,
    )
