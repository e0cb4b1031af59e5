"""Lift: the scene, the terms and the numbers that all arms with a gripper share."""

from __future__ import annotations

import math
from dataclasses import MISSING

import isaaclab.sim as sim_utils
from isaaclab.assets import ArticulationCfg, AssetBaseCfg, RigidObjectCfg
from isaaclab.envs import ManagerBasedRLEnvCfg
from isaaclab.managers import ActionTermCfg, SceneEntityCfg
from isaaclab.managers import CurriculumTermCfg as CurrTerm
from isaaclab.managers import EventTermCfg as EventTerm
from isaaclab.managers import ObservationGroupCfg as ObsGroup
from isaaclab.managers import ObservationTermCfg as ObsTerm
from isaaclab.managers import RewardTermCfg as RewTerm
from isaaclab.managers import TerminationTermCfg as DoneTerm
from isaaclab.scene import InteractiveSceneCfg
from isaaclab.sim import SimulationCfg
from isaaclab.utils import configclass
from isaaclab.utils.noise import UniformNoiseCfg as Unoise
from isaaclab_physx.sim.schemas import PhysxRigidBodyCfg
from isaaclab_tasks.contrib.lift import mdp as stock_mdp
from isaaclab_tasks.core.lift import mdp as core_mdp

from gaitway import mdp
from gaitway.physics.presets import GraspPhysicsCfg
from gaitway.tasks.defaults import auto_device, goal_marker_cfg, ground_cfg, light_cfg
from gaitway.tasks.randomisation import by_level, exact, late, noisier, only_resets, variants, without_randomisation

HAND, ARM, GRIPPER = "<hand>", "<arm>", "<gripper>"
"""Stand for the body that carries the gripper, the joints that move it and those that close it, until a robot gives
their names."""
CUBE = 0.045
"""Edge of the cube. Unit: m."""
OFF_THE_GROUND = {"half_size": (CUBE / 2,) * 3, "height": 0.04}
"""A cube that is tipped still has a corner on the ground; one whose lowest corner is this high is wholly lifted."""

FRICTION = {
    "static_friction_range": (0.7, 1.3),
    "dynamic_friction_range": (0.7, 1.3),
    "restitution_range": (0.0, 0.0),
    "num_buckets": 64,
    "make_consistent": True,
}


def hand() -> SceneEntityCfg:
    """The body that carries the gripper."""
    return SceneEntityCfg("robot", body_names=[HAND])


def arm() -> SceneEntityCfg:
    """The joints that move it."""
    return SceneEntityCfg("robot", joint_names=[ARM])


def gripper() -> SceneEntityCfg:
    """The joints that close it."""
    return SceneEntityCfg("robot", joint_names=[GRIPPER])


@configclass
class LiftSceneCfg(InteractiveSceneCfg):
    """An arm on the ground, and a cube before it."""

    ground: AssetBaseCfg = ground_cfg()
    light: AssetBaseCfg = light_cfg()
    robot: ArticulationCfg = MISSING
    object: RigidObjectCfg = RigidObjectCfg(
        prim_path="{ENV_REGEX_NS}/Object",
        spawn=sim_utils.CuboidCfg(
            size=(CUBE, CUBE, CUBE),
            rigid_props=PhysxRigidBodyCfg(
                solver_position_iteration_count=16, solver_velocity_iteration_count=1, max_depenetration_velocity=5.0
            ),
            mass_props=sim_utils.MassCfg(mass=0.1),
            collision_props=sim_utils.UsdPhysicsCollisionCfg(),
            physics_material=sim_utils.RigidBodyMaterialCfg(static_friction=1.0, dynamic_friction=1.0),
            visual_material=sim_utils.PreviewSurfaceCfg(diffuse_color=(0.8, 0.25, 0.1)),
        ),
        init_state=RigidObjectCfg.InitialStateCfg(pos=(0.5, 0.0, CUBE / 2)),
    )


@configclass
class CommandsCfg:
    """One goal an episode, in the base frame, high enough that no cube on the ground is near it."""

    object_pose = core_mdp.ObjectUniformPoseCommandCfg(
        asset_name="robot",
        object_name="object",
        resampling_time_range=(1.0e6, 1.0e6),
        position_only=True,
        debug_vis=False,
        goal_pose_visualizer_cfg=goal_marker_cfg("/Visuals/Command/goal_position"),
        curr_pose_visualizer_cfg=goal_marker_cfg("/Visuals/Command/object_position"),
        ranges=core_mdp.ObjectUniformPoseCommandCfg.Ranges(
            pos_x=(0.4, 0.6),
            pos_y=(-0.2, 0.2),
            pos_z=(0.15, 0.4),
            roll=(0.0, 0.0),
            pitch=(0.0, 0.0),
            yaw=(0.0, 0.0),
        ),
    )


