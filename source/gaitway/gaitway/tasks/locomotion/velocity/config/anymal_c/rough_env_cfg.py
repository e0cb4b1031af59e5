"""Velocity on rough ground with ANYmal C."""

from __future__ import annotations

from isaaclab.utils import configclass

from gaitway.tasks.locomotion.velocity.config.anymal_c.flat_env_cfg import use_anymal_c
from gaitway.tasks.locomotion.velocity.rough_env_cfg import VelocityRoughEnvCfg


@configclass
class AnymalCRoughEnvCfg(VelocityRoughEnvCfg):
    """ANYmal C on rough ground."""

    def __post_init__(self):
        super().__post_init__()
        use_anymal_c(self)
        self.sim.physics.make_room(contacts=376)
