"""Whether the task is done: what is left of a reward that is sparse."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from isaaclab.managers import ManagerTermBase, RewardTermCfg

from ..success import resolve_entities

if TYPE_CHECKING:
    from isaaclab.envs import ManagerBasedRLEnv


class Succeeded(ManagerTermBase):
    """1 while a judge says that the task is done, 0 while not.

    The judge is the one that the task counts successes with (:mod:`gaitway.mdp.success`), so that reward and success
    cannot part.

    Parameters of the term:
        judge: Function of the env (and ``params``) that gives a bool an environment.
        params: Its other arguments.

    Returns:
        0 or 1. Unit: 1. Shape is (num_envs,).

    Source: the definition of a sparse reward.
    """

    def __init__(self, cfg: RewardTermCfg, env: ManagerBasedRLEnv):
        super().__init__(cfg, env)
        resolve_entities(cfg.params.get("params", {}), env)

    def __call__(
        self, env: ManagerBasedRLEnv, judge: Callable[..., torch.Tensor], params: dict[str, Any]
    ) -> torch.Tensor:
        return judge(env, **params).float()
