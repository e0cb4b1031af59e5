"""Terms about an object that a hand is to grasp and carry: what is observed of it, and what is rewarded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from isaaclab.managers import SceneEntityCfg
from isaaclab.utils.math import combine_frame_transforms, matrix_from_quat, quat_apply_inverse

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
    data, body = env.scene[asset_cfg.name].data, asset_cfg.body_ids[0]
    axis = matrix_from_quat(data.body_quat_w.torch[:, body])[..., 2]
    grasp = data.body_pos_w.torch[:, body] + offset * axis
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


def object_near_hand(
    env: ManagerBasedRLEnv,
    asset_cfg: SceneEntityCfg,
    offset: float,
    std: float,
    object_cfg: SceneEntityCfg = SceneEntityCfg("object"),
) -> torch.Tensor:
    """Nearness of an object to where a hand grasps, ``1 - tanh(distance / std)``, as in Isaac Lab's lift task.

    Args:
        env: The environment.
        asset_cfg: The robot and its hand, one body.
        offset: How far along the hand's z axis it grasps. Unit: m.
        std: Distance at which nearness is 0.24. Unit: m.
        object_cfg: The object.

    Returns:
        In [0, 1]. Shape is (num_envs,).
    """
    distance = torch.linalg.norm(hand_to_object(env, asset_cfg, offset, object_cfg), dim=-1)
    return 1.0 - torch.tanh(distance / std)


def box_lifted(
    env: ManagerBasedRLEnv,
    half_size: tuple[float, float, float],
    height: float,
    asset_cfg: SceneEntityCfg = SceneEntityCfg("robot"),
    object_cfg: SceneEntityCfg = SceneEntityCfg("object"),
) -> torch.Tensor:
    """How far a box is off the ground: the height of its lowest corner over ``height``, clipped to [0, 1].

    A box that is tipped has a corner on the ground, and gives 0.

    Args:
        env: The environment.
        half_size: Half of the box's edges; its origin is in the middle. Unit: m.
        height: Height of the lowest corner above the robot's base that gives 1. Unit: m.
        asset_cfg: The robot, whose base stands on the ground.
        object_cfg: The box.

    Returns:
        In [0, 1]. Shape is (num_envs,).
    """
    data = env.scene[object_cfg.name].data
    up = matrix_from_quat(data.root_quat_w.torch)[:, 2].abs()
    below = half_size[0] * up[:, 0] + half_size[1] * up[:, 1] + half_size[2] * up[:, 2]
    ground = env.scene[asset_cfg.name].data.root_pos_w.torch[:, 2]
    return ((data.root_pos_w.torch[:, 2] - below - ground) / height).clamp(0.0, 1.0)


def lifted_box_near_goal(
    env: ManagerBasedRLEnv,
    command_name: str,
    std: float,
    half_size: tuple[float, float, float],
    height: float,
    asset_cfg: SceneEntityCfg = SceneEntityCfg("robot"),
    object_cfg: SceneEntityCfg = SceneEntityCfg("object"),
) -> torch.Tensor:
    """Nearness of a box to its commanded position, ``1 - tanh(distance / std)``, times :func:`box_lifted`.

    Args:
        env: The environment.
        command_name: A pose command in the base frame.
        std: Distance at which nearness is 0.24. Unit: m.
        half_size: As for :func:`box_lifted`. Unit: m.
        height: As for :func:`box_lifted`. Unit: m.
        asset_cfg: The robot.
        object_cfg: The box.

    Returns:
        In [0, 1]. Shape is (num_envs,).
    """
    near = 1.0 - torch.tanh(object_goal_distance(env, command_name, asset_cfg, object_cfg) / std)
    return near * box_lifted(env, half_size, height, asset_cfg, object_cfg)
