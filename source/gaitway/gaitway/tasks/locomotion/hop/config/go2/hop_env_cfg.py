"""Hop with the Unitree Go2."""

from __future__ import annotations

from isaaclab.utils import configclass, replace

from gaitway.robots.go2 import FOOT_NAMES, GO2_CFG
from gaitway.tasks.locomotion.hop.hop_env_cfg import HopEnvCfg


@configclass
class Go2HopEnvCfg(HopEnvCfg):
    """Go2 on flat ground."""

    def __post_init__(self):
        super().__post_init__()
        self.scene.robot = replace(GO2_CFG, prim_path="{ENV_REGEX_NS}/Robot")
        self.use_legs(base="base", feet=FOOT_NAMES)
