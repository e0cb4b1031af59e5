"""Isaac Lab's environment, which says in addition how far its actions reach and how its episodes ended."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from isaaclab.envs import ManagerBasedRLEnv
from isaaclab.envs.mdp import BinaryJointAction, JointPositionAction


class TaskEnv(ManagerBasedRLEnv):
    """The environment of Gaitway's tasks.

    ``single_action_space`` has the range of each action instead of Isaac Lab's ±inf: learners that draw actions from a
    bounded distribution need it, the others do not look. Actions beyond it are carried out as before.

    ``extras["terminated"]``, to be read where an episode has just ended, says whether it ended for good, also where
    time ran out in the same step.
    """

    def _configure_gym_env_spaces(self) -> None:
        super()._configure_gym_env_spaces()
        terms = [self.action_manager.get_term(name) for name in self.action_manager.active_terms]
        low, high = (np.concatenate(edges) for edges in zip(*(_action_range(term) for term in terms), strict=True))
        self.single_action_space = gym.spaces.Box(low, high, dtype=np.float32)
        self.action_space = gym.vector.utils.batch_space(self.single_action_space, self.num_envs)

    def _reset_idx(self, env_ids: Any) -> None:
        super()._reset_idx(env_ids)
        self.extras["terminated"] = self.termination_manager.terminated


def _action_range(term: Any) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest value that means anything to a term. Shape of both is (num_actions,).

    For joint positions those that lead to the joint's limits; for open-or-close ±1; none for other terms.
    """
    if isinstance(term, BinaryJointAction):
        return -np.ones(term.action_dim), np.ones(term.action_dim)
    if not isinstance(term, JointPositionAction):
        return np.full(term.action_dim, -np.inf), np.full(term.action_dim, np.inf)
    limits = term._asset.data.joint_pos_limits.torch[0, term._joint_ids]
    offset = term._offset[0] if isinstance(term._offset, torch.Tensor) else term._offset
    scale = term._scale[0] if isinstance(term._scale, torch.Tensor) else term._scale
    ends = ((limits.T - offset) / scale).sort(dim=0).values  # a negative scale swaps them
    return ends[0].cpu().numpy(), ends[1].cpu().numpy()
