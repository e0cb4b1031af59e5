"""Unitree Go2: a quadruped of 16 kg with twelve joints."""

from __future__ import annotations

from isaaclab.actuators import ImplicitActuatorCfg
from isaaclab.assets import ArticulationCfg

from .assets import RobotAsset
from .spawn import legged_robot

GO2_ASSET = RobotAsset(
    name="go2",
    urdf="go2_description/urdf/go2.urdf",
    floating_base=True,
    collider_kinds={".*_foot": "sphere"},
)

_LEGS = ("FL", "FR", "RL", "RR")
JOINT_NAMES = tuple(f"{leg}_{part}_joint" for leg in _LEGS for part in ("hip", "thigh", "calf"))
"""Joints in the URDF's order, which policies see on every engine."""
BODY_NAMES = ("base", *(f"{leg}_{part}" for leg in _LEGS for part in ("hip", "thigh", "calf", "foot")))
"""Bodies in the URDF's order."""
FOOT_NAMES = tuple(f"{leg}_foot" for leg in _LEGS)
"""Left and right front foot, left and right hind foot."""

_ROTOR_INERTIA = 0.000111842  # kg·m² about the axis of rotation; links `*_rotor` of the URDF
_HIP_GEAR = 6.33  # of Unitree's GO-M8010-6, the Go1's motor; none is published for the Go2's, which is alike
_CALF_GEAR = _HIP_GEAR * 45.43 / 23.7  # the calf's linkage, from the effort limits of the URDF

GO2_CFG = ArticulationCfg(
    spawn=legged_robot("gaitway.robots.go2:GO2_ASSET"),
    init_state=ArticulationCfg.InitialStateCfg(
        pos=(0.0, 0.0, 0.34),
        joint_pos={
            ".*L_hip_joint": 0.1,
            ".*R_hip_joint": -0.1,
            "F[LR]_thigh_joint": 0.8,
            "R[LR]_thigh_joint": 1.0,
            ".*_calf_joint": -1.5,
        },
        joint_vel={".*": 0.0},
    ),
    soft_joint_pos_limit_factor=0.9,
    joint_ordering=JOINT_NAMES,
    body_ordering=BODY_NAMES,
    actuators={
        # The motors' own position loop. Limits of effort and velocity are the URDF's.
        "hip_thigh": ImplicitActuatorCfg(
            joint_names_expr=[".*_hip_joint", ".*_thigh_joint"],
            stiffness=25.0,
            damping=0.5,
            armature=_ROTOR_INERTIA * _HIP_GEAR**2,
            joint_effort_limit=23.7,
            joint_velocity_limit=30.1,
        ),
        "calf": ImplicitActuatorCfg(
            joint_names_expr=[".*_calf_joint"],
            stiffness=25.0,
            damping=0.5,
            armature=_ROTOR_INERTIA * _CALF_GEAR**2,
            joint_effort_limit=45.43,
            joint_velocity_limit=15.7,
        ),
    },
)
"""Go2 with the position loop of its motors, 25 N·m/rad and 0.5 N·m·s/rad."""
