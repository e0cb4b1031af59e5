"""SAC through RSL-RL."""

from __future__ import annotations

from isaaclab.utils import configclass
from isaaclab_rl.rsl_rl import RslRlSymmetryCfg

from gaitway.tasks.sac_recipe import SacRecipe, sac


@configclass
class Go2FlatSACRunnerCfg(SacRecipe):
    """Flat ground."""

    experiment_name = "gaitway_velocity_flat_go2_sac"
    algorithm = sac(
        gamma=0.97,
        n_step=3,
        target_std=0.2,
        symmetry_cfg=RslRlSymmetryCfg(
            use_data_augmentation=True,
            data_augmentation_func="gaitway.tasks.locomotion.velocity.symmetry:mirror_left_right",
        ),
    )


@configclass
class Go2TeacherSACRunnerCfg(Go2FlatSACRunnerCfg):
    """A teacher, who sees what only a simulator knows."""

    experiment_name = "gaitway_velocity_teacher_go2_sac"
    obs_groups = {"actor": ["teacher"], "critic": ["critic"]}


@configclass
class Go2RoughSACRunnerCfg(Go2FlatSACRunnerCfg):
    """Rough ground: larger networks for the height scan."""

    experiment_name = "gaitway_velocity_rough_go2_sac"

    def __post_init__(self):
        super().__post_init__()
        self.actor.hidden_dims = [512, 256, 128]
        self.critic.hidden_dims = [512, 256, 128]
