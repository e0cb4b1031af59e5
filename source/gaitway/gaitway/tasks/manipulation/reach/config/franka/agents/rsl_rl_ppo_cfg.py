"""PPO through RSL-RL."""

from __future__ import annotations

from isaaclab.utils import configclass
from isaaclab_rl.rsl_rl import RslRlMLPModelCfg, RslRlPpoAlgorithmCfg

from gaitway.tasks.defaults import OnPolicyRecipe


@configclass
class FrankaReachPPORunnerCfg(OnPolicyRecipe):
    """Pose."""

    num_steps_per_env = 24
    max_iterations = 1000
    save_interval = 50
    experiment_name = "gaitway_reach_franka"
    obs_groups = {"actor": ["policy"], "critic": ["critic"]}
    actor = RslRlMLPModelCfg(
        hidden_dims=[256, 128],
        activation="relu",
        obs_normalization=True,
        distribution_cfg=RslRlMLPModelCfg.GaussianDistributionCfg(init_std=1.0),
    )
    critic = RslRlMLPModelCfg(hidden_dims=[256, 128], activation="relu", obs_normalization=True)
    algorithm = RslRlPpoAlgorithmCfg(
        value_loss_coef=1.0,
        use_clipped_value_loss=True,
        clip_param=0.2,
        entropy_coef=0.001,
        num_learning_epochs=8,
        num_mini_batches=4,
        learning_rate=1.0e-3,
        schedule="adaptive",
        gamma=0.95,
        lam=0.95,
        desired_kl=0.01,
        max_grad_norm=1.0,
    )


@configclass
class FrankaReachPositionPPORunnerCfg(FrankaReachPPORunnerCfg):
    """Position alone."""

    max_iterations = 250
    experiment_name = "gaitway_reach_position_franka"

    def __post_init__(self):
        super().__post_init__()
        for model in (self.actor, self.critic):
            model.hidden_dims, model.activation = [128, 64], "elu"
        self.algorithm.gamma = 0.98
