"""A Franka Panda that holds a square peg, and blocks with a square hole for it.

The peg is part of the hand: jaws that fit a part hold it rigidly, and one that slips in flat fingers would make a task
of grasping out of one of inserting.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from isaaclab.actuators import ImplicitActuatorCfg
from isaaclab.assets import ArticulationCfg
from isaaclab.utils import replace
from isaaclab_newton.sim.schemas import MujocoCollisionCfg
from isaaclab_physx.sim.schemas import PhysxRigidBodyCfg

from .assets import RobotAsset
from .franka import BODY_NAMES, FRANKA_ASSET, FRANKA_CFG
from .spawn import RobotFileCfg, articulation

PEG = 0.02
"""Width of the peg, which is square. Unit: m."""
PEG_LENGTH = 0.08
"""Length of the peg, of which the fingers hold 3 cm. Unit: m."""
HAND_TO_TIP = 0.165
"""From ``panda_hand`` to the end of the peg, along the z axis of both. Unit: m."""
CLEARANCE = {"loose": 0.001, "tight": 0.0002}
"""By how much each hole is wider than the peg. Unit: m."""
HOLE_DEPTH = 0.03
"""Depth of the holes. Unit: m."""
SOCKET_HEIGHT = 0.1
"""Height of a hole's mouth above the ground. Unit: m."""


@dataclass(frozen=True)
class PegHandAsset(RobotAsset):
    """A robot to whose hand a peg is fixed, whose frame is in the middle of its end and points out of it."""

    hand: str = "panda_hand"
    """Link that holds the peg."""
    width: float = PEG
    """Unit: m."""
    length: float = PEG_LENGTH
    """Unit: m."""
    reach: float = HAND_TO_TIP
    """From the hand's frame to the peg's end, along z. Unit: m."""
    mass: float = 0.1
    """Unit: kg."""

    def load(self) -> ET.ElementTree[ET.Element]:
        """The robot's URDF, and in it the peg, as a link of its own."""
        tree = super().load()
        across = self.mass * (self.width**2 + self.length**2) / 12.0
        along = self.mass * self.width**2 / 6.0
        middle = f'<origin xyz="0 0 {-self.length / 2}"/>'
        box = f'{middle}<geometry><box size="{self.width} {self.width} {self.length}"/></geometry>'
        peg = f"""
            <link name="peg">
              <inertial>{middle}<mass value="{self.mass}"/>
                <inertia ixx="{across}" ixy="0" ixz="0" iyy="{across}" iyz="0" izz="{along}"/></inertial>
              <visual>{box}</visual><collision>{box}</collision>
            </link>"""
        joint = f"""
            <joint name="peg_joint" type="fixed">
              <parent link="{self.hand}"/><child link="peg"/><origin xyz="0 0 {self.reach}"/>
            </joint>"""
        tree.getroot().extend([ET.fromstring(peg), ET.fromstring(joint)])
        return tree


PEG_FRANKA_ASSET = PegHandAsset(
    name="franka_peg",
    urdf=FRANKA_ASSET.urdf,
    floating_base=False,
    keep_links=FRANKA_ASSET.keep_links,
    collider_kinds=FRANKA_ASSET.collider_kinds,
)
PEG_FRANKA_CFG = replace(
    FRANKA_CFG,
    spawn=replace(FRANKA_CFG.spawn, asset="gaitway.robots.insertion:PEG_FRANKA_ASSET"),
    init_state=ArticulationCfg.InitialStateCfg(
        joint_pos={**FRANKA_CFG.init_state.joint_pos, "panda_finger_joint.*": PEG / 2}
    ),
    body_ordering=(*BODY_NAMES, "peg"),
)
"""Panda as ever, its fingers closed about a peg that is fixed to its hand."""

_DATA = Path(__file__).parent / "data"
SOCKET_LOOSE_ASSET, SOCKET_TIGHT_ASSET = (
    RobotAsset(
        name=f"socket_{kind}",
        urdf=str(_DATA / f"socket_{kind}.urdf"),
        floating_base=False,
        keep_links=frozenset({"socket"}),
    )
    for kind in CLEARANCE
)

# MuJoCo's contacts give way: as they are set by default, by a tenth of a millimetre under the push of an arm. With a
# socket's own settings, which go before those of what touches it, it is a hundredth; their time constant wants two
# physics steps at least.
STIFF = MujocoCollisionCfg(priority=1, solref=(1.0 / 120.0, 1.0), solimp=(0.99, 0.999, 0.0001, 0.5, 2.0))


def socket_cfg(kind: str) -> ArticulationCfg:
    """A block with a hole, fixed where it stands.

    Args:
        kind: ``loose`` or ``tight``, as in :data:`CLEARANCE`.
    """
    return ArticulationCfg(
        spawn=RobotFileCfg(
            asset=f"gaitway.robots.insertion:SOCKET_{kind.upper()}_ASSET",
            collision_props=[STIFF],
            rigid_props=[PhysxRigidBodyCfg(max_depenetration_velocity=1.0)],
            articulation_props=articulation(16, 1),
        ),
        init_state=ArticulationCfg.InitialStateCfg(pos=(0.5, 0.0, SOCKET_HEIGHT), joint_pos={".*": 0.0}),
        body_ordering=("stand", "socket", "lever"),
        actuators={
            # Of the clamp, which is shut.
            "lever": ImplicitActuatorCfg(
                joint_names_expr=["lever_joint"],
                stiffness=1.0,
                damping=0.1,
                armature=0.01,
                joint_effort_limit=1.0,
                joint_velocity_limit=1.0,
            )
        },
    )
