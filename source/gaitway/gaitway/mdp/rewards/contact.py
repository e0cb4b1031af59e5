"""What touches the ground, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from isaaclab.managers import SceneEntityCfg

if TYPE_CHECKING:
    from isaaclab.envs import ManagerBasedRLEnv
    from isaaclab.sensors import ContactSensor


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
        Number of feet. In [0, feet / 2]. Shape is (num_envs,).

    Source: ours; Isaac Lab's ``feet_air_time`` pays a step as it ends, this one while it lasts.
    """
    sensor: ContactSensor = env.scene.sensors[sensor_cfg.name]
    air_time = sensor.data.current_air_time.torch[:, sensor_cfg.body_ids]
    feet = ((air_time > shortest) & (air_time < longest)).float().sum(dim=-1)
    told_to_go = torch.linalg.norm(env.command_manager.get_command(command_name), dim=-1) > 0.1
    return feet.clamp_max(0.5 * air_time.shape[-1]) * told_to_go
