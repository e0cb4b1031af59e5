"""Observations that Isaac Lab lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from isaaclab.managers import SceneEntityCfg
from isaaclab.utils.math import combine_frame_transforms, compute_pose_error, subtract_frame_transforms

if TYPE_CHECKING:
    from isaaclab.envs import ManagerBasedRLEnv
    from isaaclab.sensors import ContactSensor


def pose_error(
    env: ManagerBasedRLEnv, command_name: str, asset_cfg: SceneEntityCfg
) -> tuple[torch.Tensor, torch.Tensor]:
    """Distance and angle between a body and its commanded pose.

    Args:
        env: The environment.
        command_name: A pose command (x, y, z, qx, qy, qz, qw) in the base frame.
        asset_cfg: The robot and the one body.

    Returns:
        Distance, Unit: m, and angle, Unit: rad. Shapes are (num_envs,).
    """
    data = env.scene[asset_cfg.name].data
    goal = env.command_manager.get_command(command_name)
    goal_pos, goal_quat = combine_frame_transforms(
        data.root_pos_w.torch, data.root_quat_w.torch, goal[:, :3], goal[:, 3:]
    )
    body = asset_cfg.body_ids[0]
    position, rotation = compute_pose_error(
        goal_pos, goal_quat, data.body_pos_w.torch[:, body], data.body_quat_w.torch[:, body]
    )
    return torch.linalg.norm(position, dim=-1), torch.linalg.norm(rotation, dim=-1)


def ee_pose_error(env: ManagerBasedRLEnv, command_name: str, asset_cfg: SceneEntityCfg) -> torch.Tensor:
    """Commanded pose seen from a body: where to go from here.

    Returns:
        Position, Unit: m, and rotation vector, Unit: rad, in the base frame. Shape is (num_envs, 6).
    """
    data = env.scene[asset_cfg.name].data
    body = asset_cfg.body_ids[0]
    pos_b, quat_b = subtract_frame_transforms(
        data.root_pos_w.torch,
        data.root_quat_w.torch,
        data.body_pos_w.torch[:, body],
        data.body_quat_w.torch[:, body],
    )
    goal = env.command_manager.get_command(command_name)
    position, rotation = compute_pose_error(pos_b, quat_b, goal[:, :3], goal[:, 3:])
    return torch.cat([position, rotation], dim=-1)


def foot_contacts(env: ManagerBasedRLEnv, sensor_cfg: SceneEntityCfg, threshold: float = 1.0) -> torch.Tensor:
    """Whether each foot bears a force above a threshold (N), as 0 or 1. Shape is (num_envs, feet)."""
    sensor: ContactSensor = env.scene.sensors[sensor_cfg.name]
    force = sensor.data.net_forces_w.torch[:, sensor_cfg.body_ids]
    return (torch.linalg.norm(force, dim=-1) > threshold).float()