@configclass
class ActionsCfg:
    """Joint position targets about the default pose, and one number whose sign opens or closes the gripper."""

    arm_action: ActionTermCfg = MISSING
    gripper_action: ActionTermCfg = MISSING


@configclass
class PolicyObsCfg(ObsGroup):
    """What a real arm and a camera can measure."""

    joint_pos = ObsTerm(func=mdp.joint_pos_rel, noise=Unoise(n_min=-0.01, n_max=0.01), params={"asset_cfg": arm()})
    gripper_pos = ObsTerm(
        func=mdp.joint_pos_rel,
        noise=Unoise(n_min=-0.0005, n_max=0.0005),
        params={"asset_cfg": gripper()},
    )
    joint_vel = ObsTerm(func=mdp.joint_vel_rel, noise=Unoise(n_min=-0.05, n_max=0.05), params={"asset_cfg": arm()})
    object_position = ObsTerm(
        func=stock_mdp.object_position_in_robot_root_frame, noise=Unoise(n_min=-0.005, n_max=0.005)
    )
    object_orientation = ObsTerm(func=core_mdp.object_quat_b, noise=Unoise(n_min=-0.02, n_max=0.02))
    goal_position = ObsTerm(func=mdp.commanded_position, params={"command_name": "object_pose"})
    actions = ObsTerm(func=mdp.last_action)

    def __post_init__(self):
        self.enable_corruption = True
        self.concatenate_terms = True


@configclass
class CriticObsCfg(ObsGroup):
    """The same without noise, and what only a simulator knows."""

    joint_pos = ObsTerm(func=mdp.joint_pos_rel, params={"asset_cfg": arm()})
    gripper_pos = ObsTerm(func=mdp.joint_pos_rel, params={"asset_cfg": gripper()})
    joint_vel = ObsTerm(func=mdp.joint_vel_rel, params={"asset_cfg": arm()})
    object_position = ObsTerm(func=stock_mdp.object_position_in_robot_root_frame)
    object_orientation = ObsTerm(func=core_mdp.object_quat_b)
    goal_position = ObsTerm(func=mdp.commanded_position, params={"command_name": "object_pose"})
    actions = ObsTerm(func=mdp.last_action)
    object_velocity = ObsTerm(func=mdp.object_velocity)
    hand_to_object = ObsTerm(func=mdp.hand_to_object, params={"asset_cfg": hand(), "offset": MISSING})
    remaining_time = ObsTerm(func=mdp.remaining_time_s)

    def __post_init__(self):
        self.enable_corruption = False
        self.concatenate_terms = True


@configclass
class ObservationsCfg:
    """Observations."""

    # Exact, with noise, or with half as much noise again and up to a step late.
    policy: PolicyObsCfg = by_level(
        none=exact(PolicyObsCfg()), standard=PolicyObsCfg(), hard=late(noisier(PolicyObsCfg(), 1.5), 1)
    )
    critic: CriticObsCfg = CriticObsCfg()


@configclass
class EventCfg:
    """Randomisation, and where an episode begins."""

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
    object_mass = EventTerm(
        func=mdp.randomize_rigid_body_mass,
        mode="startup",
        params={
            "asset_cfg": SceneEntityCfg("object"),
            "mass_distribution_params": (0.5, 2.0),
            "operation": "scale",
            "distribution": "log_uniform",
        },
    )
    # MuJoCo takes the larger of two frictions and PhysX their mean, so that both sides are to be drawn.
    robot_friction = EventTerm(
        func=mdp.randomize_rigid_body_material,
        mode="startup",
        params={"asset_cfg": SceneEntityCfg("robot", body_names=".*"), **FRICTION},
    )
    object_friction = EventTerm(
        func=mdp.randomize_rigid_body_material,
        mode="startup",
        params={"asset_cfg": SceneEntityCfg("object", body_names=".*"), **FRICTION},
    )
    reset_scene = EventTerm(func=mdp.reset_scene_to_default, mode="reset", params={"reset_joint_targets": True})
    reset_joints = EventTerm(
        func=mdp.reset_joints_by_offset,
        mode="reset",
        params={"asset_cfg": arm(), "position_range": (-0.1, 0.1), "velocity_range": (0.0, 0.0)},
    )
    # A cube that is turned further looks as one that is turned less.
    reset_object = EventTerm(
        func=mdp.reset_root_state_uniform,
        mode="reset",
        params={
            "asset_cfg": SceneEntityCfg("object"),
            "pose_range": {"x": (-0.1, 0.1), "y": (-0.2, 0.2), "yaw": (-math.pi / 4, math.pi / 4)},
            "velocity_range": {},
        },
    )

    def without_randomisation(self) -> EventCfg:
        """Leave only where an episode begins; return it."""
        return only_resets(self)


