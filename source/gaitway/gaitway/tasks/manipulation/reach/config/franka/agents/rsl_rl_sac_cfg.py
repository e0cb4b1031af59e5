"""SAC through RSL-RL."""

from __future__ import annotations

from isaaclab.utils import configclass

from gaitway.tasks.sac_recipe import SacAlgorithmCfg, SacRecipe


@configclass
class FrankaReachSACRunnerCfg(SacRecipe):
    """Pose."""

    experiment_name = "gaitway_reach_franka_sac"
    algorithm = SacAlgorithmCfg(
        batch_size=512,
        updates_per_step=4.0,
        gamma=0.97,
        tau=0.01,
        actor_learning_rate=5.0e-4,
        critic_learning_rate=5.0e-4,
        target_std=0.1,
    )
