"""ANYbotics ANYmal C: a quadruped of 52 kg with twelve joints."""

from __future__ import annotations

from isaaclab.actuators import ImplicitActuatorCfg
from isaaclab.assets import ArticulationCfg
from isaaclab_newton.sim.schemas import NewtonArticulationCfg
from isaaclab_physx.sim.schemas import PhysxArticulationCfg, PhysxRigidBodyCfg

from .assets import RobotAsset
from .spawn import RobotFileCfg

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
    spawn=RobotFileCfg(
        asset="gaitway.robots.anymal_c:ANYMAL_C_ASSET",
        activate_contact_sensors=True,
        rigid_props=PhysxRigidBodyCfg(max_depenetration_velocity=1.0),
        articulation_props=[
            PhysxArticulationCfg(
                enabled_self_collisions=False, solver_position_iteration_count=4, solver_velocity_iteration_count=0
            ),
            NewtonArticulationCfg(self_collision_enabled=False),
        ],
    ),
    init_state=ArticulationCfg.InitialStateCfg(
        pos=(0.0, 0.0, 0.6),
        joint_pos={".*_HAA": 0.0, ".*F_HFE": 0.4, ".*H_HFE": -0.4, ".*F_KFE": -0.8, ".*H_KFE": 0.8},
        joint_vel={".*": 0.0},
    ),
    soft_joint_pos_limit_factor=0.95,
    joint_ordering=JOINT_NAMES,
    body_ordering=BODY_NAMES,
    actuators={
        # Stiffness of legged_gym (Rudin et al., "Learning to Walk in Minutes Using Massively Parallel Deep Reinforcement
        # Learning", CoRL 2021), twice its damping, limits of the URDF. With less damping a knee, whose rotor has an
        # inertia that is not published and is none here, swings at twice its speed limit where nothing holds it.
        "legs": ImplicitActuatorCfg(
            joint_names_expr=[".*_HAA", ".*_HFE", ".*_KFE"],
            stiffness=80.0,
            damping=4.0,
            armature=0.0,
            joint_effort_limit=80.0,
            joint_velocity_limit=7.5,
        ),
    },
)
"""ANYmal C with a position loop of 80 N·m/rad and 4 N·m·s/rad on its joints."""
