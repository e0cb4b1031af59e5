"""Terms of turning an object in the hand, beside Isaac Lab's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from isaaclab.utils import configclass
from isaaclab.utils.math import quat_unique, random_orientation
from isaaclab_tasks.core.reorient.mdp import ReorientCommand, ReorientCommandCfg

if TYPE_CHECKING:
    from isaaclab.envs import ManagerBasedRLEnv


class OrientationCommand(ReorientCommand):
    """Isaac Lab's goal orientation, replaced by the next as soon as it is reached, whose count can be read."""

    cfg: OrientationCommandCfg
    quat_command_w: torch.Tensor

    def __init__(self, cfg: OrientationCommandCfg, env: ManagerBasedRLEnv):
        super().__init__(cfg, env)
        self.metrics["goals_reached"] = torch.zeros(self.num_envs, device=self.device)

    @property
    def goals_reached(self) -> torch.Tensor:
        """Goals reached in the running episode. Shape is (num_envs,)."""
        return self._success.snapshot(slice(None))

    def reset(self, env_ids: Sequence[int] | None = None) -> dict[str, float]:
        """Log the episode's goals. Success is the task's to judge, so the command's own verdict is not logged."""
        ids = slice(None) if env_ids is None else env_ids
        self.metrics["goals_reached"][ids] = self.goals_reached[ids]
        log = self._env.extras.setdefault("log", {})
        verdict = log.pop("Metrics/success_rate", None)
        extras = super().reset(env_ids)
        log.pop("Metrics/success_rate", None)
        if verdict is not None:
            log["Metrics/success_rate"] = verdict
        return extras

    def _update_command(self) -> None:
        # As Isaac Lab's, without asking the device which goals were reached.
        near = self.metrics["orientation_error"] < self.cfg.orientation_success_threshold
        reached = self._success.earned(near)
        self._success.record_goal_reached(env_mask=reached)
        drawn = quat_unique(random_orientation(self.num_envs, device=self.device))
        self.quat_command_w = torch.where(reached.unsqueeze(-1), drawn, self.quat_command_w)


@configclass
class OrientationCommandCfg(ReorientCommandCfg):
    """Configuration of :class:`OrientationCommand`."""

    class_type: type = OrientationCommand
    make_quat_unique: bool = True
    update_goal_on_success: bool = True


def kept_turning(env: ManagerBasedRLEnv, command_name: str, goals: int) -> torch.Tensor:
    """Whether an episode reached so many goals, one after the other, and did not lose the object.

    Args:
        env: The environment.
        command_name: An :class:`OrientationCommand`.
        goals: Fewest goals that count.

    Returns:
        Shape is (num_envs,), bool.
    """
    reached = env.command_manager.get_term(command_name).goals_reached
    return (reached >= goals) & ~env.termination_manager.terminated
