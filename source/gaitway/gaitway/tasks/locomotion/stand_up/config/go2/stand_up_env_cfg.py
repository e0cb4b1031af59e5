"""Stand up with the Unitree Go2."""

from __future__ import annotations

from isaaclab.utils import configclass, replace

from gaitway.robots.go2 import FOOT_NAMES, GO2_CFG
from gaitway.tasks.locomotion.stand_up.stand_up_env_cfg import StandUpEnvCfg


@configclass
class Go2StandUpEnvCfg(StandUpEnvCfg):
    """Go2 on flat ground."""

    def __post_init__(self):
        super().__post_init__()
        self.scene.robot = replace(GO2_CFG, prim_path="{ENV_REGEX_NS}/Robot")
        self.use_legs(base="base", feet=FOOT_NAMES)
        self.use_height(0.32)
