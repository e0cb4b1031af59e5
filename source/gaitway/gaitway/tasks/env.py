"""Isaac Lab's environment, which says in addition how far its actions reach and how its episodes ended."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from isaaclab.envs import ManagerBasedRLEnv
from isaaclab.envs.mdp import BinaryJointAction, JointPositionAction

from gaitway.mdp.actions import MeasuredJointPositionAction


class TaskEnv(ManagerBasedRLEnv):
    """The environment of Gaitway's tasks.

    ``single_action_space`` has the range of each action instead of Isaac Lab's ±inf: learners that draw actions from a
    bounded distribution need it, the others do not look. Actions beyond it are carried out as before.

    ``extras["terminated"]``, to be read where an episode has just ended, says whether it ended for good, also where
    time ran out in the same step.

    ``extras["final_obs"]`` is right for observations with a history or a delay, too.

    ``before_step`` is a list of functions that are called when a step begins, for terms that must see the states in
    which episodes begin: when a term's own ``reset`` is called, commands are still those of the last episode.
    """

    final_obs_remembers = True
    """Whether ``extras["final_obs"]`` holds what a policy would see next, also where that depends on earlier steps."""

    def __init__(self, *args: Any, **options: Any):
        # Terms are made, and may append to it, while Isaac Lab's part is.
        self.before_step: list[Callable[[], None]] = []
        super().__init__(*args, **options)

    def step(self, action: torch.Tensor) -> Any:
        """As Isaac Lab's, after calling the functions in ``before_step``."""
        for listener in self.before_step:
            listener()
        return super().step(action)

    def _configure_gym_env_spaces(self) -> None:
        super()._configure_gym_env_spaces()
        terms = [self.action_manager.get_term(name) for name in self.action_manager.active_terms]
        low, high = (np.concatenate(edges) for edges in zip(*(_action_range(term) for term in terms), strict=True))
        self.single_action_space = gym.spaces.Box(low, high, dtype=np.float32)
        self.action_space = gym.vector.utils.batch_space(self.single_action_space, self.num_envs)

    def _reset_idx(self, env_ids: Any) -> None:
        # Isaac Lab has just computed it, without the last frame where frames are remembered.
        if "final_obs" in self.extras and memories(self.observation_manager):
            self.extras["final_obs"] = look_ahead(self.observation_manager)
        super()._reset_idx(env_ids)
        self.extras["terminated"] = self.termination_manager.terminated


def memories(manager: Any) -> list[Any]:
    """Isaac Lab's buffers behind the observations that have a delay or a history."""
    kinds = (manager._group_obs_term_delay_buffer, manager._group_obs_term_history_buffer)
    return [buffer for groups in kinds for group in groups.values() for buffer in group.values()]


def look_ahead(manager: Any) -> dict[str, Any]:
    """Observations as they are when this moment is remembered, which it is not.

    Args:
        manager: Isaac Lab's observation manager.

    Returns:
        Observations by group.
    """
    buffers = memories(manager)
    before = [copy.deepcopy(vars(buffer)) for buffer in buffers]
    observations = manager.compute(update_history=True)
    for buffer, state in zip(buffers, before, strict=True):
        vars(buffer).update(state)
    return observations


def _action_range(term: Any) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest value that means anything to a term. Shape of both is (num_actions,).

    For joint positions those that lead to the joint's limits; for open-or-close and for positions relative to the
    measured ones ±1; none for other terms.
    """
    if isinstance(term, BinaryJointAction | MeasuredJointPositionAction):
        return -np.ones(term.action_dim), np.ones(term.action_dim)
    if not isinstance(term, JointPositionAction):
        return np.full(term.action_dim, -np.inf), np.full(term.action_dim, np.inf)
    limits = term._asset.data.joint_pos_limits.torch[0, term._joint_ids]
    offset = term._offset[0] if isinstance(term._offset, torch.Tensor) else term._offset
    scale = term._scale[0] if isinstance(term._scale, torch.Tensor) else term._scale
    ends = ((limits.T - offset) / scale).sort(dim=0).values  # a negative scale swaps them
    return ends[0].cpu().numpy(), ends[1].cpu().numpy()
