"""Reach with the SO-101: by position, since five joints do not reach any pose."""

from __future__ import annotations

from isaaclab.utils import configclass, replace

from gaitway.robots.so101 import JAW_TIPS, SO101_CFG
from gaitway.tasks.manipulation.arm_env_cfg import events_by_level, joint_targets
from gaitway.tasks.manipulation.reach.reach_env_cfg import EventsCfg, ReachEnvCfg

ARM_JOINTS = ["shoulder_.*", "elbow_flex", "wrist_.*"]


@configclass
class SmallArmEventsCfg(EventsCfg):
    """Randomisation of an arm of 0.6 kg, and where an episode begins."""

    def __post_init__(self):
        super().__post_init__()
        self.push_hand.params["force_range"] = (-0.3, 0.3)
        self.joint_friction.params["friction_distribution_params"] = (0.0, 0.1)


@configclass
class SO101ReachEnvCfg(ReachEnvCfg):
    """The tips of the jaws at a commanded position; they may point anywhere."""

    events: SmallArmEventsCfg = events_by_level(SmallArmEventsCfg)

    def __post_init__(self):
        super().__post_init__()
        self.scene.robot = replace(SO101_CFG, prim_path="{ENV_REGEX_NS}/Robot")
        self.actions.arm_action = joint_targets(ARM_JOINTS)
        self.use_arm(ARM_JOINTS, JAW_TIPS, ["gripper"])
        ranges = self.commands.ee_pose.ranges
        ranges.pos_x, ranges.pos_y, ranges.pos_z = (0.18, 0.32), (-0.15, 0.15), (0.05, 0.25)
        ranges.roll = ranges.pitch = ranges.yaw = (0.0, 0.0)
        # Distances are a third of those of a large arm.
        self.rewards.distance.weight = -0.6
        self.rewards.near.params["std"] = 0.03
        self.rewards.orientation = None
        self.curriculum.success.params["params"] |= {"position": 0.02, "orientation": None}
        self.viewer.eye, self.viewer.lookat = (0.65, 0.5, 0.4), (0.15, 0.0, 0.12)
