"""Reach: the scene, the terms and the numbers that all arms share."""

from __future__ import annotations

from dataclasses import MISSING

from isaaclab.assets import ArticulationCfg, AssetBaseCfg
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

from gaitway import mdp
from gaitway.physics.presets import ArmPhysicsCfg
from gaitway.tasks.defaults import auto_device, frame_marker_cfg, ground_cfg, light_cfg
from gaitway.tasks.randomisation import by_level, exact, late, noisier, only_resets, variants, without_randomisation

HAND, ARM = "<hand>", "<arm>"
"""Stand for the body that is to reach the goal and the joints that move it, until a robot gives their names."""


def hand() -> SceneEntityCfg:
    """The body that is to reach the goal."""
    return SceneEntityCfg("robot", body_names=[HAND])


def arm() -> SceneEntityCfg:
    """The joints that move it."""
    return SceneEntityCfg("robot", joint_names=[ARM])


@configclass
class ReachSceneCfg(InteractiveSceneCfg):
    """An arm on the ground."""

    ground: AssetBaseCfg = ground_cfg()
    light: AssetBaseCfg = light_cfg()
    robot: ArticulationCfg = MISSING


@configclass
class CommandsCfg:
    """One goal an episode, in the base frame."""

    ee_pose = mdp.UniformPoseCommandCfg(
        asset_name="robot",
        body_name=MISSING,
        resampling_time_range=(1.0e6, 1.0e6),
        debug_vis=False,
        goal_pose_visualizer_cfg=frame_marker_cfg("/Visuals/Command/goal_pose"),
        current_pose_visualizer_cfg=frame_marker_cfg("/Visuals/Command/body_pose"),
        ranges=mdp.UniformPoseCommandCfg.Ranges(
            pos_x=(0.35, 0.65),
            pos_y=(-0.2, 0.2),
            pos_z=(0.15, 0.5),
            roll=(0.0, 0.0),
            pitch=MISSING,
            yaw=(-3.14, 3.14),
        ),
    )


@configclass
class ActionsCfg:
    """Joint position targets about the default pose."""

    arm_action: ActionTermCfg = MISSING


@configclass
class PolicyObsCfg(ObsGroup):
    """What a real arm can measure."""

    joint_pos = ObsTerm(func=mdp.joint_pos_rel, noise=Unoise(n_min=-0.01, n_max=0.01), params={"asset_cfg": arm()})
    joint_vel = ObsTerm(func=mdp.joint_vel_rel, noise=Unoise(n_min=-0.05, n_max=0.05), params={"asset_cfg": arm()})
    pose_command = ObsTerm(func=mdp.generated_commands, params={"command_name": "ee_pose"})
    actions = ObsTerm(func=mdp.last_action)

    def __post_init__(self):
        self.enable_corruption = True
        self.concatenate_terms = True


@configclass
class CriticObsCfg(ObsGroup):
    """The same without noise, and what only a simulator knows."""

    joint_pos = ObsTerm(func=mdp.joint_pos_rel, params={"asset_cfg": arm()})
    joint_vel = ObsTerm(func=mdp.joint_vel_rel, params={"asset_cfg": arm()})
    pose_command = ObsTerm(func=mdp.generated_commands, params={"command_name": "ee_pose"})
    actions = ObsTerm(func=mdp.last_action)
    ee_pose_error = ObsTerm(func=mdp.ee_pose_error, params={"command_name": "ee_pose", "asset_cfg": hand()})
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
    push_hand = EventTerm(
        func=mdp.apply_external_force_torque,
        mode="reset",
        params={"asset_cfg": hand(), "force_range": (-5.0, 5.0), "torque_range": (0.0, 0.0)},
    )
    # Joints that the arm does not use (fingers) begin an episode where they belong, too.
    reset_scene = EventTerm(func=mdp.reset_scene_to_default, mode="reset", params={"reset_joint_targets": True})
    reset_joints = EventTerm(
        func=mdp.reset_joints_by_offset,
        mode="reset",
        params={"asset_cfg": arm(), "position_range": (-0.25, 0.25), "velocity_range": (0.0, 0.0)},
    )

    def without_randomisation(self) -> EventCfg:
        """Leave only where an episode begins; return it."""
        return only_resets(self)


