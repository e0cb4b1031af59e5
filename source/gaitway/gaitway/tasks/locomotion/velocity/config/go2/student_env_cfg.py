"""Velocity of the Unitree Go2 for a teacher and a student."""

from __future__ import annotations

from isaaclab.utils import configclass, replace

from gaitway.robots.go2 import GO2_CFG
from gaitway.tasks.locomotion.velocity.student_env_cfg import VelocityStudentEnvCfg


@configclass
class Go2StudentEnvCfg(VelocityStudentEnvCfg):
    """Go2 on flat ground."""

    def __post_init__(self):
        super().__post_init__()
        self.scene.robot = replace(GO2_CFG, prim_path="{ENV_REGEX_NS}/Robot")
        self.use_legs(base="base", feet=".*_foot", height=0.32)
