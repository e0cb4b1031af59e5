"""The Franka Panda in a task: its place in the scene, its actions, and the names that terms need."""

from __future__ import annotations

from isaaclab.utils import replace

from gaitway import mdp
from gaitway.robots.franka import FRANKA_CFG, HAND_TO_GRASP
from gaitway.tasks.manipulation.arm_env_cfg import ArmEnvCfg
from gaitway.tasks.randomisation import by_level

ARM_JOINTS, FINGERS, HAND = ["panda_joint.*"], ["panda_finger_joint.*"], "panda_hand"


def use_franka(env_cfg: ArmEnvCfg, *, gripper: bool = True, scale: float = 0.5) -> None:
    """Put a Franka into a task of an arm.

    Args:
        env_cfg: The task.
        gripper: Whether the policy opens and closes the gripper, as the last of its actions; else it stays open.
        scale: What an action of 1 adds to the default pose. Unit: rad.
    """
    env_cfg.scene.robot = replace(FRANKA_CFG, prim_path="{ENV_REGEX_NS}/Robot")
    env_cfg.actions.arm_action = mdp.DelayedJointPositionActionCfg(
        asset_name="robot",
        joint_names=ARM_JOINTS,
        scale=scale,
        use_default_offset=True,
        delay=by_level(none=(0.0, 0.0), standard=(0.0, 0.01), hard=(0.0, 0.025)),
    )
    if gripper:
        env_cfg.actions.gripper_action = mdp.BinaryJointPositionActionCfg(
            asset_name="robot",
            joint_names=FINGERS,
            open_command_expr={FINGERS[0]: 0.04},
            close_command_expr={FINGERS[0]: 0.0},
        )
    env_cfg.use_arm(ARM_JOINTS, HAND, FINGERS, HAND_TO_GRASP)
