"""Lift with the Franka Panda and its two-finger gripper."""

from __future__ import annotations

from isaaclab.utils import configclass

from gaitway.tasks.manipulation.grasping import use_franka_from_above
from gaitway.tasks.manipulation.lift.lift_env_cfg import LiftEnvCfg


@configclass
class FrankaLiftEnvCfg(LiftEnvCfg):
    """The cube at a commanded position; its orientation is free."""

    def __post_init__(self):
        super().__post_init__()
        use_franka_from_above(self)
