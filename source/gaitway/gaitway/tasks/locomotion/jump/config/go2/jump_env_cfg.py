"""Jump with the Unitree Go2."""

from __future__ import annotations

from isaaclab.utils import configclass, replace

from gaitway.robots.go2 import FOOT_NAMES, GO2_CFG
from gaitway.tasks.locomotion.jump.jump_env_cfg import JumpEnvCfg


@configclass
class Go2JumpEnvCfg(JumpEnvCfg):
    """Go2 and a box of 20 cm."""

    def __post_init__(self):
        super().__post_init__()
        self.scene.robot = replace(GO2_CFG, prim_path="{ENV_REGEX_NS}/Robot")
        self.use_legs(base="base", feet=FOOT_NAMES)
        self.use_height(0.32)
