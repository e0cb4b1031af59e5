"""Rewards that Isaac Lab lacks.

Terms give a rate: the reward manager multiplies each by its weight and by the length of the step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from isaaclab.managers import ManagerTermBase, RewardTermCfg, SceneEntityCfg

from .observations import pose_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isaaclab.envs import ManagerBasedRLEnv
    from isaaclab.sensors import ContactSensor


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


def joint_effort_l2(env: ManagerBasedRLEnv, asset_cfg: SceneEntityCfg = SceneEntityCfg("robot")) -> torch.Tensor:
    """Squared efforts of joints whose control loop the simulator closes, ``clip(k (q* - q) - d q̇)²`` summed.

    Taken at the end of the env-step, so that it does not depend on how an engine divides the step. (Isaac Lab's
    ``applied_effort`` is that of whichever physics step was the last to be entered.)

    Returns:
        Unit: N²·m² for revolute joints. Shape is (num_envs,).
    """
    data, ids = env.scene[asset_cfg.name].data, asset_cfg.joint_ids
    effort = torch.addcmul(
        -data.joint_damping.torch * data.joint_vel.torch,
        data.joint_stiffness.torch,
        data.joint_pos_target.torch - data.joint_pos.torch,
    )
    limit = data.joint_effort_limits.torch
    return torch.clamp(effort, -limit, limit)[:, ids].square().sum(dim=-1)


def feet_in_swing(
    env: ManagerBasedRLEnv, command_name: str, sensor_cfg: SceneEntityCfg, shortest: float, longest: float
) -> torch.Tensor:
    """Feet that are in the middle of a step, half of them at most; none when told to stand.

    A foot counts while it has been in the air for longer than a tremble and not yet for so long that it is held up, so
    that legs take turns. More than half in the air, a jump, is worth no more than a trot.

    Args:
        env: The environment.
        command_name: A velocity command: along x and y, Unit: m/s, and about z, Unit: rad/s.
        sensor_cfg: The contact sensor and the feet.
        shortest: Time in the air above which a foot counts. Unit: s.
        longest: Time in the air from which it counts no more. Unit: s.

    Returns:
        Number of feet. Shape is (num_envs,).
    """
    sensor: ContactSensor = env.scene.sensors[sensor_cfg.name]
    air_time = sensor.data.current_air_time.torch[:, sensor_cfg.body_ids]
    feet = ((air_time > shortest) & (air_time < longest)).float().sum(dim=-1)
    told_to_go = torch.linalg.norm(env.command_manager.get_command(command_name), dim=-1) > 0.1
    return feet.clamp_max(0.5 * air_time.shape[-1]) * told_to_go


class JointAccL2(ManagerTermBase):
    """Squared joint accelerations, each the mean over the env-step: ``((q̇ - q̇ of the last step) / step)²`` summed.

    Isaac Lab's ``joint_acc_l2`` takes the last physics step alone, and engines divide the env-step differently.

    Returns:
        Unit: rad²/s⁴ for revolute joints. Shape is (num_envs,).
    """

    def __init__(self, cfg: RewardTermCfg, env: ManagerBasedRLEnv):
        super().__init__(cfg, env)
        asset_cfg = cfg.params.get("asset_cfg", SceneEntityCfg("robot"))
        self._data, self._ids = env.scene[asset_cfg.name].data, asset_cfg.joint_ids
        self._last = self._data.joint_vel.torch.clone()

    def reset(self, env_ids: Sequence[int] | None = None) -> None:
        """Begin episodes with no acceleration."""
        ids = slice(None) if env_ids is None else env_ids
        self._last[ids] = self._data.joint_vel.torch[ids]

    def __call__(self, env: ManagerBasedRLEnv, asset_cfg: SceneEntityCfg = SceneEntityCfg("robot")) -> torch.Tensor:
        velocity = self._data.joint_vel.torch
        change = (velocity - self._last)[:, self._ids]
        self._last.copy_(velocity)
        return (change / env.step_dt).square().sum(dim=-1)
