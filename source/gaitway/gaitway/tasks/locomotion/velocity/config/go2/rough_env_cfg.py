"""Velocity on rough ground with the Unitree Go2."""

from __future__ import annotations

from isaaclab.utils import configclass, replace

from gaitway.robots.go2 import GO2_CFG
from gaitway.tasks.locomotion.velocity.rough_env_cfg import VelocityRoughEnvCfg


@configclass
class Go2RoughEnvCfg(VelocityRoughEnvCfg):
    """Go2 on rough ground."""

    def __post_init__(self):
        super().__post_init__()
        self.scene.robot = replace(GO2_CFG, prim_path="{ENV_REGEX_NS}/Robot")
        self.use_legs(base="base", feet=".*_foot", height=0.32)
