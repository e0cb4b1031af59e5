"""A chest of two drawers, of boxes, fixed to the ground: a thing that robots open."""

from __future__ import annotations

from pathlib import Path

from isaaclab.actuators import ImplicitActuatorCfg
from isaaclab.assets import ArticulationCfg
from isaaclab_physx.sim.schemas import PhysxRigidBodyCfg

from .assets import RobotAsset
from .spawn import RobotFileCfg, articulation

CABINET_ASSET = RobotAsset(
    name="cabinet", urdf=str(Path(__file__).parent / "data" / "cabinet.urdf"), floating_base=False
)

JOINT_NAMES = ("upper_drawer_joint", "lower_drawer_joint")
"""Joints in the URDF's order. A drawer that is shut is at 0."""
BODY_NAMES = ("cabinet", "upper_drawer", "lower_drawer")
"""Bodies in the URDF's order. The frame of a drawer is in the middle of its handle."""
TRAVEL = 0.25
"""How far a drawer opens. Unit: m."""
HANDLE_BEFORE_FRONT = 0.065
"""From the middle of a shut drawer's handle to the cabinet's front. Unit: m."""
HANDLE_HEIGHT = {"upper": 0.6, "lower": 0.4}
"""Height of the middle of each handle. Unit: m."""
HANDLE_SIZE = (0.016, 0.16, 0.024)
"""Depth, length and height of a handle's bar. Unit: m."""

CABINET_CFG = ArticulationCfg(
    spawn=RobotFileCfg(
        asset="gaitway.robots.cabinet:CABINET_ASSET",
        rigid_props=[PhysxRigidBodyCfg(max_depenetration_velocity=5.0)],
        articulation_props=articulation(8, 0),
    ),
    init_state=ArticulationCfg.InitialStateCfg(joint_pos={".*": 0.0}),
    joint_ordering=JOINT_NAMES,
    body_ordering=BODY_NAMES,
    actuators={
        # Nothing drives the drawers: what is set here are their slides.
        "slides": ImplicitActuatorCfg(
            joint_names_expr=[".*_drawer_joint"],
            stiffness=0.0,
            damping=5.0,
            friction=2.0,
            dynamic_friction=2.0,
            joint_effort_limit=100.0,
            joint_velocity_limit=2.0,
        ),
    },
)
"""The cabinet with drawers that slide, and stay where they are left."""
