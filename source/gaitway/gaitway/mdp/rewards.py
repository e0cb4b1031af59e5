"""Rewards that Isaac Lab lacks.

Terms give a rate: the reward manager multiplies each by its weight and by the length of the step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from isaaclab.managers import SceneEntityCfg

from .observations import pose_error

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
    """
    distance, angle = pose_error(env, command_name, asset_cfg)
    near = 1.0 - torch.tanh(distance / std)
    return near if orientation_std is None else near * (1.0 - torch.tanh(angle / orientation_std))


def joint_power(env: ManagerBasedRLEnv, asset_cfg: SceneEntityCfg = SceneEntityCfg("robot")) -> torch.Tensor:
    """Mechanical power of the joints, each taken positive: ``sum |torque · velocity|``.

    Returns:
        Unit: W. Shape is (num_envs,).
    """
    robot = env.scene[asset_cfg.name]
    torque = robot.actuators.applied_effort.torch[:, asset_cfg.joint_ids]
    return (torque * robot.data.joint_vel.torch[:, asset_cfg.joint_ids]).abs().sum(dim=-1)
