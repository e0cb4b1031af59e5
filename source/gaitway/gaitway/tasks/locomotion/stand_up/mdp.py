"""Terms of standing up alone: how upright, how high and how near its default pose a robot is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from isaaclab.managers import SceneEntityCfg

if TYPE_CHECKING:
    from isaaclab.envs import ManagerBasedRLEnv

ROBOT = SceneEntityCfg("robot")


def uprightness(env: ManagerBasedRLEnv, asset_cfg: SceneEntityCfg = ROBOT) -> torch.Tensor:
    """How upright the trunk is: ``(1 + cos tilt) / 2``, 0 upside down, 0.5 on the side, 1 upright. Unit: 1.

    Returns:
        In [0, 1]. Shape is (num_envs,).

    Source: ours.
    """
    return 0.5 * (1.0 - env.scene[asset_cfg.name].data.projected_gravity_b.torch[:, 2])


def _not_tipped(env: ManagerBasedRLEnv, asset_cfg: SceneEntityCfg) -> torch.Tensor:
    """``cos tilt`` of a trunk whose feet point down, 0 of one on its side or its back. Shape is (num_envs,)."""
    return (-env.scene[asset_cfg.name].data.projected_gravity_b.torch[:, 2]).clamp_min(0.0)


def upright_height(env: ManagerBasedRLEnv, height: float, asset_cfg: SceneEntityCfg = ROBOT) -> torch.Tensor:
    """Height of the trunk as a share of that when standing, times ``cos tilt``. Unit: 1.

    None on the side or the back.

    Args:
        env: The environment.
        height: Height of the trunk when standing; more counts as no more. Unit: m.
        asset_cfg: The robot.

    Returns:
        In [0, 1]. Shape is (num_envs,).

    Source: ours.
    """
    share = (env.scene[asset_cfg.name].data.root_pos_w.torch[:, 2] / height).clamp(0.0, 1.0)
    return share * _not_tipped(env, asset_cfg)


def upright_pose(env: ManagerBasedRLEnv, std: float, asset_cfg: SceneEntityCfg = ROBOT) -> torch.Tensor:
    """Nearness of the joints to the default pose, ``exp(-sum (q - q₀)² / std²)``, times ``cos tilt``. Unit: 1.

    Args:
        env: The environment.
        std: Distance in joint space at which nearness is 0.37. Unit: rad.
        asset_cfg: The robot and its joints.

    Returns:
        In [0, 1]. Shape is (num_envs,).

    Source: ours; the kernel is that of Isaac Lab's ``track_lin_vel_xy_exp``.
    """
    data = env.scene[asset_cfg.name].data
    off = (data.joint_pos.torch - data.default_joint_pos.torch)[:, asset_cfg.joint_ids]
    return torch.exp(-off.square().sum(dim=-1) / std**2) * _not_tipped(env, asset_cfg)


def upright_stillness(
    env: ManagerBasedRLEnv, height: float, linear: float, angular: float, asset_cfg: SceneEntityCfg = ROBOT
) -> torch.Tensor:
    """Stillness of the trunk, ``exp(-|v|² / linear² - |ω|² / angular²)``, times :func:`upright_height`. Unit: 1.

    Args:
        env: The environment.
        height: As for :func:`upright_height`. Unit: m.
        linear: Speed at which stillness is 0.37. Unit: m/s.
        angular: The same of the rate of turning. Unit: rad/s.
        asset_cfg: The robot.

    Returns:
        In [0, 1]. Shape is (num_envs,).

    Source: ours; the kernel is that of Isaac Lab's ``track_lin_vel_xy_exp``.
    """
    data = env.scene[asset_cfg.name].data
    moved = data.root_lin_vel_w.torch.square().sum(dim=-1) / linear**2
    turned = data.root_ang_vel_w.torch.square().sum(dim=-1) / angular**2
    return torch.exp(-moved - turned) * upright_height(env, height, asset_cfg)


def stands(
    env: ManagerBasedRLEnv,
    height: float,
    within: float,
    tilt: float,
    joint: float,
    linear: float,
    angular: float,
    asset_cfg: SceneEntityCfg = ROBOT,
) -> torch.Tensor:
    """Whether a robot stands in its default pose and keeps still.

    Args:
        env: The environment.
        height: Height of the trunk when standing. Unit: m.
        within: Largest deviation from it that counts. Unit: m.
        tilt: Largest tilt that counts. Unit: rad.
        joint: Largest deviation of any joint from its default position that counts. Unit: rad.
        linear: Largest speed of the trunk that counts. Unit: m/s.
        angular: Largest rate of its turning that counts. Unit: rad/s.
        asset_cfg: The robot.

    Returns:
        Shape is (num_envs,), bool.
    """
    data = env.scene[asset_cfg.name].data
    off = (data.joint_pos.torch - data.default_joint_pos.torch).abs().amax(dim=-1)
    return (
        ((data.root_pos_w.torch[:, 2] - height).abs() < within)
        & (-data.projected_gravity_b.torch[:, 2] > math.cos(tilt))
        & (off < joint)
        & (torch.linalg.norm(data.root_lin_vel_w.torch, dim=-1) < linear)
        & (torch.linalg.norm(data.root_ang_vel_w.torch, dim=-1) < angular)
    )


def stood_up(env: ManagerBasedRLEnv, **limits: float) -> torch.Tensor:
    """Whether the episode ran to its time limit and :func:`stands` holds at its end.

    Args:
        env: The environment.
        **limits: As for :func:`stands`.

    Returns:
        Shape is (num_envs,), bool.
    """
    done = env.termination_manager
    return stands(env, **limits) & done.time_outs & ~done.terminated
