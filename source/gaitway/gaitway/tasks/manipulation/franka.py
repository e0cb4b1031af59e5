"""The Franka Panda in a task: its place in the scene, its actions, and the names that terms need."""

from __future__ import annotations

from isaaclab.utils import replace

from gaitway import mdp
from gaitway.robots.franka import FRANKA_CFG, HAND_TO_GRASP
from gaitway.tasks.manipulation.arm_env_cfg import ArmEnvCfg, joint_steps, joint_targets

ARM_JOINTS, FINGERS, HAND = ["panda_joint.*"], ["panda_finger_joint.*"], "panda_hand"
STEPS = {"panda_joint[1-4]": 0.12, "panda_joint5": 0.18, "panda_joint6": 0.24, "panda_joint7": 0.45}
"""What an action of 1 adds to where a Franka's joints are: with their gains about 1.4 rad/s each, below what any of
them may do. Unit: rad."""


def use_franka(env_cfg: ArmEnvCfg, *, gripper: bool = True, steps: float | None = None) -> None:
    """Put a Franka into a task of an arm.

    Args:
        env_cfg: The task.
        gripper: Whether the policy opens and closes the gripper, as the last of its actions; else it stays open.
        steps: Targets count from where the joints are, by this share of :data:`STEPS`; with None, from the default
            pose.
    """
    env_cfg.scene.robot = replace(FRANKA_CFG, prim_path="{ENV_REGEX_NS}/Robot")
    env_cfg.actions.arm_action = (
        joint_targets(ARM_JOINTS)
        if steps is None
        else joint_steps({name: steps * step for name, step in STEPS.items()})
    )
    if gripper:
        env_cfg.actions.gripper_action = mdp.BinaryJointPositionActionCfg(
            asset_name="robot",
            joint_names=FINGERS,
            open_command_expr={FINGERS[0]: 0.04},
            close_command_expr={FINGERS[0]: 0.0},
        )
    env_cfg.use_arm(ARM_JOINTS, HAND, FINGERS, HAND_TO_GRASP)
