"""Universal Robots UR10: six joints, fixed to the ground, a bare flange at its end."""

from __future__ import annotations

from isaaclab.actuators import ImplicitActuatorCfg
from isaaclab.assets import ArticulationCfg

from .assets import RobotAsset
from .spawn import weightless_arm

UR10_ASSET = RobotAsset(
    name="ur10",
    # Joints turn once around, as planners have it for the sake of cables. The robot itself could turn twice.
    urdf="ur_description/urdf/ur10_joint_limited_robot.urdf",
    floating_base=False,
    keep_links=frozenset({"base_link"}),  # else it would be merged into the world
)

JOINT_NAMES = (
    "shoulder_pan_joint",
    "shoulder_lift_joint",
    "elbow_joint",
    "wrist_1_joint",
    "wrist_2_joint",
    "wrist_3_joint",
)
"""Joints in the URDF's order, which policies see on every engine."""
BODY_NAMES = (
    "base_link",
    "shoulder_link",
    "upper_arm_link",
    "forearm_link",
    "wrist_1_link",
    "wrist_2_link",
    "wrist_3_link",
)
"""Bodies in the URDF's order."""
WRIST_TO_FLANGE = 0.0922
"""From ``wrist_3_link`` to ``tool0`` of the URDF, the face of the flange, along the wrist's y axis. Unit: m."""

UR10_CFG = ArticulationCfg(
    spawn=weightless_arm("gaitway.robots.ur10:UR10_ASSET"),
    init_state=ArticulationCfg.InitialStateCfg(
        # Elbow up, the flange 0.4 m above the ground and facing it.
        joint_pos={
            "shoulder_pan_joint": -0.27,
            "shoulder_lift_joint": -1.75,
            "elbow_joint": 2.15,
            "wrist_1_joint": -1.97,
            "wrist_2_joint": -1.57,
            "wrist_3_joint": 0.0,
        },
    ),
    soft_joint_pos_limit_factor=1.0,
    joint_ordering=JOINT_NAMES,
    body_ordering=BODY_NAMES,
    actuators={
        # Limits of the URDF. Gains of the shoulder and the elbow, and the armature, are those of the UR10e in MuJoCo
        # Menagerie. Its wrists would pass their speed limit at a step of 0.03 rad; ours do at one of 0.2 rad.
        "shoulder": ImplicitActuatorCfg(
            joint_names_expr=["shoulder_.*"],
            stiffness=4000.0,
            damping=350.0,
            armature=0.1,
            joint_effort_limit=330.0,
            joint_velocity_limit=2.16,
        ),
        "elbow": ImplicitActuatorCfg(
            joint_names_expr=["elbow_joint"],
            stiffness=3500.0,
            damping=200.0,
            armature=0.1,
            joint_effort_limit=150.0,
            joint_velocity_limit=3.15,
        ),
        "wrist": ImplicitActuatorCfg(
            joint_names_expr=["wrist_.*"],
            stiffness=300.0,
            damping=20.0,
            armature=0.1,
            joint_effort_limit=54.0,
            joint_velocity_limit=3.2,
        ),
    },
)
"""UR10 on the ground, held against gravity by its own controller."""
