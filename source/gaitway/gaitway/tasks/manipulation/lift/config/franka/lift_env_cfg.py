"""Lift with the Franka Panda and its two-finger gripper."""

from __future__ import annotations

from isaaclab.utils import configclass, replace

from gaitway import mdp
from gaitway.robots.franka import FRANKA_CFG, HAND_TO_GRASP
from gaitway.tasks.manipulation.lift.lift_env_cfg import LiftEnvCfg
from gaitway.tasks.randomisation import by_level


@configclass
class FrankaLiftEnvCfg(LiftEnvCfg):
    """The cube at a commanded position; its orientation is free."""

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
        self.actions.gripper_action = mdp.BinaryJointPositionActionCfg(
            asset_name="robot",
            joint_names=["panda_finger_joint.*"],
            open_command_expr={"panda_finger_joint.*": 0.04},
            close_command_expr={"panda_finger_joint.*": 0.0},
        )
        self.use_arm(["panda_joint.*"], ["panda_finger_joint.*"], "panda_hand", HAND_TO_GRASP)


@configclass
class FrankaLiftEnvCfg_PLAY(FrankaLiftEnvCfg):
    """For playing and judging: no noise, no randomisation, fewer environments."""

    def __post_init__(self):
        super().__post_init__()
        self.play_mode()
