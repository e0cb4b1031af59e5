"""Velocity on flat ground with ANYmal C."""

from __future__ import annotations

from isaaclab.utils import configclass, replace
from isaaclab_newton.physics import NewtonCfg

from gaitway import mdp
from gaitway.robots.anymal_c import ANYMAL_C_CFG
from gaitway.tasks.locomotion.velocity.velocity_env_cfg import VelocityEnvCfg


def use_anymal_c(cfg: VelocityEnvCfg) -> None:
    """Put ANYmal C into the scene, and what a robot of its weight wants otherwise than a Go2."""
    cfg.scene.robot = replace(ANYMAL_C_CFG, prim_path="{ENV_REGEX_NS}/Robot")
    cfg.use_legs(base="base", feet=".*_FOOT", height=0.53)
    cfg.actions.joint_pos.scale = 0.5
    # It weighs three times as much, on legs half as long again: 25 times the squared torques.
    cfg.rewards.joint_torques.weight = -1.0e-5
    # Its motors are slow, and MuJoCo does not hold them at their limit. At this price knees are above it in one step of
    # seven. At three times the price in one of forty, but one seed of three only stood for 0.74 million steps.
    cfg.rewards.joint_vel_limits.func = mdp.joint_overspeed
    cfg.rewards.joint_vel_limits.weight = -0.03
    # Or its feet creep apart while it stands.
    for engine in vars(cfg.sim.physics).values():
        if isinstance(engine, NewtonCfg):
            engine.solver_cfg.impratio = 10.0
    cfg.viewer.eye = (2.2, 2.2, 1.3)
    cfg.viewer.lookat = (0.0, 0.0, 0.4)


@configclass
class AnymalCFlatEnvCfg(VelocityEnvCfg):
    """ANYmal C on flat ground."""

    def __post_init__(self):
        super().__post_init__()
        use_anymal_c(self)
