"""Terms about a square peg that is to go into a hole.

A peg is a body whose origin is in the middle of its end and whose z axis points out of it. A socket is a body whose
origin is in the middle of the hole's mouth and whose z axis points out of the hole. A peg that is aligned has its x
axis along the socket's, and its z axis against it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from isaaclab.managers import SceneEntityCfg
from isaaclab.utils.math import (
    axis_angle_from_quat,
    matrix_from_quat,
    quat_apply_inverse,
    quat_inv,
    quat_mul,
    quat_unique,
)

from gaitway.mdp.observations import of_body

if TYPE_CHECKING:
    from isaaclab.envs import ManagerBasedRLEnv


def _in_socket(
    env: ManagerBasedRLEnv, peg_cfg: SceneEntityCfg, socket_cfg: SceneEntityCfg
) -> tuple[torch.Tensor, torch.Tensor]:
    """Position and orientation (x, y, z, w) of the peg's end in the socket's frame."""
    peg, socket = env.scene[peg_cfg.name].data, env.scene[socket_cfg.name].data
    place, turn = of_body(socket.body_pos_w.torch, socket_cfg), of_body(socket.body_quat_w.torch, socket_cfg)
    position = quat_apply_inverse(turn, of_body(peg.body_pos_w.torch, peg_cfg) - place)
    return position, quat_mul(quat_inv(turn), of_body(peg.body_quat_w.torch, peg_cfg))


def _misalignment(quat: torch.Tensor) -> torch.Tensor:
    """Rotation vector, in the socket's frame, from an aligned peg to one that stands so. Unit: rad."""
    # Aligned is half a turn about x, (1, 0, 0, 0); its inverse is (-1, 0, 0, 0).
    x, y, z, w = quat.unbind(dim=-1)
    return axis_angle_from_quat(quat_unique(torch.stack([-w, -z, y, x], dim=-1)))


# -- observations -------------------------------------------------------------------------------------


def peg_position(env: ManagerBasedRLEnv, peg_cfg: SceneEntityCfg, socket_cfg: SceneEntityCfg) -> torch.Tensor:
    """Where the end of the peg is, seen from the mouth of the hole.

    Args:
        env: The environment.
        peg_cfg: The robot and its peg, one body.
        socket_cfg: The socket, one body.

    Returns:
        Unit: m, the socket's frame. Shape is (num_envs, 3).
    """
    return _in_socket(env, peg_cfg, socket_cfg)[0]


def peg_misalignment(env: ManagerBasedRLEnv, peg_cfg: SceneEntityCfg, socket_cfg: SceneEntityCfg) -> torch.Tensor:
    """How the peg is turned against the hole: the rotation vector from one that is aligned.

    Args:
        env: The environment.
        peg_cfg: The robot and its peg, one body.
        socket_cfg: The socket, one body.

    Returns:
        Unit: rad, the socket's frame. Shape is (num_envs, 3).
    """
    return _misalignment(_in_socket(env, peg_cfg, socket_cfg)[1])


# -- rewards ------------------------------------------------------------------------------------------


def keypoint_distance(
    env: ManagerBasedRLEnv,
    peg_cfg: SceneEntityCfg,
    socket_cfg: SceneEntityCfg,
    size: tuple[float, float],
    depth: float,
) -> torch.Tensor:
    """Mean distance of the peg's eight corners from where they are when it is aligned at the bottom of the hole.

    Args:
        env: The environment.
        peg_cfg: The robot and its peg, one body.
        socket_cfg: The socket, one body.
        size: Width and length of the peg. Unit: m.
        depth: Depth of the hole. Unit: m.

    Returns:
        Unit: m. Shape is (num_envs,).

    Source: the keypoints of Isaac Lab's Factory tasks, there along the axis only.
    """
    position, quat = _in_socket(env, peg_cfg, socket_cfg)
    turn, e = matrix_from_quat(quat), torch.eye(3, device=position.device)
    # By how much what is 1 along each of the peg's axes is off: those of an aligned one are x, -y and -z.
    along_x, along_y, along_z = turn[..., 0] - e[0], turn[..., 1] + e[1], turn[..., 2] + e[2]
    half, length = 0.5 * size[0], size[1]
    corners = [
        position + depth * e[2] + i * half * along_x + j * half * along_y - k * length * along_z
        for i in (-1.0, 1.0)
        for j in (-1.0, 1.0)
        for k in (0.0, 1.0)
    ]
    return torch.linalg.norm(torch.stack(corners, dim=1), dim=-1).mean(dim=-1)


def keypoints_near(
    env: ManagerBasedRLEnv,
    peg_cfg: SceneEntityCfg,
    socket_cfg: SceneEntityCfg,
    size: tuple[float, float],
    depth: float,
    slope: float,
    width: float,
) -> torch.Tensor:
    """Nearness of the peg's corners to where they belong, ``(2 + b) / (exp(a d) + b + exp(-a d))`` of their mean
    distance d.

    Args:
        env: The environment.
        peg_cfg: The robot and its peg, one body.
        socket_cfg: The socket, one body.
        size: Width and length of the peg. Unit: m.
        depth: Depth of the hole. Unit: m.
        slope: The formula's a. Unit: 1/m.
        width: The formula's b.

    Returns:
        In [0, 1]. Shape is (num_envs,).

    Source: Isaac Lab's Factory tasks, there without the 2 + b.
    """
    distance = slope * keypoint_distance(env, peg_cfg, socket_cfg, size, depth)
    return (2.0 + width) / (torch.exp(distance) + width + torch.exp(-distance))


def inserted(
    env: ManagerBasedRLEnv, peg_cfg: SceneEntityCfg, socket_cfg: SceneEntityCfg, depth: float, play: float
) -> torch.Tensor:
    """Whether the end of the peg is in the hole.

    Args:
        env: The environment.
        peg_cfg: The robot and its peg, one body.
        socket_cfg: The socket, one body.
        depth: How deep below the mouth it must be at least. Unit: m.
        play: How far it may be from the hole's axis, along x and y each. Unit: m.

    Returns:
        0 or 1. Shape is (num_envs,).

    Source: as in Isaac Lab's Factory tasks.
    """
    return is_inserted(env, peg_cfg, socket_cfg, depth, play).float()


# -- success ------------------------------------------------------------------------------------------


def is_inserted(
    env: ManagerBasedRLEnv, peg_cfg: SceneEntityCfg, socket_cfg: SceneEntityCfg, depth: float, play: float
) -> torch.Tensor:
    """Whether the end of the peg is in the hole, as a yes or no; see :func:`inserted`.

    Returns:
        Shape is (num_envs,), bool.
    """
    position, _ = _in_socket(env, peg_cfg, socket_cfg)
    return (position[:, 2] <= -depth) & (position[:, :2].abs().amax(dim=-1) <= play)
