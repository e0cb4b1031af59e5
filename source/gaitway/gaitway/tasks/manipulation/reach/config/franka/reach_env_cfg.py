"""Reach with the Franka Panda: by position alone, or by pose."""

from __future__ import annotations

import math

from isaaclab.utils import configclass

from gaitway.tasks.manipulation.franka import use_franka
from gaitway.tasks.manipulation.reach.reach_env_cfg import ReachEnvCfg


@configclass
class FrankaReachEnvCfg(ReachEnvCfg):
    """The hand at a commanded pose, pointing down with any yaw."""

    def __post_init__(self):
        super().__post_init__()
        use_franka(self, gripper=False, steps=1.0)
        ranges = self.commands.ee_pose.ranges
        # Joint 7 ends at 2.9 rad, which is a yaw of -2.1.
        ranges.pitch, ranges.yaw = (math.pi, math.pi), (-2.0, 3.14)


@configclass
class FrankaReachEnvCfg_PLAY(FrankaReachEnvCfg):
    """For playing and judging: no noise, no randomisation, fewer environments."""

    def __post_init__(self):
        super().__post_init__()
        self.play_mode()


@configclass
class FrankaReachPositionEnvCfg(FrankaReachEnvCfg):
    """The hand at a commanded position; its orientation is free."""

    def __post_init__(self):
        super().__post_init__()
        self.rewards.orientation = None
        self.curriculum.success.params["params"]["orientation"] = None


@configclass
class FrankaReachPositionEnvCfg_PLAY(FrankaReachPositionEnvCfg):
    """For playing and judging: no noise, no randomisation, fewer environments."""

    def __post_init__(self):
        super().__post_init__()
        self.play_mode()
