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
        # The hand's x axis from 2 rad to the right to half a turn to the left; joint 7 ends at 2.1 and at 3.7 rad. (A
        # pitch of half a turn turns the x axis back, so that it points ahead where the yaw is half a turn, too.)
        ranges.pitch, ranges.yaw = (math.pi, math.pi), (math.pi - 2.0, 2.0 * math.pi)


@configclass
class FrankaReachPositionEnvCfg(FrankaReachEnvCfg):
    """The hand at a commanded position; its orientation is free."""

    def __post_init__(self):
        super().__post_init__()
        self.rewards.orientation = None
        self.curriculum.success.params["params"]["orientation"] = None
