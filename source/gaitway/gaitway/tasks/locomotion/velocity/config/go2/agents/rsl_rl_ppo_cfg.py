"""PPO through RSL-RL."""

from __future__ import annotations

from isaaclab.utils import configclass
from isaaclab_rl.rsl_rl import RslRlMLPModelCfg, RslRlPpoAlgorithmCfg

from gaitway.tasks.defaults import OnPolicyRecipe
from gaitway.tasks.locomotion.velocity.recipes import mirror


@configclass
class Go2FlatPPORunnerCfg(OnPolicyRecipe):
    """Flat ground."""

    num_steps_per_env = 24
    max_iterations = 300
    save_interval = 50
    experiment_name = "gaitway_velocity_flat_go2"
    obs_groups = {"actor": ["policy"], "critic": ["critic"]}
    actor = RslRlMLPModelCfg(
        hidden_dims=[128, 128, 128],
        activation="elu",
        obs_normalization=True,
        distribution_cfg=RslRlMLPModelCfg.GaussianDistributionCfg(init_std=0.8),
    )
    critic = RslRlMLPModelCfg(hidden_dims=[128, 128, 128], activation="elu", obs_normalization=True)
    algorithm = RslRlPpoAlgorithmCfg(
        value_loss_coef=1.0,
        use_clipped_value_loss=True,
        clip_param=0.2,
        entropy_coef=0.005,
        num_learning_epochs=4,
        num_mini_batches=4,
        learning_rate=7.0e-4,
        schedule="fixed",
        gamma=0.97,
        lam=0.95,
        desired_kl=0.01,
        max_grad_norm=1.0,
        symmetry_cfg=mirror(),
    )


@configclass
class Go2TeacherPPORunnerCfg(Go2FlatPPORunnerCfg):
    """A teacher, who sees what only a simulator knows."""

    experiment_name = "gaitway_velocity_teacher_go2"
    obs_groups = {"actor": ["teacher"], "critic": ["critic"]}


@configclass
class Go2RoughPPORunnerCfg(Go2FlatPPORunnerCfg):
    """Rough ground: larger networks for the height scan, and steps that suit whatever batch there is."""

    max_iterations = 1500
    experiment_name = "gaitway_velocity_rough_go2"

    def __post_init__(self):
        super().__post_init__()
        self.actor.hidden_dims = [512, 256, 128]
        self.actor.distribution_cfg.init_std = 1.0
        self.critic.hidden_dims = [512, 256, 128]
        self.algorithm.entropy_coef = 0.01
        self.algorithm.num_learning_epochs = 5
        self.algorithm.learning_rate = 1.0e-3
        self.algorithm.schedule = "adaptive"
        self.algorithm.gamma = 0.99
        self.algorithm.symmetry_cfg = None
