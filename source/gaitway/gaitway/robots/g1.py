"""Unitree G1: a humanoid of 33 kg with 29 joints."""

from __future__ import annotations

from math import pi

from isaaclab.actuators import ImplicitActuatorCfg
from isaaclab.assets import ArticulationCfg

from .assets import RobotAsset
from .spawn import legged_robot

G1_ASSET = RobotAsset(
    name="g1",
    urdf="g1_description/urdf/g1_29dof_rev_1_0.urdf",
    floating_base=True,
)

_LEG = ("hip_pitch", "hip_roll", "hip_yaw", "knee", "ankle_pitch", "ankle_roll")
_WAIST = ("waist_yaw", "waist_roll", "waist_pitch")
_ARM = ("shoulder_pitch", "shoulder_roll", "shoulder_yaw", "elbow", "wrist_roll", "wrist_pitch", "wrist_yaw")

JOINT_NAMES = (
    *(f"{side}_{part}_joint" for side in ("left", "right") for part in _LEG),
    *(f"{part}_joint" for part in _WAIST),
    *(f"{side}_{part}_joint" for side in ("left", "right") for part in _ARM),
)
"""Joints in the URDF's order, which policies see on every engine."""
BODY_NAMES = (
    "pelvis",
    *(f"{side}_{part}_link" for side in ("left", "right") for part in _LEG),
    *("waist_yaw_link", "waist_roll_link", "torso_link"),
    *(
        name
        for side in ("left", "right")
        for name in (*(f"{side}_{part}_link" for part in _ARM), f"{side}_rubber_hand")
    ),
)
"""Bodies in the URDF's order."""


def _armature(rotor: float, first: float, second: float, gear_1: float, gear_2: float) -> float:
    """Inertia of a motor with two planetary stages, seen from its output. Unit: kg·m²."""
    return rotor * (gear_1 * gear_2) ** 2 + first * gear_2**2 + second


# Rotors, stages and gears of Unitree's motors, as mjlab has them from Unitree (`unitree_g1/g1_constants.py`).
_5020 = _armature(0.139e-4, 0.017e-4, 0.169e-4, 1 + 46 / 18, 1 + 56 / 16)
_7520_14 = _armature(0.489e-4, 0.098e-4, 0.533e-4, 4.5, 1 + 48 / 22)
_7520_22 = _armature(0.489e-4, 0.109e-4, 0.738e-4, 4.5, 5)
_4010 = _armature(0.068e-4, 0.0, 0.0, 5, 5)


def _motors(joints: str | list[str], armature: float, effort: float, velocity: float) -> ImplicitActuatorCfg:
    """Motors whose loop has 10 Hz and twice the critical damping when they move nothing but themselves.

    That is how gains are chosen in BeyondMimic (Liao et al., 2025) and mjlab. Limits are the URDF's.
    """
    rate = 2 * pi * 10.0
    return ImplicitActuatorCfg(
        joint_names_expr=[joints] if isinstance(joints, str) else joints,
        stiffness=armature * rate**2,
        damping=2 * 2.0 * armature * rate,
        armature=armature,
        joint_effort_limit=effort,
        joint_velocity_limit=velocity,
    )


G1_CFG = ArticulationCfg(
    spawn=legged_robot("gaitway.robots.g1:G1_ASSET", iterations=(8, 4)),
    init_state=ArticulationCfg.InitialStateCfg(
        pos=(0.0, 0.0, 0.76),
        # Knees bent, arms at the sides: mjlab's.
        joint_pos={
            ".*_hip_pitch_joint": -0.312,
            ".*_knee_joint": 0.669,
            ".*_ankle_pitch_joint": -0.363,
            ".*_elbow_joint": 0.6,
            ".*_shoulder_pitch_joint": 0.2,
            "left_shoulder_roll_joint": 0.2,
            "right_shoulder_roll_joint": -0.2,
        },
        joint_vel={".*": 0.0},
    ),
    soft_joint_pos_limit_factor=0.9,
    joint_ordering=JOINT_NAMES,
    body_ordering=BODY_NAMES,
    actuators={
        "hip_pitch_yaw": _motors([".*_hip_pitch_joint", ".*_hip_yaw_joint", "waist_yaw_joint"], _7520_14, 88.0, 32.0),
        "hip_roll_knee": _motors([".*_hip_roll_joint", ".*_knee_joint"], _7520_22, 139.0, 20.0),
        # Two motors each, side by side on a linkage.
        "ankle_waist": _motors([".*_ankle_.*_joint", "waist_roll_joint", "waist_pitch_joint"], 2 * _5020, 35.0, 30.0),
        "arm": _motors([".*_shoulder_.*_joint", ".*_elbow_joint", ".*_wrist_roll_joint"], _5020, 25.0, 37.0),
        "wrist": _motors([".*_wrist_pitch_joint", ".*_wrist_yaw_joint"], _4010, 5.0, 22.0),
    },
)
"""G1 with loops as soft as its motors are light: 14 to 99 N·m/rad."""
