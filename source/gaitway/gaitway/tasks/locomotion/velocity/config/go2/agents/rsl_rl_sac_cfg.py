"""SAC through RSL-RL: the recipes of all legged robots."""

from __future__ import annotations

from isaaclab.utils import configclass

from gaitway.tasks.locomotion.velocity.recipes import FlatSAC, RoughSAC


@configclass
class Go2FlatSACRunnerCfg(FlatSAC):
    """Flat ground."""

    experiment_name = "gaitway_velocity_flat_go2_sac"


@configclass
class Go2TeacherSACRunnerCfg(FlatSAC):
    """A teacher, who sees what only a simulator knows."""

    experiment_name = "gaitway_velocity_teacher_go2_sac"
    obs_groups = {"actor": ["teacher"], "critic": ["critic"]}


@configclass
class Go2RoughSACRunnerCfg(RoughSAC):
    """Rough ground."""

    experiment_name = "gaitway_velocity_rough_go2_sac"
