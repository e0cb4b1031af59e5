"""Observations of an object that a hand is to grasp and carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from isaaclab.managers import SceneEntityCfg
from isaaclab.utils.math import combine_frame_transforms, matrix_from_quat, quat_apply_inverse

from .observations import of_body

if TYPE_CHECKING:
    from isaaclab.envs import ManagerBasedRLEnv


def commanded_position(env: ManagerBasedRLEnv, command_name: str) -> torch.Tensor:
    """Position of a pose command, without its orientation. Unit: m, base frame. Shape is (num_envs, 3)."""
    return env.command_manager.get_command(command_name)[:, :3]


def hand_to_object(
    env: ManagerBasedRLEnv,
    asset_cfg: SceneEntityCfg,
    offset: float,
    object_cfg: SceneEntityCfg = SceneEntityCfg("object"),
) -> torch.Tensor:
    """Vector from where a hand grasps to the origin of an object.

    Args:
        env: The environment.
        asset_cfg: The robot and its hand, one body.
        offset: How far along the hand's z axis it grasps. Unit: m.
        object_cfg: The object.

    Returns:
        Unit: m, base frame. Shape is (num_envs, 3).
    """
    data = env.scene[asset_cfg.name].data
    axis = matrix_from_quat(of_body(data.body_quat_w.torch, asset_cfg))[..., 2]
    grasp = of_body(data.body_pos_w.torch, asset_cfg) + offset * axis
    return quat_apply_inverse(data.root_quat_w.torch, env.scene[object_cfg.name].data.root_pos_w.torch - grasp)


def object_velocity(
    env: ManagerBasedRLEnv,
    asset_cfg: SceneEntityCfg = SceneEntityCfg("robot"),
    object_cfg: SceneEntityCfg = SceneEntityCfg("object"),
) -> torch.Tensor:
    """Linear and angular velocity of an object, in the base frame of the robot.

    Returns:
        Unit: m/s and rad/s. Shape is (num_envs, 6).
    """
    base, data = env.scene[asset_cfg.name].data.root_quat_w.torch, env.scene[object_cfg.name].data
    velocities = (data.root_lin_vel_w.torch, data.root_ang_vel_w.torch)
    return torch.cat([quat_apply_inverse(base, velocity) for velocity in velocities], dim=-1)


def object_goal_distance(
    env: ManagerBasedRLEnv,
    command_name: str,
    asset_cfg: SceneEntityCfg = SceneEntityCfg("robot"),
    object_cfg: SceneEntityCfg = SceneEntityCfg("object"),
) -> torch.Tensor:
    """Distance of an object from its commanded position.

    Args:
        env: The environment.
        command_name: A pose command in the base frame.
        asset_cfg: The robot.
        object_cfg: The object.

    Returns:
        Unit: m. Shape is (num_envs,).
    """
    data = env.scene[asset_cfg.name].data
    goal, _ = combine_frame_transforms(
        data.root_pos_w.torch, data.root_quat_w.torch, commanded_position(env, command_name)
    )
    return torch.linalg.norm(goal - env.scene[object_cfg.name].data.root_pos_w.torch, dim=-1)
