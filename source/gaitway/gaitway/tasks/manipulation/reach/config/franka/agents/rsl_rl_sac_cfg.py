"""SAC through RSL-RL."""

from __future__ import annotations

from isaaclab.utils import configclass

from gaitway.tasks.sac_recipe import SacRecipe, sac


@configclass
class FrankaReachSACRunnerCfg(SacRecipe):
    """Pose."""

    experiment_name = "gaitway_reach_franka_sac"
    algorithm = sac(gamma=0.95, target_std=0.1)


@configclass
class FrankaReachPositionSACRunnerCfg(FrankaReachSACRunnerCfg):
    """Position alone."""

    experiment_name = "gaitway_reach_position_franka_sac"