@configclass
class HardEventCfg(EventCfg):
    """An arm that is badly known, and whose hand is pulled at as by a payload of a kilogram."""

    def __post_init__(self):
        self.link_mass.params["mass_distribution_params"] = (0.75, 1.25)
        for gain in ("stiffness", "damping"):
            self.motor_gains.params[f"{gain}_distribution_params"] = (0.7, 1.4)
        self.joint_friction.params["friction_distribution_params"] = (0.0, 2.0)
        self.motor_strength.params["scale_range"] = (0.7, 1.2)
        self.push_hand.params["force_range"] = (-10.0, 10.0)


@configclass
class RewardsCfg:
    """Be near, be exact, be calm."""

    distance = RewTerm(
        func=mdp.position_command_error, weight=-0.2, params={"command_name": "ee_pose", "asset_cfg": hand()}
    )
    near = RewTerm(
        func=mdp.pose_error_tanh, weight=0.2, params={"command_name": "ee_pose", "asset_cfg": hand(), "std": 0.1}
    )
    orientation = RewTerm(
        func=mdp.orientation_command_error, weight=-0.1, params={"command_name": "ee_pose", "asset_cfg": hand()}
    )
    action_rate = RewTerm(func=mdp.action_rate_l2, weight=-0.0005)
    joint_vel = RewTerm(func=mdp.joint_vel_l2, weight=-0.0005, params={"asset_cfg": arm()})
    # MuJoCo does not hold joints at their velocity limits, as PhysX and robots do.
    joint_vel_limits = RewTerm(func=mdp.joint_vel_limits, weight=-0.2, params={"soft_ratio": 0.9, "asset_cfg": arm()})


@configclass
class TerminationsCfg:
    """An episode ends when its time is up; holding the goal is part of the task."""

    time_out = DoneTerm(func=mdp.time_out, time_out=True)
    physics_broken = DoneTerm(func=mdp.physics_broken)


@configclass
class CurriculumCfg:
    """Judges episodes; nothing grows harder."""

    success = CurrTerm(
        func=mdp.EpisodeSuccess,
        params={
            "judge": mdp.reached,
            "params": {"command_name": "ee_pose", "asset_cfg": hand(), "position": 0.05, "orientation": 0.2},
        },
    )


@configclass
class ReachEnvCfg(ManagerBasedRLEnvCfg):
    """Reach a pose."""

    sim: SimulationCfg = SimulationCfg(dt=1.0 / 120.0, device=auto_device(), physics=ArmPhysicsCfg())
    scene: ReachSceneCfg = ReachSceneCfg(num_envs=4096, env_spacing=2.5)
    observations: ObservationsCfg = ObservationsCfg()
    actions: ActionsCfg = ActionsCfg()
    commands: CommandsCfg = CommandsCfg()
    rewards: RewardsCfg = RewardsCfg()
    terminations: TerminationsCfg = TerminationsCfg()
    events: EventCfg = by_level(none=EventCfg().without_randomisation(), standard=EventCfg(), hard=HardEventCfg())
    curriculum: CurriculumCfg = CurriculumCfg()

    def __post_init__(self):
        self.decimation = 4
        self.episode_length_s = 4.0
        self.sim.render_interval = self.decimation
        # How an episode ended, for learners that value it.
        self.compute_final_obs = True
        self.viewer.eye = (1.5, 1.1, 0.9)
        self.viewer.lookat = (0.2, 0.0, 0.35)

    def play_mode(self):
        """Play without noise and randomisation, unless they are asked for by a preset."""
        super().play_mode()
        without_randomisation(self)

    def use_arm(self, joint_names: list[str], body_name: str) -> None:
        """Fill in the names that terms need.

        Args:
            joint_names: Joints of the arm, as names or patterns.
            body_name: The body that is to reach the goal.
        """
        self.commands.ee_pose.body_name = body_name
        levels = [*variants(self.observations.policy), *variants(self.events)]
        groups = (self.rewards, self.observations.critic, *levels)
        params = [term.params for group in groups for term in vars(group).values() if hasattr(term, "params")]
        for entity in [p.get("asset_cfg") for p in [*params, self.curriculum.success.params["params"]]]:
            if entity is not None and entity.body_names == [HAND]:
                entity.body_names = [body_name]
            if entity is not None and entity.joint_names == [ARM]:
                entity.joint_names = list(joint_names)
