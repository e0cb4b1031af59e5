"""SO-101, the 3D-printed arm of TheRobotStudio and LeRobot: five joints and a gripper, all hobby servos."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass

from isaaclab.actuators import ImplicitActuatorCfg
from isaaclab.assets import ArticulationCfg
from isaaclab_physx.sim.schemas import PhysxRigidBodyCfg

from .assets import RobotAsset
from .spawn import RobotFileCfg, articulation

JAW_TIPS = "gripper_frame_link"
"""A point between the tips of the jaws, which the URDF has as a body of a microgram: what is to reach a goal."""


@dataclass(frozen=True)
class PointedArmAsset(RobotAsset):
    """An arm whose tip is a body of its own.

    The URDF gives the point no inertia at all. Newton would take that for a mistake and put 1e-6 kg·m² in its place, a
    thirtieth of the gripper's; this much it leaves alone.
    """

    tip_inertia: float = 1.1e-10
    """About any axis. Unit: kg·m²."""

    def load(self) -> ET.ElementTree[ET.Element]:
        """The URDF, its tip with an inertia."""
        tree = super().load()
        inertia = tree.find(f"link[@name='{JAW_TIPS}']/inertial/inertia")
        for axis in ("ixx", "iyy", "izz"):
            inertia.set(axis, repr(self.tip_inertia))  # type: ignore[union-attr]
        return tree


SO101_ASSET = PointedArmAsset(
    name="so101",
    urdf="so_arm_description/urdf/so101.urdf",
    floating_base=False,
    keep_links=frozenset({JAW_TIPS}),
)

JOINT_NAMES = ("gripper", "wrist_roll", "wrist_flex", "elbow_flex", "shoulder_lift", "shoulder_pan")
"""Joints in the URDF's order, which policies see on every engine: from the gripper to the base, LeRobot's motors 6 to
1."""
BODY_NAMES = (
    "base_link",
    "shoulder_link",
    "upper_arm_link",
    "lower_arm_link",
    "wrist_link",
    "gripper_link",
    "gripper_frame_link",
    "moving_jaw_so101_v1_link",
)
"""Bodies in the URDF's order."""

SO101_CFG = ArticulationCfg(
    spawn=RobotFileCfg(
        asset="gaitway.robots.so101:SO101_ASSET",
        # Hobby servos do not know of gravity: the arm sags, here as there.
        rigid_props=PhysxRigidBodyCfg(disable_gravity=False, max_depenetration_velocity=5.0),
        articulation_props=articulation(8, 0),
    ),
    init_state=ArticulationCfg.InitialStateCfg(
        # The gripper before the base, pointing at the ground and somewhat ahead.
        joint_pos={
            "shoulder_pan": 0.0,
            "shoulder_lift": -0.6,
            "elbow_flex": 0.5,
            "wrist_flex": 1.0,
            "wrist_roll": 0.0,
            "gripper": 0.0,
        },
    ),
    soft_joint_pos_limit_factor=1.0,
    joint_ordering=JOINT_NAMES,
    body_ordering=BODY_NAMES,
    actuators={
        # Feetech STS3215 at 12 V: 30 kg·cm, 45 rev/min. (The URDF's 10 N·m and 10 rad/s stand for "not known".)
        # Damping, friction and armature are those of the maker's MuJoCo model (SO-ARM100, Simulation/SO101). Stiffness
        # is that of its earlier version, which Isaac Lab keeps for the gripper: with it a stretched arm sags by 2°.
        "servos": ImplicitActuatorCfg(
            joint_names_expr=[".*"],
            stiffness=17.8,
            damping=0.60,
            friction=0.052,
            armature=0.028,
            joint_effort_limit=2.94,
            joint_velocity_limit=4.71,
        ),
    },
)
"""SO-101 on the ground."""
