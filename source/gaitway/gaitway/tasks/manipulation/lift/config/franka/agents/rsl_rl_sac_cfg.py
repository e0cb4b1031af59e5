"""SAC through RSL-RL."""

from __future__ import annotations

from isaaclab.utils import configclass

from gaitway.tasks.sac_recipe import SacRecipe, sac


@configclass
class FrankaLiftSACRunnerCfg(SacRecipe):
    """Grasp, lift and hold."""

    experiment_name = "gaitway_lift_franka_sac"
    algorithm = sac(
        gamma=0.98,
        n_step=3,
        target_std=0.1,
    )
