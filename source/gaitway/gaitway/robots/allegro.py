"""Allegro hand of Wonik Robotics, the right one: three fingers and a thumb of four joints each, its palm held fast."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass

from isaaclab.actuators import ImplicitActuatorCfg
from isaaclab.assets import ArticulationCfg

from .assets import RobotAsset
from .spawn import weightless_arm


@dataclass(frozen=True)
class HandAsset(RobotAsset):
    """A hand whose joints' friction and damping are the actuators' to say.

    The URDF has up to 12 N·m of dry friction, which keeps Gazebo calm; the motors could not move against a tenth of it.
    """

    def load(self) -> ET.ElementTree[ET.Element]:
        """The URDF without its joints' dynamics."""
        tree = super().load()
        for joint in tree.getroot().findall("joint"):
            for dynamics in joint.findall("dynamics"):
                joint.remove(dynamics)
        return tree


ALLEGRO_ASSET = HandAsset(
    name="allegro", urdf="allegro_hand_description/urdf/allegro_right_hand.urdf", floating_base=False
)

JOINT_NAMES = tuple(f"joint_{i}_0" for i in range(16))
"""Joints in the URDF's order: index finger, middle finger, ring finger, thumb, each from its root to its tip. The URDF
has ``joint_0.0``, which USD cannot hold."""
BODY_NAMES = ("palm_link", *(f"link_{i}_0" for i in range(16)))
"""Bodies in the URDF's order."""
FINGERTIP_NAMES = ("link_3_0", "link_7_0", "link_11_0", "link_15_0")
"""Last links of the fingers and of the thumb; the tips are part of them."""

ALLEGRO_CFG = ArticulationCfg(
    # The hand's own controller holds it against gravity, as an arm's does.
    spawn=weightless_arm("gaitway.robots.allegro:ALLEGRO_ASSET"),
    init_state=ArticulationCfg.InitialStateCfg(
        # Palm up, fingers along x.
        pos=(0.0, 0.0, 0.5),
        rot=(0.5**0.5, 0.0, 0.5**0.5, 0.0),
        joint_pos={"joint_(?!12_0).*": 0.0, "joint_12_0": 0.28},
    ),
    soft_joint_pos_limit_factor=1.0,
    joint_ordering=JOINT_NAMES,
    body_ordering=BODY_NAMES,
    actuators={
        # Gains, friction and the largest effort of Isaac Lab's Allegro hand; the URDF's 15 N·m stand for "not known".
        # The speed limit is the URDF's.
        "fingers": ImplicitActuatorCfg(
            joint_names_expr=[".*"],
            stiffness=3.0,
            damping=0.1,
            friction=0.01,
            armature=0.001,
            joint_effort_limit=0.5,
            joint_velocity_limit=7.0,
        ),
    },
)
"""Allegro hand half a metre above the ground, its palm up."""
