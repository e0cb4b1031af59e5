"""Reach with the UR10: by position alone, or by pose."""

from __future__ import annotations

import math

from isaaclab.utils import configclass, replace

from gaitway.robots.ur10 import UR10_CFG
from gaitway.tasks.manipulation.arm_env_cfg import joint_steps
from gaitway.tasks.manipulation.reach.reach_env_cfg import ReachEnvCfg

STEPS = {"shoulder_.*": 0.12, "elbow_joint": 0.12, "wrist_.*": 0.13}
"""What an action of 1 adds to where the joints are: with their gains 1.4 rad/s for the shoulder and 2 for the others,
below what any of them may do. Unit: rad."""


@configclass
class UR10ReachEnvCfg(ReachEnvCfg):
    """The last link at a commanded pose, its flange facing the ground with any yaw."""

    def __post_init__(self):
        super().__post_init__()
        self.scene.robot = replace(UR10_CFG, prim_path="{ENV_REGEX_NS}/Robot")
        self.actions.arm_action = joint_steps(STEPS)
        self.use_arm([".*"], "wrist_3_link")
        ranges = self.commands.ee_pose.ranges
        # The flange is 9 cm lower.
        ranges.pos_x, ranges.pos_y, ranges.pos_z = (0.45, 0.85), (-0.35, 0.35), (0.25, 0.65)
        # The link's y axis goes through the flange.
        ranges.roll, ranges.pitch = (-math.pi / 2, -math.pi / 2), (0.0, 0.0)
        self.viewer.eye, self.viewer.lookat = (2.2, 1.6, 1.3), (0.3, 0.0, 0.4)


@configclass
class UR10ReachPositionEnvCfg(UR10ReachEnvCfg):
    """The last link at a commanded position; its orientation is free."""

    def __post_init__(self):
        super().__post_init__()
        self.rewards.orientation = None
        self.curriculum.success.params["params"]["orientation"] = None
