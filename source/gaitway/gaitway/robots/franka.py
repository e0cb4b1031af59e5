"""Franka Emika Panda with its two-finger gripper: seven joints and two fingers, fixed to the ground."""

from __future__ import annotations

from isaaclab.actuators import ImplicitActuatorCfg
from isaaclab.assets import ArticulationCfg

from .assets import RobotAsset
from .spawn import weightless_arm

FRANKA_ASSET = RobotAsset(
    name="franka",
    urdf="panda_description/urdf/panda.urdf",
    floating_base=False,
    keep_links=frozenset({"panda_hand"}),
    collider_kinds={"panda_link0": "capsule"},  # a sphere is all but as near, by the numbers
)

JOINT_NAMES = (*(f"panda_joint{i}" for i in range(1, 8)), "panda_finger_joint1", "panda_finger_joint2")
"""Joints in the URDF's order, which policies see on every engine."""
BODY_NAMES = (*(f"panda_link{i}" for i in range(8)), "panda_hand", "panda_leftfinger", "panda_rightfinger")
"""Bodies in the URDF's order."""
HAND_TO_GRASP = 0.1034
"""From ``panda_hand`` to ``panda_hand_tcp`` of the URDF, between the fingertips, along the hand's z axis. Unit: m."""

FRANKA_CFG = ArticulationCfg(
    spawn=weightless_arm("gaitway.robots.franka:FRANKA_ASSET"),
    init_state=ArticulationCfg.InitialStateCfg(
        joint_pos={
            "panda_joint1": 0.0,
            "panda_joint2": -0.569,
            "panda_joint3": 0.0,
            "panda_joint4": -2.810,
            "panda_joint5": 0.0,
            "panda_joint6": 3.037,
            "panda_joint7": 0.741,
            "panda_finger_joint.*": 0.04,
        },
    ),
    soft_joint_pos_limit_factor=1.0,
    joint_ordering=JOINT_NAMES,
    body_ordering=BODY_NAMES,
    actuators={
        # Gains of libfranka's joint impedance example; limits of the URDF.
        "arm_1_4": ImplicitActuatorCfg(
            joint_names_expr=["panda_joint[1-4]"],
            stiffness=600.0,
            damping=50.0,
            armature=0.1,
            joint_effort_limit=87.0,
            joint_velocity_limit=2.175,
        ),
        "arm_5_7": ImplicitActuatorCfg(
            joint_names_expr=["panda_joint[5-7]"],
            stiffness={"panda_joint5": 250.0, "panda_joint6": 150.0, "panda_joint7": 50.0},
            damping={"panda_joint5": 30.0, "panda_joint6": 25.0, "panda_joint7": 15.0},
            armature=0.1,
            joint_effort_limit=12.0,
            joint_velocity_limit=2.61,
        ),
        # Closes at 0.2 m/s at most, as on the data sheet, and holds a 45 mm cube with 9 N a finger. Five times the
        # stiffness would press the fingers 10 mm into a cube of 0.1 kg, since MuJoCo's contacts give way.
        "hand": ImplicitActuatorCfg(
            joint_names_expr=["panda_finger_joint.*"],
            stiffness=400.0,
            damping=80.0,
            armature=0.1,
            joint_effort_limit=100.0,
            joint_velocity_limit=0.2,
        ),
    },
)
"""Panda on a stand, its arm held against gravity by its own controller."""
