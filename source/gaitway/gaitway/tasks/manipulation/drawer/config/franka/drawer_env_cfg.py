"""Drawer with the Franka Panda."""

from __future__ import annotations

from isaaclab.utils import configclass, replace

from gaitway.tasks.manipulation.drawer.drawer_env_cfg import DrawerEnvCfg
from gaitway.tasks.manipulation.franka import use_franka


@configclass
class FrankaDrawerEnvCfg(DrawerEnvCfg):
    """Open the upper drawer by its handle."""

    def __post_init__(self):
        super().__post_init__()
        use_franka(self)
        # Before the cabinet, facing it, one finger above the other.
        self.scene.robot.init_state = replace(
            self.scene.robot.init_state,
            joint_pos={
                "panda_joint1": 0.0,
                "panda_joint2": -0.56,
                "panda_joint3": 0.0,
                "panda_joint4": -2.436,
                "panda_joint5": 0.0,
                "panda_joint6": 3.146,
                "panda_joint7": -0.785,
                "panda_finger_joint.*": 0.04,
            },
        )
        grasped = self.rewards.grasped.params
        grasped["finger_cfg"].body_names = ["panda_leftfinger", "panda_rightfinger"]
        # The middle of the fingertip's pad, and a finger's stroke, both from the URDF.
        grasped["tip"], grasped["stroke"] = 0.045, 0.04
