"""What all tasks of an arm share: the scene, what is measured, what is left to chance, the rates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING
from typing import Any

import isaaclab.sim as sim_utils
from isaaclab.assets import ArticulationCfg, AssetBaseCfg, RigidObjectCfg
from isaaclab.envs import ManagerBasedRLEnvCfg
from isaaclab.managers import ActionTermCfg, ManagerTermBaseCfg, ObservationGroupCfg, SceneEntityCfg
from isaaclab.managers import EventTermCfg as EventTerm
from isaaclab.managers import ObservationTermCfg as ObsTerm
from isaaclab.managers import RewardTermCfg as RewTerm
from isaaclab.managers import TerminationTermCfg as DoneTerm
from isaaclab.scene import InteractiveSceneCfg
from isaaclab.sim import SimulationCfg
from isaaclab.utils import configclass
from isaaclab.utils.noise import UniformNoiseCfg as Unoise
from isaaclab_physx.sim.schemas import PhysxRigidBodyCfg
from isaaclab_tasks.utils import PresetCfg

from gaitway import mdp
from gaitway.physics.presets import ArmPhysicsCfg
from gaitway.tasks.defaults import auto_device, ground_cfg, light_cfg
from gaitway.tasks.randomisation import (
    by_level,
    drawn_friction,
    exact,
    late,
    noisier,
    only_resets,
    redraw_friction,
    variants,
    without_randomisation,
)

HAND, ARM, GRIPPER = "<hand>", "<arm>", "<gripper>"
"""Stand for the body at the end of the arm, the joints that move it and those that close the gripper, until a robot
gives their names."""


def hand() -> SceneEntityCfg:
    """The body at the end of the arm."""
    return SceneEntityCfg("robot", body_names=[HAND])


def arm() -> SceneEntityCfg:
    """The joints that move it."""
    return SceneEntityCfg("robot", joint_names=[ARM])


def gripper() -> SceneEntityCfg:
    """The joints that close the gripper."""
    return SceneEntityCfg("robot", joint_names=[GRIPPER])


@configclass
class ArmSceneCfg(InteractiveSceneCfg):
    """An arm on the ground."""

    ground: AssetBaseCfg = ground_cfg()
    light: AssetBaseCfg = light_cfg()
    robot: ArticulationCfg = MISSING


def cube_cfg(edge: float, pos: tuple[float, float, float]) -> RigidObjectCfg:
    """A cube of 0.1 kg, the ``object`` of a scene.

    Args:
        edge: Unit: m.
        pos: Where its middle is. Unit: m, frame of the environment.
    """
    return RigidObjectCfg(
        prim_path="{ENV_REGEX_NS}/Object",
        spawn=sim_utils.CuboidCfg(
            size=(edge, edge, edge),
            rigid_props=PhysxRigidBodyCfg(
                solver_position_iteration_count=16, solver_velocity_iteration_count=1, max_depenetration_velocity=5.0
            ),
            mass_props=sim_utils.MassCfg(mass=0.1),
            collision_props=sim_utils.UsdPhysicsCollisionCfg(),
            physics_material=sim_utils.RigidBodyMaterialCfg(static_friction=1.0, dynamic_friction=1.0),
            visual_material=sim_utils.PreviewSurfaceCfg(diffuse_color=(0.8, 0.25, 0.1)),
        ),
        init_state=RigidObjectCfg.InitialStateCfg(pos=pos),
    )


def joint_targets(joint_names: Sequence[str], scale: float = 0.5) -> ActionTermCfg:
    """Targets about the default pose, up to 10 ms late, or 25 ms with ``hard``.

    Args:
        joint_names: Joints of the arm, as names or patterns.
        scale: What an action of 1 adds. Unit: rad.
    """
    return mdp.DelayedJointPositionActionCfg(
        asset_name="robot", joint_names=list(joint_names), scale=scale, use_default_offset=True, delay=_delay()
    )


def joint_steps(steps: Mapping[str, float]) -> ActionTermCfg:
    """Targets about where the joints are, as late as those of :func:`joint_targets`.

    An arm that is led by what it sees comes to rest where it is to be, without knowing the joint angles of every place:
    a Franka reached 0.9 of its poses after 280,000 steps of SAC (one seed), where targets about the default pose took
    three seeds 700,000 and more.

    Args:
        steps: What an action of 1 adds, by names or patterns of the arm's joints. Unit: rad.
    """
    return mdp.MeasuredJointPositionActionCfg(
        asset_name="robot", joint_names=list(steps), scale=dict(steps), delay=_delay()
    )


def _delay() -> Any:
    return by_level(none=(0.0, 0.0), standard=(0.0, 0.01), hard=(0.0, 0.025))


@configclass
class ArmActionsCfg:
    """Joint position targets about the default pose."""

    arm_action: ActionTermCfg = MISSING


@configclass
class GripperActionsCfg(ArmActionsCfg):
    """Joint position targets about the default pose, and one number whose sign opens or closes the gripper."""

    gripper_action: ActionTermCfg = MISSING


# Inherited terms come first: a gripper's positions stand between the positions and the velocities of the arm.
@configclass
class _MeasuredCfg(ObservationGroupCfg):
    joint_pos = ObsTerm(func=mdp.joint_pos_rel, noise=Unoise(n_min=-0.01, n_max=0.01), params={"asset_cfg": arm()})

    def __post_init__(self):
        self.enable_corruption = True
        self.concatenate_terms = True


@configclass
class PolicyGroupCfg(_MeasuredCfg):
    """What a real robot can measure: its joints, as encoders give them. A task adds its terms."""

    joint_vel = ObsTerm(func=mdp.joint_vel_rel, noise=Unoise(n_min=-0.05, n_max=0.05), params={"asset_cfg": arm()})


@configclass
class GripperPolicyGroupCfg(_MeasuredCfg):
    """The same of an arm with a gripper."""

    gripper_pos = ObsTerm(
        func=mdp.joint_pos_rel, noise=Unoise(n_min=-0.0005, n_max=0.0005), params={"asset_cfg": gripper()}
    )
    joint_vel = ObsTerm(func=mdp.joint_vel_rel, noise=Unoise(n_min=-0.05, n_max=0.05), params={"asset_cfg": arm()})


@configclass
class _ExactCfg(ObservationGroupCfg):
    joint_pos = ObsTerm(func=mdp.joint_pos_rel, params={"asset_cfg": arm()})

    def __post_init__(self):
        self.enable_corruption = False
        self.concatenate_terms = True


@configclass
class CriticGroupCfg(_ExactCfg):
    """Without noise, and with what only a simulator knows: a task adds its terms."""

    joint_vel = ObsTerm(func=mdp.joint_vel_rel, params={"asset_cfg": arm()})


@configclass
class GripperCriticGroupCfg(_ExactCfg):
    """The same of an arm with a gripper."""

    gripper_pos = ObsTerm(func=mdp.joint_pos_rel, params={"asset_cfg": gripper()})
    joint_vel = ObsTerm(func=mdp.joint_vel_rel, params={"asset_cfg": arm()})


def policy_by_level(group: type[ObservationGroupCfg]) -> Any:
    """What the policy sees: exact, with noise, or with half as much noise again and up to a step late."""
    return by_level(none=exact(group()), standard=group(), hard=late(noisier(group(), 1.5), 1))


@configclass
class ArmEventsCfg:
    """Randomisation of the arm, and where an episode begins."""

    link_mass = EventTerm(
        func=mdp.randomize_rigid_body_mass,
        mode="startup",
        params={
            "asset_cfg": SceneEntityCfg("robot", body_names=".*"),
            "mass_distribution_params": (0.9, 1.1),
            "operation": "scale",
        },
    )
    motor_gains = EventTerm(
        func=mdp.randomize_actuator_gains,
        mode="startup",
        params={
            "asset_cfg": arm(),
            "stiffness_distribution_params": (0.8, 1.25),
            "damping_distribution_params": (0.8, 1.25),
            "operation": "scale",
            "distribution": "log_uniform",
        },
    )
    joint_friction = EventTerm(
        func=mdp.randomize_joint_parameters,
        mode="startup",
        params={
            "asset_cfg": arm(),
            "friction_distribution_params": (0.0, 1.0),
            "operation": "abs",
        },
    )
    motor_strength = EventTerm(
        func=mdp.RandomizeEffortLimits, mode="startup", params={"asset_cfg": arm(), "scale_range": (0.9, 1.1)}
    )
    # Joints that the arm does not use (fingers) begin an episode where they belong, too.
    reset_scene = EventTerm(func=mdp.reset_scene_to_default, mode="reset", params={"reset_joint_targets": True})
    reset_joints = EventTerm(
        func=mdp.reset_joints_by_offset,
        mode="reset",
        params={"asset_cfg": arm(), "position_range": (-0.1, 0.1), "velocity_range": (0.0, 0.0)},
    )

    def without_randomisation(self) -> ArmEventsCfg:
        """Leave only where an episode begins; return it."""
        return only_resets(self)

    def harden(self) -> None:
        """Have an arm that is badly known."""
        self.link_mass.params["mass_distribution_params"] = (0.75, 1.25)
        for gain in ("stiffness", "damping"):
            self.motor_gains.params[f"{gain}_distribution_params"] = (0.7, 1.4)
        low, high = self.joint_friction.params["friction_distribution_params"]
        self.joint_friction.params["friction_distribution_params"] = (low, 2.0 * high)
        self.motor_strength.params["scale_range"] = (0.7, 1.2)


@configclass
class GraspEventsCfg(ArmEventsCfg):
    """Randomisation of an arm, of its fingers' friction and of an ``object``, and where an episode begins."""

    # MuJoCo takes the larger of two frictions and PhysX their mean, so that both sides are to be drawn.
    robot_friction = drawn_friction("robot", 0.7, 1.3)
    object_friction = drawn_friction("object", 0.7, 1.3)
    object_mass = EventTerm(
        func=mdp.randomize_rigid_body_mass,
        mode="startup",
        params={
            "asset_cfg": SceneEntityCfg("object"),
            # From 1.8 on, a cube of 0.1 kg slides 1 cm down in the Franka's fingers on MuJoCo.
            "mass_distribution_params": (0.5, 1.5),
            "operation": "scale",
            "distribution": "log_uniform",
        },
    )

    def harden(self) -> None:
        """Have an arm that is badly known, and an object that is light or heavy and slips or sticks."""
        super().harden()
        self.object_mass.params["mass_distribution_params"] = (0.25, 1.6)
        for term in (self.robot_friction, self.object_friction):
            redraw_friction(term, 0.5, 1.5)


