"""What motors are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from isaaclab.managers import SceneEntityCfg

if TYPE_CHECKING:
    from isaaclab.envs import ManagerBasedRLEnv


def joint_power(env: ManagerBasedRLEnv, asset_cfg: SceneEntityCfg = SceneEntityCfg("robot")) -> torch.Tensor:
    """Mechanical power of the joints, each taken positive: ``sum |torque · velocity|``.

    Returns:
        Unit: W. In [0, inf). Shape is (num_envs,).

    Source: Fu et al., "Minimizing Energy Consumption Leads to the Emergence of Gaits in Legged Robots", 2021, where
    power that a motor takes back is left out; here it costs as much.
    """
    robot = env.scene[asset_cfg.name]
    torque = robot.actuators.applied_effort.torch[:, asset_cfg.joint_ids]
    return (torque * robot.data.joint_vel.torch[:, asset_cfg.joint_ids]).abs().sum(dim=-1)


def joint_effort_l2(env: ManagerBasedRLEnv, asset_cfg: SceneEntityCfg = SceneEntityCfg("robot")) -> torch.Tensor:
    """Squared efforts of joints whose control loop the simulator closes, ``clip(k (q* - q) - d q̇)²`` summed.

    Taken at the end of the env-step, so that it does not depend on how an engine divides the step. (Isaac Lab's
    ``applied_effort`` is that of whichever physics step was the last to be entered.)

    Returns:
        Unit: N²·m² for revolute joints. In [0, inf). Shape is (num_envs,).

    Source: Isaac Lab's ``joint_torques_l2``; the control law is that of its implicit actuators.
    """
    data, ids = env.scene[asset_cfg.name].data, asset_cfg.joint_ids
    effort = torch.addcmul(
        -data.joint_damping.torch * data.joint_vel.torch,
        data.joint_stiffness.torch,
        data.joint_pos_target.torch - data.joint_pos.torch,
    )
    limit = data.joint_effort_limits.torch
    return torch.clamp(effort, -limit, limit)[:, ids].square().sum(dim=-1)


def joint_overspeed(
    env: ManagerBasedRLEnv, soft_ratio: float, asset_cfg: SceneEntityCfg = SceneEntityCfg("robot")
) -> torch.Tensor:
    """By how much joints are faster than a share of their speed limits, summed.

    Where an engine does not hold joints at their limits, as MuJoCo does not, a policy that learned to be faster fails
    on one that does, and on motors.

    Args:
        env: The environment.
        soft_ratio: The share.
        asset_cfg: The robot and its joints.

    Returns:
        Unit: rad/s for revolute joints. In [0, inf). Shape is (num_envs,).

    Source: Isaac Lab's ``joint_vel_limits``, in which a joint counts for 1 rad/s at most, however fast it is.
    """
    data, ids = env.scene[asset_cfg.name].data, asset_cfg.joint_ids
    excess = data.joint_vel.torch[:, ids].abs() - soft_ratio * data.soft_joint_vel_limits.torch[:, ids]
    return excess.clamp_min(0.0).sum(dim=-1)
