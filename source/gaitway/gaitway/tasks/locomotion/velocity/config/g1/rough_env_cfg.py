"""Velocity on rough ground with the Unitree G1."""

from __future__ import annotations

from isaaclab.utils import configclass

from gaitway.tasks.locomotion.velocity.config.g1.flat_env_cfg import G1RoughRewardsCfg, use_g1
from gaitway.tasks.locomotion.velocity.rough_env_cfg import VelocityRoughEnvCfg


@configclass
class G1RoughEnvCfg(VelocityRoughEnvCfg):
    """G1 on rough ground."""

    rewards: G1RoughRewardsCfg = G1RoughRewardsCfg()

    def __post_init__(self):
        super().__post_init__()
        use_g1(self)
        self.sim.physics.make_room(contacts=192)
