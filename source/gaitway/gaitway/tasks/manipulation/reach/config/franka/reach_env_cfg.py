"""Reach with the Franka Panda: by position alone, or by pose."""

from __future__ import annotations

import math

from isaaclab.utils import configclass, replace

from gaitway import mdp
from gaitway.robots.franka import FRANKA_CFG
from gaitway.tasks.manipulation.reach.reach_env_cfg import ReachEnvCfg
from gaitway.tasks.randomisation import by_level


@configclass
class FrankaReachEnvCfg(ReachEnvCfg):
    """The hand at a commanded pose, pointing down with any yaw."""

    def __post_init__(self):
        super().__post_init__()
        self.scene.robot = replace(FRANKA_CFG, prim_path="{ENV_REGEX_NS}/Robot")
        self.actions.arm_action = mdp.DelayedJointPositionActionCfg(
            asset_name="robot",
            joint_names=["panda_joint.*"],
            scale=0.5,
            use_default_offset=True,
            delay=by_level(none=(0.0, 0.0), standard=(0.0, 0.01), hard=(0.0, 0.025)),
        )
        self.use_arm(["panda_joint.*"], "panda_hand")
        self.commands.ee_pose.ranges.pitch = (math.pi, math.pi)


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
