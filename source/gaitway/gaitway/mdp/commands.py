"""Commands."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from isaaclab.envs.mdp.commands.commands_cfg import UniformVelocityCommandCfg
from isaaclab.envs.mdp.commands.velocity_command import UniformVelocityCommand
from isaaclab.utils import configclass


class VelocityCommand(UniformVelocityCommand):
    """Isaac Lab's uniform velocity command, whose errors over an episode can be read."""

    def mean_errors(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Tracking errors averaged over the running episode.

        Returns:
            Of the planar velocity, Unit: m/s, and of the yaw rate, Unit: rad/s, both in the base frame.
            Shapes are (num_envs,).
        """
        steps = self._step_count.clamp_min(1.0)
        return self._error_xy_sum / steps, self._error_yaw_sum / steps

    def reset(self, env_ids: Sequence[int] | None = None) -> dict[str, torch.Tensor]:
        """Log the episode's errors. Success is the task's to judge, so the command's own verdict is not logged."""
        log = self._env.extras.setdefault("log", {})
        verdict = log.get("Metrics/success_rate")
        extras = super().reset(env_ids)
        if verdict is not None:
            log["Metrics/success_rate"] = verdict
        return extras


@configclass
class VelocityCommandCfg(UniformVelocityCommandCfg):
    """Configuration of :class:`VelocityCommand`."""

    class_type: type = VelocityCommand