@configclass
class HardEventCfg(EventCfg):
    """An arm that is badly known, and a cube of up to 0.4 kg that slips or sticks."""

    def __post_init__(self):
        self.link_mass.params["mass_distribution_params"] = (0.75, 1.25)
        for gain in ("stiffness", "damping"):
            self.motor_gains.params[f"{gain}_distribution_params"] = (0.7, 1.4)
        self.joint_friction.params["friction_distribution_params"] = (0.0, 2.0)
        self.motor_strength.params["scale_range"] = (0.7, 1.2)
        self.object_mass.params["mass_distribution_params"] = (0.25, 4.0)
        for term in (self.robot_friction, self.object_friction):
            for kind in ("static", "dynamic"):
                term.params[f"{kind}_friction_range"] = (0.5, 1.5)


@configclass
class RewardsCfg:
    """Be near the object, have it in the air, have it at the goal, be calm.

    What pays beyond nearness pays for each step that the object is wholly off the ground: nothing for one that is
    tipped. A throw that loses the object costs as much as its flight pays.
    """

    near_object = RewTerm(
        func=mdp.object_near_hand, weight=0.1, params={"asset_cfg": hand(), "offset": MISSING, "std": 0.2}
    )
    lifted = RewTerm(func=mdp.box_lifted, weight=0.5, params=dict(OFF_THE_GROUND))
    goal = RewTerm(
        func=mdp.lifted_box_near_goal, weight=0.6, params={"command_name": "object_pose", "std": 0.3, **OFF_THE_GROUND}
    )
    goal_fine = RewTerm(
        func=mdp.lifted_box_near_goal, weight=0.4, params={"command_name": "object_pose", "std": 0.05, **OFF_THE_GROUND}
    )
    lost = RewTerm(func=mdp.is_terminated, weight=-6.0)  # 0.2 at once
    action_rate = RewTerm(func=mdp.action_rate_l2, weight=-0.0005)
    joint_vel = RewTerm(func=mdp.joint_vel_l2, weight=-0.0005, params={"asset_cfg": arm()})


@configclass
class TerminationsCfg:
    """An episode ends when its time is up or the object is lost; holding it at the goal is part of the task."""

    time_out = DoneTerm(func=mdp.time_out, time_out=True)
    object_lost = DoneTerm(
        func=core_mdp.out_of_bound,
        params={
            "asset_cfg": SceneEntityCfg("object"),
            "in_bound_range": {"x": (0.15, 0.85), "y": (-0.55, 0.55), "z": (-0.05, 0.9)},
        },
    )
    physics_broken = DoneTerm(func=mdp.physics_broken)


@configclass
class CurriculumCfg:
    """Judges episodes; nothing grows harder."""

    success = CurrTerm(
        func=mdp.EpisodeSuccess,
        params={"judge": mdp.object_at_goal, "params": {"command_name": "object_pose", "position": 0.05}},
    )


@configclass
class LiftEnvCfg(ManagerBasedRLEnvCfg):
    """Lift an object to a position."""

    sim: SimulationCfg = SimulationCfg(dt=1.0 / 120.0, device=auto_device(), physics=GraspPhysicsCfg())
    scene: LiftSceneCfg = LiftSceneCfg(num_envs=4096, env_spacing=2.5)
    observations: ObservationsCfg = ObservationsCfg()
    actions: ActionsCfg = ActionsCfg()
    commands: CommandsCfg = CommandsCfg()
    rewards: RewardsCfg = RewardsCfg()
    terminations: TerminationsCfg = TerminationsCfg()
    events: EventCfg = by_level(none=EventCfg().without_randomisation(), standard=EventCfg(), hard=HardEventCfg())
    curriculum: CurriculumCfg = CurriculumCfg()

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

    def use_arm(self, joint_names: list[str], gripper_names: list[str], body_name: str, offset: float) -> None:
        """Fill in the names that terms need.

        Args:
            joint_names: Joints of the arm, as names or patterns.
            gripper_names: Joints of the gripper, as names or patterns.
            body_name: The body that carries the gripper.
            offset: How far along its z axis things are grasped. Unit: m.
        """
        levels = [*variants(self.observations.policy), *variants(self.events)]
        groups = (self.rewards, self.observations.critic, *levels)
        for params in [term.params for group in groups for term in vars(group).values() if hasattr(term, "params")]:
            if "offset" in params:
                params["offset"] = offset
            entity = params.get("asset_cfg")
            if entity is not None and entity.body_names == [HAND]:
                entity.body_names = [body_name]
            for placeholder, given in ((ARM, joint_names), (GRIPPER, gripper_names)):
                if entity is not None and entity.joint_names == [placeholder]:
                    entity.joint_names = list(given)
