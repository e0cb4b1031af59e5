"""Velocity: the scene, the terms and the numbers that all legged robots share."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import MISSING
from typing import Any

from isaaclab.assets import ArticulationCfg, AssetBaseCfg
from isaaclab.envs import ManagerBasedRLEnvCfg
from isaaclab.managers import CurriculumTermCfg as CurrTerm
from isaaclab.managers import EventTermCfg as EventTerm
from isaaclab.managers import ObservationGroupCfg as ObsGroup
from isaaclab.managers import ObservationTermCfg as ObsTerm
from isaaclab.managers import RewardTermCfg as RewTerm
from isaaclab.managers import SceneEntityCfg
from isaaclab.managers import TerminationTermCfg as DoneTerm
from isaaclab.scene import InteractiveSceneCfg
from isaaclab.sensors import ContactSensorCfg
from isaaclab.sim import SimulationCfg
from isaaclab.utils import configclass
from isaaclab.utils.noise import UniformNoiseCfg as Unoise

from gaitway import mdp
from gaitway.physics.presets import LeggedPhysicsCfg
from gaitway.tasks.defaults import arrow_marker_cfg, auto_device, ground_cfg, light_cfg, material_cfg
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


@configclass
class VelocitySceneCfg(InteractiveSceneCfg):
    """A legged robot on flat ground, with forces on all its links."""

    # None of its own, so that the friction of the feet counts, however small it is drawn.
    ground: AssetBaseCfg = ground_cfg(friction=0.0)
    light: AssetBaseCfg = light_cfg()
    robot: ArticulationCfg = MISSING
    contact_forces = ContactSensorCfg(
        prim_path="{ENV_REGEX_NS}/Robot/[^/]*",
        history_length=3,
        track_air_time=True,
        normal_force_visualizer_cfg=arrow_marker_cfg("/Visuals/ContactForces/normal", (0.9, 0.2, 0.1)),
        friction_force_visualizer_cfg=arrow_marker_cfg("/Visuals/ContactForces/friction", (0.9, 0.6, 0.1)),
    )


@configclass
class CommandsCfg:
    """Planar velocity and yaw rate, in the base frame."""

    base_velocity = mdp.VelocityCommandCfg(
        asset_name="robot",
        # Several times an episode: robots fall when a command changes, not while it lasts.
        resampling_time_range=(4.0, 8.0),
        rel_standing_envs=0.02,
        # A heading asks for fast turns for a moment only; without one a yaw rate stays.
        rel_heading_envs=0.5,
        heading_command=True,
        heading_control_stiffness=0.5,
        debug_vis=False,
        goal_vel_visualizer_cfg=arrow_marker_cfg("/Visuals/Command/velocity_goal", (0.1, 0.8, 0.1)),
        current_vel_visualizer_cfg=arrow_marker_cfg("/Visuals/Command/velocity_current", (0.1, 0.3, 0.9)),
        ranges=mdp.VelocityCommandCfg.Ranges(
            lin_vel_x=(-1.0, 1.0), lin_vel_y=(-1.0, 1.0), ang_vel_z=(-1.0, 1.0), heading=(-math.pi, math.pi)
        ),
    )


@configclass
class ActionsCfg:
    """Joint position targets about the default pose."""

    joint_pos = mdp.DelayedJointPositionActionCfg(
        asset_name="robot",
        joint_names=[".*"],
        scale=0.25,
        use_default_offset=True,
        # Not in `standard`: with 10 ms, a Go2 still stood after 745,000 steps of SAC; without, it walked.
        delay=by_level(none=(0.0, 0.0), standard=(0.0, 0.0), hard=(0.0, 0.02)),
    )


@configclass
class PolicyObsCfg(ObsGroup):
    """What a real robot measures or estimates."""

    base_lin_vel = ObsTerm(func=mdp.base_lin_vel, noise=Unoise(n_min=-0.1, n_max=0.1))
    base_ang_vel = ObsTerm(func=mdp.base_ang_vel, noise=Unoise(n_min=-0.2, n_max=0.2))
    projected_gravity = ObsTerm(func=mdp.projected_gravity, noise=Unoise(n_min=-0.05, n_max=0.05))
    velocity_commands = ObsTerm(func=mdp.generated_commands, params={"command_name": "base_velocity"})
    joint_pos = ObsTerm(func=mdp.joint_pos_rel, noise=Unoise(n_min=-0.01, n_max=0.01))
    joint_vel = ObsTerm(func=mdp.joint_vel_rel, noise=Unoise(n_min=-1.5, n_max=1.5))
    actions = ObsTerm(func=mdp.last_action)

    def __post_init__(self):
        self.enable_corruption = True
        self.concatenate_terms = True


def policy_by_level(group: Callable[[], ObsGroup]) -> Any:
    """What the policy sees: exact, with noise, or with half as much noise again and up to a step late."""
    return by_level(none=exact(group()), standard=group(), hard=late(noisier(group(), 1.5), 1))


@configclass
class CriticObsCfg(ObsGroup):
    """The same without noise, and what only a simulator knows."""

    base_lin_vel = ObsTerm(func=mdp.base_lin_vel)
    base_ang_vel = ObsTerm(func=mdp.base_ang_vel)
    projected_gravity = ObsTerm(func=mdp.projected_gravity)
    velocity_commands = ObsTerm(func=mdp.generated_commands, params={"command_name": "base_velocity"})
    joint_pos = ObsTerm(func=mdp.joint_pos_rel)
    joint_vel = ObsTerm(func=mdp.joint_vel_rel)
    actions = ObsTerm(func=mdp.last_action)
    base_height = ObsTerm(func=mdp.base_pos_z)
    foot_contacts = ObsTerm(
        func=mdp.foot_contacts, params={"sensor_cfg": SceneEntityCfg("contact_forces", body_names=MISSING)}
    )

    def __post_init__(self):
        self.enable_corruption = False
        self.concatenate_terms = True


@configclass
class ObservationsCfg:
    """Observations."""

    policy: PolicyObsCfg = policy_by_level(PolicyObsCfg)
    critic: CriticObsCfg = CriticObsCfg()


@configclass
class EventsCfg:
    """Randomisation, and where an episode begins."""

    foot_friction = drawn_friction("robot", 0.4, 1.2)
    base_mass = EventTerm(
        func=mdp.randomize_rigid_body_mass,
        mode="startup",
        params={
            "asset_cfg": SceneEntityCfg("robot", body_names=MISSING),
            "mass_distribution_params": (1 / 1.25, 1.25),
            "operation": "scale",
            "distribution": "log_uniform",
        },
    )
    motor_gains = EventTerm(
        func=mdp.randomize_actuator_gains,
        mode="startup",
        params={
            "asset_cfg": SceneEntityCfg("robot", joint_names=".*"),
            "stiffness_distribution_params": (0.9, 1.1),
            "damping_distribution_params": (0.9, 1.1),
            "operation": "scale",
        },
    )
    motor_strength = EventTerm(
        func=mdp.RandomizeEffortLimits,
        mode="startup",
        params={"asset_cfg": SceneEntityCfg("robot", joint_names=".*"), "scale_range": (0.9, 1.1)},
    )
    reset_base = EventTerm(
        func=mdp.reset_root_state_uniform,
        mode="reset",
        params={
            "pose_range": {"x": (-0.5, 0.5), "y": (-0.5, 0.5), "yaw": (-3.14, 3.14)},
            "velocity_range": {
                "x": (-0.5, 0.5),
                "y": (-0.5, 0.5),
                "z": (-0.5, 0.5),
                "roll": (-0.5, 0.5),
                "pitch": (-0.5, 0.5),
                "yaw": (-0.5, 0.5),
            },
        },
    )
    reset_joints = EventTerm(
        func=mdp.reset_joints_by_scale,
        mode="reset",
        params={"position_range": (0.8, 1.2), "velocity_range": (0.0, 0.0)},
    )
    push_robot = EventTerm(
        func=mdp.push_by_setting_velocity,
        mode="interval",
        interval_range_s=(10.0, 15.0),
        params={"velocity_range": {"x": (-0.5, 0.5), "y": (-0.5, 0.5)}},
    )

    def without_randomisation(self) -> EventsCfg:
        """Leave only where an episode begins, at rest; return it."""
        only_resets(self)
        self.reset_base.params["velocity_range"] = {}
        return self


@configclass
class HardEventsCfg(EventsCfg):
    """A robot that is badly known, carries something and is pushed hard."""

    base_com = EventTerm(
        func=mdp.randomize_rigid_body_com,
        mode="startup",
        params={
            "asset_cfg": SceneEntityCfg("robot", body_names=MISSING),
            "com_range": {"x": (-0.03, 0.03), "y": (-0.02, 0.02), "z": (-0.02, 0.02)},
        },
    )

    def __post_init__(self):
        redraw_friction(self.foot_friction, 0.25, 1.5)
        # With 7 kg of trunk, 4 kg more or 2.6 kg less.
        self.base_mass.params["mass_distribution_params"] = (1 / 1.6, 1.6)
        for gain in ("stiffness", "damping"):
            self.motor_gains.params[f"{gain}_distribution_params"] = (0.75, 1.25)
        self.motor_strength.params["scale_range"] = (0.7, 1.2)
        self.push_robot.interval_range_s = (5.0, 15.0)
        self.push_robot.params["velocity_range"] = {"x": (-1.0, 1.0), "y": (-1.0, 1.0)}


@configclass
class RewardsCfg:
    """Go where told, upright, smoothly, on the feet.

    Living pays more than the penalties of a clumsy beginner cost; otherwise falling at once is the best that it can do.
    Steps pay by themselves, and from the first clumsy one on; otherwise standing still is the best that it finds.
    """

    alive = RewTerm(func=mdp.is_alive, weight=1.0)
    fallen = RewTerm(func=mdp.is_terminated, weight=-50.0)
    track_lin_vel_xy = RewTerm(
        func=mdp.track_lin_vel_xy_exp, weight=2.0, params={"command_name": "base_velocity", "std": 0.5}
    )
    track_ang_vel_z = RewTerm(
        func=mdp.track_ang_vel_z_exp, weight=0.75, params={"command_name": "base_velocity", "std": 0.5}
    )
    lin_vel_z = RewTerm(func=mdp.lin_vel_z_l2, weight=-2.0)
    ang_vel_xy = RewTerm(func=mdp.ang_vel_xy_l2, weight=-0.05)
    flat_orientation = RewTerm(func=mdp.flat_orientation_l2, weight=-2.5)
    base_height = RewTerm(func=mdp.base_height_l2, weight=-30.0, params={"target_height": MISSING})
    joint_torques = RewTerm(func=mdp.joint_effort_l2, weight=-2.0e-4)
    joint_acc = RewTerm(func=mdp.JointAccL2, weight=-2.5e-7)
    # MuJoCo does not hold joints at their velocity limits, as PhysX and motors do.
    joint_vel_limits = RewTerm(func=mdp.joint_vel_limits, weight=-0.3, params={"soft_ratio": 0.9})
    action_rate = RewTerm(func=mdp.action_rate_l2, weight=-0.005)
    feet_in_swing = RewTerm(
        func=mdp.feet_in_swing,
        weight=0.5,
        params={
            "sensor_cfg": SceneEntityCfg("contact_forces", body_names=MISSING),
            "command_name": "base_velocity",
            "shortest": 0.05,
            "longest": 0.5,
        },
    )


@configclass
class TerminationsCfg:
    """An episode ends in time, or when the trunk touches the ground or tips over."""

    time_out = DoneTerm(func=mdp.time_out, time_out=True)
    base_contact = DoneTerm(
        func=mdp.illegal_contact,
        params={"sensor_cfg": SceneEntityCfg("contact_forces", body_names=MISSING), "threshold": 1.0},
    )
    tipped_over = DoneTerm(func=mdp.bad_orientation, params={"limit_angle": 1.2})
    physics_broken = DoneTerm(func=mdp.physics_broken)


@configclass
class CurriculumCfg:
    """Judges episodes; nothing grows harder."""

    success = CurrTerm(
        func=mdp.EpisodeSuccess,
        params={
            "judge": mdp.kept_velocity,
            "params": {"command_name": "base_velocity", "linear": 0.25, "angular": 0.25},
        },
    )


@configclass
class VelocityEnvCfg(ManagerBasedRLEnvCfg):
    """Walk on flat ground."""

    sim: SimulationCfg = SimulationCfg(dt=0.005, device=auto_device(), physics=LeggedPhysicsCfg())
    scene: VelocitySceneCfg = VelocitySceneCfg(num_envs=4096, env_spacing=2.5)
    observations: ObservationsCfg = ObservationsCfg()
    actions: ActionsCfg = ActionsCfg()
    commands: CommandsCfg = CommandsCfg()
    rewards: RewardsCfg = RewardsCfg()
    terminations: TerminationsCfg = TerminationsCfg()
    events: EventsCfg = by_level(none=EventsCfg().without_randomisation(), standard=EventsCfg(), hard=HardEventsCfg())
    curriculum: CurriculumCfg = CurriculumCfg()

    def __post_init__(self):
        self.decimation = 4
        self.episode_length_s = 20.0
        self.sim.render_interval = self.decimation
        # How an episode ended, for learners that value it.
        self.compute_final_obs = True
        # Once an env-step, on engines that take it in one piece and on those that do not.
        self.scene.contact_forces.update_period = self.sim.dt * self.decimation
        self.viewer.eye = (1.3, 1.3, 0.8)
        self.viewer.lookat = (0.0, 0.0, 0.25)

    def play_mode(self):
        """Play without noise, randomisation and pushes, unless they are asked for by a preset."""
        super().play_mode()
        without_randomisation(self)

    def use_legs(self, base: str, feet: str, height: float) -> None:
        """Fill in the names that terms need.

        Args:
            base: Name of the trunk.
            feet: Pattern of the feet.
            height: Height of the trunk when standing. Unit: m.
        """
        for events in variants(self.events):
            for term in (events.base_mass, getattr(events, "base_com", None)):
                if term is not None:
                    term.params["asset_cfg"].body_names = base
        self.terminations.base_contact.params["sensor_cfg"].body_names = base
        if self.rewards.feet_in_swing is not None:
            self.rewards.feet_in_swing.params["sensor_cfg"].body_names = feet
        self.observations.critic.foot_contacts.params["sensor_cfg"].body_names = feet
        self.rewards.base_height.params["target_height"] = height
        # Where friction is not drawn.
        self.scene.robot.spawn.physics_material = material_cfg(1.0)
