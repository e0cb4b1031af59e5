"""Terms about a gripper that is to close on an object, which several tasks use, and a Franka that is to do so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from isaaclab.managers import SceneEntityCfg
from isaaclab.utils import replace
from isaaclab.utils.math import matrix_from_quat

from gaitway import mdp
from gaitway.mdp.observations import of_body
from gaitway.tasks.manipulation.arm_env_cfg import ArmEnvCfg
from gaitway.tasks.manipulation.franka import use_franka

if TYPE_CHECKING:
    from isaaclab.envs import ManagerBasedRLEnv

ABOVE_THE_GROUND = {"panda_joint2": 0.15, "panda_joint4": -2.4, "panda_joint6": 2.55, "panda_joint7": 0.785}
"""A Franka whose hand points down at the ground half a metre before its base and grasps 15 cm above it, fingers along
y. Joints that are not named are at 0. Unit: rad."""


def use_franka_from_above(env_cfg: ArmEnvCfg) -> None:
    """Put a Franka into a task in which it grasps what lies on the ground.

    Its hand begins above the ground, and its targets count from where its joints are.

    Args:
        env_cfg: The task.
    """
    use_franka(env_cfg, steps=1.0)
    start = env_cfg.scene.robot.init_state
    joint_pos = dict.fromkeys(start.joint_pos, 0.0) | ABOVE_THE_GROUND
    joint_pos["panda_finger_joint.*"] = start.joint_pos["panda_finger_joint.*"]
    env_cfg.scene.robot = replace(env_cfg.scene.robot, init_state=replace(start, joint_pos=joint_pos))


def grasped(
    env: ManagerBasedRLEnv,
    asset_cfg: SceneEntityCfg,
    offset: float,
    gripper_cfg: SceneEntityCfg,
    distance: float,
    gap: float,
    object_cfg: SceneEntityCfg = SceneEntityCfg("object"),
) -> torch.Tensor:
    """Whether a gripper is told to close within a distance of an object, and every finger is kept from it.

    A finger that has not reached its target yet counts as well; it has, a moment later, if there is nothing between.

    Args:
        env: The environment.
        asset_cfg: The robot and its hand, one body.
        offset: How far along the hand's z axis it grasps. Unit: m.
        gripper_cfg: The robot and the joints of its gripper, which close towards smaller positions.
        distance: Largest distance of the object from where the hand grasps. Unit: m.
        gap: By how much fingers are more open than they are told to be, at least. Unit: m.
        object_cfg: The object.

    Returns:
        0 or 1. Unit: 1. Shape is (num_envs,).

    Source: ours; ManiSkill's ``is_grasping`` asks for contact forces instead.
    """
    data, fingers = env.scene[gripper_cfg.name].data, gripper_cfg.joint_ids
    kept = (data.joint_pos.torch[:, fingers] - data.joint_pos_target.torch[:, fingers]).amin(dim=-1) > gap
    near = torch.linalg.norm(mdp.hand_to_object(env, asset_cfg, offset, object_cfg), dim=-1) < distance
    return (near & kept).float()


def hand_tilt(env: ManagerBasedRLEnv, asset_cfg: SceneEntityCfg) -> torch.Tensor:
    """How far a hand points away from straight down: 1 - cos of the angle of its z axis.

    Args:
        env: The environment.
        asset_cfg: The robot and its hand, one body.

    Returns:
        In [0, 2]. Unit: 1. Shape is (num_envs,).

    Source: ours.
    """
    return 1.0 + matrix_from_quat(of_body(env.scene[asset_cfg.name].data.body_quat_w.torch, asset_cfg))[:, 2, 2]