def placed(asset: str, **ranges: tuple[float, float]) -> EventTerm:
    """Where a thing is when an episode begins: at rest, somewhere about its default pose.

    Args:
        asset: Its name in the scene.
        **ranges: How far from there, by ``x``, ``y``, ``z``, ``roll``, ``pitch`` and ``yaw``. Unit: m and rad.
    """
    return EventTerm(
        func=mdp.reset_root_state_uniform,
        mode="reset",
        params={"asset_cfg": SceneEntityCfg(asset), "pose_range": ranges, "velocity_range": {}},
    )


def events_by_level(events: type[ArmEventsCfg]) -> Any:
    """A task's events: resets alone, as they stand, or hardened."""
    hard = events()
    hard.harden()
    return by_level(none=events().without_randomisation(), standard=events(), hard=hard)


@configclass
class CalmRewardsCfg:
    """What every task of an arm asks for beside its own: be calm, and no faster than the joints can be."""

    action_rate = RewTerm(func=mdp.action_rate_l2, weight=-0.0005)
    joint_vel = RewTerm(func=mdp.joint_vel_l2, weight=-0.0005, params={"asset_cfg": arm()})
    # MuJoCo does not hold joints at their velocity limits, as PhysX and robots do.
    joint_vel_limits = RewTerm(func=mdp.joint_vel_limits, weight=-0.2, params={"soft_ratio": 0.9, "asset_cfg": arm()})


