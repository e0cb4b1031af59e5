"""Terminations that Isaac Lab lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from isaaclab.managers import SceneEntityCfg

if TYPE_CHECKING:
    from isaaclab.envs import ManagerBasedRLEnv


def physics_broken(env: ManagerBasedRLEnv, asset_cfg: SceneEntityCfg = SceneEntityCfg("robot")) -> torch.Tensor:
    """Whether the state of an environment is beyond use, so that it must begin anew.

    On native MuJoCo the engine says so, having put the environment back to rest; elsewhere the robot's state is looked
    at.

    Returns:
        Shape is (num_envs,).
    """
    marked = getattr(env.sim.physics_manager, "broken_envs", None)
    if marked is not None:
        return marked()
    data = env.scene[asset_cfg.name].data
    # A sum is finite only if all its parts are.
    total = data.joint_pos.torch.sum(dim=-1) + data.joint_vel.torch.sum(dim=-1) + data.root_pos_w.torch.sum(dim=-1)
    return ~torch.isfinite(total)
