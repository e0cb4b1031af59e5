"""How near something is to where it is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from isaaclab.managers import SceneEntityCfg
from isaaclab.utils.math import matrix_from_quat

from ..objects import hand_to_object, object_goal_distance
from ..observations import pose_error

if TYPE_CHECKING:
    from isaaclab.envs import ManagerBasedRLEnv


def pose_error_tanh(
    env: ManagerBasedRLEnv,
    command_name: str,
    asset_cfg: SceneEntityCfg,
    std: float,
    orientation_std: float | None = None,
) -> torch.Tensor:
    """Nearness of a body to its commanded pose, ``1 - tanh(distance / std)``.

    With ``orientation_std``, times the same of the angle: only both together are near.

    Args:
        env: The environment.
        command_name: A pose command in the base frame.
        asset_cfg: The robot and the one body.
        std: Distance at which nearness is 0.24. Unit: m.
        orientation_std: The same of the angle. Unit: rad.

    Returns:
        In [0, 1]. Shape is (num_envs,).

    Source: Isaac Lab's ``position_command_error_tanh``; the product with the angle is ours.
    """
    distance, angle = pose_error(env, command_name, asset_cfg)
    near = 1.0 - torch.tanh(distance / std)
    return near if orientation_std is None else near * (1.0 - torch.tanh(angle / orientation_std))


def object_near_hand(
    env: ManagerBasedRLEnv,
    asset_cfg: SceneEntityCfg,
    offset: float,
    std: float,
    object_cfg: SceneEntityCfg = SceneEntityCfg("object"),
) -> torch.Tensor:
    """Nearness of an object to where a hand grasps, ``1 - tanh(distance / std)``.

    Args:
        env: The environment.
        asset_cfg: The robot and its hand, one body.
        offset: How far along the hand's z axis it grasps. Unit: m.
        std: Distance at which nearness is 0.24. Unit: m.
        object_cfg: The object.

    Returns:
        In [0, 1]. Shape is (num_envs,).

    Source: Isaac Lab's lift task, ``object_ee_distance``.
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

    Source: ours, in place of Isaac Lab's ``object_is_lifted``, which asks for the height of the middle.
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

    Source: Isaac Lab's lift task, ``object_goal_distance``, which takes any height above a least one for lifted.
    """
    near = 1.0 - torch.tanh(object_goal_distance(env, command_name, asset_cfg, object_cfg) / std)
    return near * box_lifted(env, half_size, height, asset_cfg, object_cfg)