@configclass
class ArmTerminationsCfg:
    """An episode ends when its time is up; holding on is part of the task."""

    time_out = DoneTerm(func=mdp.time_out, time_out=True)
    physics_broken = DoneTerm(func=mdp.physics_broken)


@configclass
class ArmEnvCfg(ManagerBasedRLEnvCfg):
    """A task of an arm: physics at 120 Hz, the policy at 30 Hz."""

    sim: SimulationCfg = SimulationCfg(dt=1.0 / 120.0, device=auto_device(), physics=ArmPhysicsCfg())
    scene: ArmSceneCfg = ArmSceneCfg(num_envs=4096, env_spacing=2.5)
    actions: ArmActionsCfg = ArmActionsCfg()
    terminations: ArmTerminationsCfg = ArmTerminationsCfg()
    events: ArmEventsCfg = events_by_level(ArmEventsCfg)

    def __post_init__(self):
        self.decimation = 4
        self.episode_length_s = 5.0
        self.sim.render_interval = self.decimation
        # How an episode ended, for learners that value it.
        self.compute_final_obs = True
        self.viewer.eye = (1.5, 1.1, 0.9)
        self.viewer.lookat = (0.3, 0.0, 0.2)

    def play_mode(self):
        """Play without noise and randomisation, unless they are asked for by a preset."""
        super().play_mode()
        without_randomisation(self)

    def use_arm(
        self,
        joint_names: Sequence[str],
        body_name: str,
        gripper_names: Sequence[str] = (),
        offset: float | None = None,
    ) -> None:
        """Fill in the names that terms need.

        Args:
            joint_names: Joints of the arm, as names or patterns.
            body_name: The body at the end of the arm.
            gripper_names: Joints of the gripper, as names or patterns.
            offset: How far along that body's z axis things are grasped; fills parameters ``offset`` that are missing.
                Unit: m.
        """
        joints = {ARM: list(joint_names), GRIPPER: list(gripper_names)}
        for params in _params_of_terms(self):
            # A config's defaults are copied, and the copy of MISSING is another object.
            if isinstance(params.get("offset"), type(MISSING)) and offset is not None:
                params["offset"] = offset
            for entity in params.values():
                if isinstance(entity, SceneEntityCfg):
                    if entity.body_names == [HAND]:
                        entity.body_names = [body_name]
                    for placeholder, names in joints.items():
                        if entity.joint_names == [placeholder]:
                            entity.joint_names = list(names)


def _params_of_terms(part: Any) -> Iterator[dict[str, Any]]:
    """Parameters of all terms in a config, at every level of randomisation, and the parameters in parameters."""
    for inner in variants(part):
        if isinstance(inner, ManagerTermBaseCfg):
            yield from _nested(inner.params)
        elif hasattr(inner, "__dataclass_fields__") and not isinstance(inner, SimulationCfg | InteractiveSceneCfg):
            for value in vars(inner).values():
                if hasattr(value, "__dataclass_fields__") or isinstance(value, PresetCfg):
                    yield from _params_of_terms(value)


def _nested(params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield params
    for value in params.values():
        if isinstance(value, dict):
            yield from _nested(value)
