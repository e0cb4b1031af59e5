"""Success: the yes or no that a user would give an episode.

Isaac Lab's commands count an episode as a success when it held at any time. Here a task says what must be true when
the episode ends, and each environment's answer is kept until its next episode ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from isaaclab.managers import CurriculumTermCfg, ManagerTermBase, SceneEntityCfg

from .objects import object_goal_distance
from .observations import pose_error

if TYPE_CHECKING:
    from isaaclab.envs import ManagerBasedRLEnv

    from .commands import VelocityCommand


def resolve_entities(params: dict[str, Any], env: ManagerBasedRLEnv) -> None:
    """Find bodies and joints by name in the arguments of a function that a term calls.

    Managers do so for a term's own arguments, not for those one level down.
    """
    for value in params.values():
        # What terms share is found by the first of them.
        # To find patterns twice is refused.
        if isinstance(value, SceneEntityCfg) and value.joint_ids == value.body_ids == slice(None):
            value.resolve(env.scene)
            value.finalize(env.device)


class EpisodeSuccess(ManagerTermBase):
    """Curriculum term that judges every episode as it ends, before the environment is reset.

    Changes nothing about the task. ``env.extras["success"]`` holds each environment's last episode; shape is
    (num_envs,), bool, to be read where an episode has just ended. ``Metrics/success_rate`` goes to the log.

    Parameters of the term:
        judge: Function of the env (and ``params``) that says whether each episode, if it ended now, was a success.
        params: Its other arguments.
    """

    def __init__(self, cfg: CurriculumTermCfg, env: ManagerBasedRLEnv):
        super().__init__(cfg, env)
        self._last = torch.zeros(env.num_envs, dtype=torch.bool, device=env.device)
        resolve_entities(cfg.params.get("params", {}), env)

    def __call__(
        self,
        env: ManagerBasedRLEnv,
        env_ids: torch.Tensor | slice,
        judge: Callable[..., torch.Tensor],
        params: dict,
    ) -> None:
        # The first reset of all ends episodes that never began.
        verdict = judge(env, **params) & (env.episode_length_buf > 0)
        self._last[env_ids] = verdict[env_ids]
        env.extras["success"] = self._last

    def reset(self, env_ids: Sequence[int] | slice | None = None) -> None:
        """Log the share of successes among the episodes that just ended."""
        ended = self._last[slice(None) if env_ids is None else env_ids]
        self._env.extras.setdefault("log", {})["Metrics/success_rate"] = ended.float().mean()


def reached(
    env: ManagerBasedRLEnv,
    command_name: str,
    asset_cfg: SceneEntityCfg,
    position: float,
    orientation: float | None = None,
) -> torch.Tensor:
    """Whether a body is where its pose command wants it.

    Args:
        env: The environment.
        command_name: A pose command in the base frame.
        asset_cfg: The robot and the one body.
        position: Largest distance that counts. Unit: m.
        orientation: Largest angle that counts, or None to ignore orientation. Unit: rad.

    Returns:
        Shape is (num_envs,), bool.
    """
    distance, angle = pose_error(env, command_name, asset_cfg)
    near = distance < position
    return near if orientation is None else near & (angle < orientation)


def object_at_goal(
    env: ManagerBasedRLEnv,
    command_name: str,
    position: float,
    asset_cfg: SceneEntityCfg = SceneEntityCfg("robot"),
    object_cfg: SceneEntityCfg = SceneEntityCfg("object"),
) -> torch.Tensor:
    """Whether an object is where its pose command wants it, whatever its orientation.

    Args:
        env: The environment.
        command_name: A pose command in the base frame.
        position: Largest distance that counts. Unit: m.
        asset_cfg: The robot.
        object_cfg: The object.

    Returns:
        Shape is (num_envs,), bool.
    """
    return object_goal_distance(env, command_name, asset_cfg, object_cfg) < position


def kept_velocity(env: ManagerBasedRLEnv, command_name: str, linear: float, angular: float) -> torch.Tensor:
    """Whether nothing but time, or the edge of generated ground, ended the episode, and tracking errors were small,
    averaged over the episode.

    Args:
        env: The environment.
        command_name: A :class:`VelocityCommand`.
        linear: Largest mean error of the planar velocity that counts. Unit: m/s.
        angular: Largest mean error of the yaw rate that counts. Unit: rad/s.

    Returns:
        Shape is (num_envs,), bool.
    """
    command: VelocityCommand = env.command_manager.get_term(command_name)
    error_xy, error_yaw = command.mean_errors()
    done = env.termination_manager
    return (error_xy < linear) & (error_yaw < angular) & done.time_outs & ~done.terminated
