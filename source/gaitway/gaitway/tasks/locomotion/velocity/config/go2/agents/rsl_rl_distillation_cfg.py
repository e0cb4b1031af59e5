"""Distillation through RSL-RL: a student learns to do what its teacher would."""

from __future__ import annotations

from isaaclab.utils import configclass
from isaaclab_rl.rsl_rl import RslRlDistillationAlgorithmCfg, RslRlDistillationRunnerCfg, RslRlMLPModelCfg

from gaitway.tasks.defaults import auto_device

from .rsl_rl_ppo_cfg import Go2TeacherPPORunnerCfg


@configclass
class Go2StudentDistillationRunnerCfg(RslRlDistillationRunnerCfg):
    """A student who sees what the robot measures. The teacher's network here is PPO's; ``--teacher`` brings its own."""

    device: str = auto_device()
    num_steps_per_env = 24
    max_iterations = 300
    save_interval = 50
    experiment_name = "gaitway_velocity_student_go2"
    obs_groups = {"student": ["policy"], "teacher": ["teacher"]}
    student = RslRlMLPModelCfg(
        hidden_dims=[256, 128, 128],
        activation="relu",  # on a CPU, torch takes a hundred times as long for ELU
        obs_normalization=True,
        # Held: it leads the student through states beside its own path.
        distribution_cfg=RslRlMLPModelCfg.GaussianDistributionCfg(init_std=0.1),
    )
    teacher = Go2TeacherPPORunnerCfg().actor
    algorithm = RslRlDistillationAlgorithmCfg(
        num_learning_epochs=4, learning_rate=1.0e-3, gradient_length=4, max_grad_norm=1.0
    )
