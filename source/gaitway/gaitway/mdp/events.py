"""Events that Isaac Lab lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from isaaclab.managers import EventTermCfg, ManagerTermBase, SceneEntityCfg

if TYPE_CHECKING:
    from isaaclab.envs import ManagerBasedEnv


class RandomizeEffortLimits(ManagerTermBase):
    """Scale the joints' effort limits: motors that are stronger or weaker than said.

    Parameters of the term:
        asset_cfg: The robot and its joints.
        scale_range: Least and largest factor, drawn evenly for each joint of each environment.
    """

    def __init__(self, cfg: EventTermCfg, env: ManagerBasedEnv):
        super().__init__(cfg, env)
        self._asset = env.scene[cfg.params["asset_cfg"].name]
        self.nominal = self._asset.data.joint_effort_limits.torch.clone()
        """Limits as configured. Shape is (num_envs, joints). Unit: N·m or N."""

    def __call__(
        self,
        env: ManagerBasedEnv,
        env_ids: torch.Tensor | slice | None,
        asset_cfg: SceneEntityCfg,
        scale_range: tuple[float, float],
    ) -> None:
        envs = torch.arange(env.num_envs, device=env.device)[slice(None) if env_ids is None else env_ids]
        joints = torch.arange(self.nominal.shape[1], device=env.device)[asset_cfg.joint_ids]
        limits: Any = self.nominal[envs[:, None], joints]
        low, high = scale_range
        limits = limits * (low + (high - low) * torch.rand_like(limits))
        self._asset.write_joint_effort_limit_to_sim_index(limits=limits, joint_ids=joints, env_ids=envs)
