"""Terms about a handle that a gripper is to close on, and a drawer that it is to pull open.

A handle is a body whose origin is in the middle of a bar. The bar is along y of the body's frame, what it opens slides
along x, and x points away from the hand that pulls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from isaaclab.managers import SceneEntityCfg
from isaaclab.utils.math import matrix_from_quat, quat_apply_inverse

from gaitway.mdp.observations import of_body

if TYPE_CHECKING:
    from isaaclab.envs import ManagerBasedRLEnv


def _pose(env: ManagerBasedRLEnv, cfg: SceneEntityCfg) -> tuple[torch.Tensor, torch.Tensor]:
    """Position and axes, as columns, of one body in the world. Shapes are (num_envs, 3) and (num_envs, 3, 3)."""
    data = env.scene[cfg.name].data
    return of_body(data.body_pos_w.torch, cfg), matrix_from_quat(of_body(data.body_quat_w.torch, cfg))


def _slid(env: ManagerBasedRLEnv, asset_cfg: SceneEntityCfg) -> torch.Tensor:
    """Position of the one joint that is selected. Unit: m. Shape is (num_envs,)."""
    return env.scene[asset_cfg.name].data.joint_pos.torch[:, asset_cfg.joint_ids][:, 0]


def _to_handle(
    env: ManagerBasedRLEnv, asset_cfg: SceneEntityCfg, offset: float, handle_cfg: SceneEntityCfg
) -> torch.Tensor:
    """Vector from where a hand grasps to a handle, in the world. Unit: m. Shape is (num_envs, 3)."""
    position, axes = _pose(env, asset_cfg)
    return _pose(env, handle_cfg)[0] - position - offset * axes[..., 2]


# -- observations -------------------------------------------------------------------------------------


def hand_to_handle(
    env: ManagerBasedRLEnv, asset_cfg: SceneEntityCfg, offset: float, handle_cfg: SceneEntityCfg
) -> torch.Tensor:
    """Vector from where a hand grasps to a handle.

    Args:
        env: The environment.
        asset_cfg: The robot and its hand, one body.
        offset: How far along the hand's z axis it grasps. Unit: m.
        handle_cfg: The cabinet and its handle, one body.

    Returns:
        Unit: m, base frame. Shape is (num_envs, 3).
    """
    base = env.scene[asset_cfg.name].data.root_quat_w.torch
    return quat_apply_inverse(base, _to_handle(env, asset_cfg, offset, handle_cfg))


def handle_direction(
    env: ManagerBasedRLEnv, handle_cfg: SceneEntityCfg, asset_cfg: SceneEntityCfg = SceneEntityCfg("robot")
) -> torch.Tensor:
    """Where a handle's x axis points: x and y of it in the base frame of the robot.

    Args:
        env: The environment.
        handle_cfg: The cabinet and its handle, one body.
        asset_cfg: The robot.

    Returns:
        In [-1, 1]. Unit: 1. Shape is (num_envs, 2).
    """
    base = env.scene[asset_cfg.name].data.root_quat_w.torch
    return quat_apply_inverse(base, _pose(env, handle_cfg)[1][..., 0])[:, :2]


# -- rewards ------------------------------------------------------------------------------------------


def handle_near_hand(
    env: ManagerBasedRLEnv, asset_cfg: SceneEntityCfg, offset: float, handle_cfg: SceneEntityCfg, std: float
) -> torch.Tensor:
    """Nearness of a handle to where a hand grasps, ``1 - tanh(distance / std)``.

    Args:
        env: The environment.
        asset_cfg: The robot and its hand, one body.
        offset: How far along the hand's z axis it grasps. Unit: m.
        handle_cfg: The cabinet and its handle, one body.
        std: Distance at which nearness is 0.24. Unit: m.

    Returns:
        In [0, 1]. Shape is (num_envs,).

    Source: Isaac Lab's lift task, there of an object.
    """
    return 1.0 - torch.tanh(torch.linalg.norm(_to_handle(env, asset_cfg, offset, handle_cfg), dim=-1) / std)


def handle_aligned(env: ManagerBasedRLEnv, asset_cfg: SceneEntityCfg, handle_cfg: SceneEntityCfg) -> torch.Tensor:
    """How squarely a hand faces a handle: mean of the squared cosines, each with its sign, of two angles.

    Between the hand's z axis and the handle's x axis, along which fingers go past the bar; and between the hand's y
    axis, along which its fingers part, and the handle's z axis, whichever finger is the upper one.

    Args:
        env: The environment.
        asset_cfg: The robot and its hand, one body.
        handle_cfg: The cabinet and its handle, one body.

    Returns:
        In [-0.5, 1]. Shape is (num_envs,).

    Source: Isaac Lab's cabinet task, where it matters which finger is the upper one.
    """
    (_, hand), (_, handle) = _pose(env, asset_cfg), _pose(env, handle_cfg)
    facing = (hand[..., 2] * handle[..., 0]).sum(dim=-1)
    across = (hand[..., 1] * handle[..., 2]).sum(dim=-1)
    return 0.5 * (facing * facing.abs() + across.square())


def handle_grasped(
    env: ManagerBasedRLEnv,
    asset_cfg: SceneEntityCfg,
    finger_cfg: SceneEntityCfg,
    joint_cfg: SceneEntityCfg,
    handle_cfg: SceneEntityCfg,
    tip: float,
    size: tuple[float, float, float],
    stroke: float,
) -> torch.Tensor:
    """Half of it for a handle that is between the fingertips, the rest for how far they have closed on it.

    Between them it is when one tip is above its middle and the other below, and both are within the bar's length, and
    no further from it along x than the bar is high.

    Args:
        env: The environment.
        asset_cfg: The robot and its hand, one body.
        finger_cfg: The robot and its two fingers.
        joint_cfg: The robot and the joints of the fingers, which are 0 when they touch each other.
        handle_cfg: The cabinet and its handle, one body.
        tip: From a finger's origin along the hand's z axis to its tip. Unit: m.
        size: Depth, length and height of the bar. Unit: m.
        stroke: Position of a finger that is open. Unit: m.

    Returns:
        In [0, 1]. Shape is (num_envs,).

    Source: ours; Isaac Lab's cabinet task has one term for each of its parts.
    """
    data = env.scene[finger_cfg.name].data
    (middle, handle), (_, hand) = _pose(env, handle_cfg), _pose(env, asset_cfg)
    tips = data.body_pos_w.torch[:, finger_cfg.body_ids] + tip * hand[:, None, :, 2]
    x, y, z = ((tips - middle[:, None]) @ handle).unbind(dim=-1)
    around = (x.abs().amax(dim=-1) < size[2]) & (y.abs().amax(dim=-1) < 0.5 * size[1]) & (z[:, 0] * z[:, 1] < 0.0)
    gap = data.joint_pos.torch[:, joint_cfg.joint_ids].mean(dim=-1)
    closed = ((stroke - gap) / (stroke - 0.5 * size[2])).clamp(0.0, 1.0)
    return around * (0.5 + 0.5 * closed)


def opening(env: ManagerBasedRLEnv, asset_cfg: SceneEntityCfg, travel: float) -> torch.Tensor:
    """How far a drawer is open, as a share of its travel.

    Args:
        env: The environment.
        asset_cfg: The cabinet and the drawer's joint, which is 0 when it is shut.
        travel: How far it opens. Unit: m.

    Returns:
        In [0, 1]. Shape is (num_envs,).

    Source: Isaac Lab's cabinet task, there in metres.
    """
    return (_slid(env, asset_cfg) / travel).clamp(0.0, 1.0)


# -- success ------------------------------------------------------------------------------------------


def is_open(env: ManagerBasedRLEnv, asset_cfg: SceneEntityCfg, distance: float) -> torch.Tensor:
    """Whether a drawer is open.

    Args:
        env: The environment.
        asset_cfg: The cabinet and the drawer's joint, which is 0 when it is shut.
        distance: How far it must be open at least. Unit: m.

    Returns:
        Shape is (num_envs,), bool.
    """
    return _slid(env, asset_cfg) >= distance
