"""ANYbotics ANYmal C: a quadruped of 52 kg with twelve joints."""

from __future__ import annotations

from isaaclab.actuators import ImplicitActuatorCfg
from isaaclab.assets import ArticulationCfg

from .assets import RobotAsset
from .spawn import legged_robot

_LEGS = ("LF", "RF", "LH", "RH")

ANYMAL_C_ASSET = RobotAsset(
    name="anymal_c",
    urdf="anymal_c_simple_description/urdf/anymal.urdf",
    floating_base=True,
    # Their contacts are told apart from those of the shanks. All its colliders are primitives already.
    keep_links=frozenset(f"{leg}_FOOT" for leg in _LEGS),
)

JOINT_NAMES = tuple(f"{leg}_{part}" for leg in _LEGS for part in ("HAA", "HFE", "KFE"))
"""Joints in the URDF's order, which policies see on every engine."""
BODY_NAMES = ("base", *(f"{leg}_{part}" for leg in _LEGS for part in ("HIP", "THIGH", "SHANK", "FOOT")))
"""Bodies in the URDF's order."""

ANYMAL_C_CFG = ArticulationCfg(
    spawn=legged_robot("gaitway.robots.anymal_c:ANYMAL_C_ASSET"),
    init_state=ArticulationCfg.InitialStateCfg(
        pos=(0.0, 0.0, 0.6),
        joint_pos={".*_HAA": 0.0, ".*F_HFE": 0.4, ".*H_HFE": -0.4, ".*F_KFE": -0.8, ".*H_KFE": 0.8},
        joint_vel={".*": 0.0},
    ),
    soft_joint_pos_limit_factor=0.95,
    joint_ordering=JOINT_NAMES,
    body_ordering=BODY_NAMES,
    actuators={
        # Stiffness of legged_gym (Rudin et al., "Learning to Walk in Minutes Using Massively Parallel Deep
        # Reinforcement Learning", CoRL 2021), limits of the URDF. The inertia of the ANYdrive's rotor is not published;
        # without it legged_gym's damping of 2 lets knees swing at twice their limit. 5 is that of Isaac Lab's simple
        # ANYdrive.
        "legs": ImplicitActuatorCfg(
            joint_names_expr=[".*_HAA", ".*_HFE", ".*_KFE"],
            stiffness=80.0,
            damping=5.0,
            armature=0.0,
            joint_effort_limit=80.0,
            joint_velocity_limit=7.5,
        ),
    },
)
"""ANYmal C with a position loop of 80 N·m/rad and 5 N·m·s/rad on its joints."""
