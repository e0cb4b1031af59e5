"""Jump: the scene, the terms and the numbers that all legged robots share."""

from __future__ import annotations

import math
from dataclasses import MISSING

import isaaclab.sim as sim_utils
from isaaclab.assets import AssetBaseCfg
from isaaclab.managers import CurriculumTermCfg as CurrTerm
from isaaclab.managers import EventTermCfg as EventTerm
from isaaclab.managers import ObservationTermCfg as ObsTerm
from isaaclab.managers import RewardTermCfg as RewTerm
from isaaclab.managers import TerminationTermCfg as DoneTerm
from isaaclab.utils import configclass
from isaaclab.utils.noise import UniformNoiseCfg as Unoise

from gaitway import mdp
from gaitway.tasks.defaults import material_cfg
from gaitway.tasks.locomotion.legged_env_cfg import (
    HardSkillEventsCfg,
    PrivilegedObsCfg,
    ProprioceptionCfg,
    SkillEnvCfg,
    SkillEventsCfg,
)
from gaitway.tasks.locomotion.velocity.velocity_env_cfg import VelocitySceneCfg, policy_by_level
from gaitway.tasks.randomisation import by_level

from . import mdp as task_mdp

BOX = (1.2, 1.4, 0.2)
"""Edges of the box. Unit: m."""
COMMAND = {"command_name": "jump"}


@configclass
class JumpSceneCfg(VelocitySceneCfg):
    """A legged robot, and a box that does not move."""

    box: AssetBaseCfg = AssetBaseCfg(
        prim_path="{ENV_REGEX_NS}/Box",
        spawn=sim_utils.CuboidCfg(
            size=BOX,
            collision_props=sim_utils.UsdPhysicsCollisionCfg(),
            # As the ground, none of its own.
            physics_material=material_cfg(0.0, combine="max"),
            visual_material=sim_utils.PreviewSurfaceCfg(diffuse_color=(0.55, 0.4, 0.25)),
        ),
        init_state=AssetBaseCfg.InitialStateCfg(pos=(0.0, 0.0, 0.5 * BOX[2])),
    )


@configclass
class CommandsCfg:
    """A place beyond the edge, on the box or down on the ground."""

    jump = task_mdp.JumpCommandCfg(size=BOX, beyond=(0.35, 0.6))


@configclass
class PolicyObsCfg(ProprioceptionCfg):
    """What a real robot measures or estimates, and where it is to land."""

    base_lin_vel = ObsTerm(func=mdp.base_lin_vel, noise=Unoise(n_min=-0.1, n_max=0.1))
    jump_command = ObsTerm(func=mdp.generated_commands, params=dict(COMMAND))


@configclass
class CriticObsCfg(PrivilegedObsCfg):
    """The same without noise, and what only a simulator knows."""

    jump_command = ObsTerm(func=mdp.generated_commands, params=dict(COMMAND))
    flight_times = ObsTerm(func=task_mdp.flight_times, params=dict(COMMAND))


@configclass
class ObservationsCfg:
    """Observations."""

    policy: PolicyObsCfg = policy_by_level(PolicyObsCfg)
    critic: CriticObsCfg = CriticObsCfg()


@configclass
class EventsCfg(SkillEventsCfg):
    """Half of the episodes begin before the box, half on it."""

    reset_robot = EventTerm(
        func=task_mdp.reset_before_or_on_box,
        mode="reset",
        params={"size": BOX, "gap": (0.4, 0.65), "side": 0.1, "yaw": 0.1, "on_box": 0.5, "velocity": 0.2},
    )
    reset_joints = EventTerm(
        func=mdp.reset_joints_by_scale,
        mode="reset",
        params={"position_range": (0.9, 1.1), "velocity_range": (0.0, 0.0)},
    )


@configclass
class HardEventsCfg(HardSkillEventsCfg, EventsCfg):
    """A robot that is badly known."""


@configclass
class RewardsCfg:
    """Be at the place, at full height, still; leap to get there.

    The distance is measured in the air too, to where the trunk is when the robot stands at the place: who stands before
    the box with the nose against it is below. The first flight pays for itself, so that leaps are tried.
    """

    alive = RewTerm(func=mdp.is_alive, weight=0.5)
    fallen = RewTerm(func=mdp.is_terminated, weight=-50.0)
    near = RewTerm(func=task_mdp.near_place, weight=2.0, params={**COMMAND, "height": MISSING, "std": 0.7})
    near_fine = RewTerm(func=task_mdp.near_place, weight=1.0, params={**COMMAND, "height": MISSING, "std": 0.15})
    calm = RewTerm(
        func=task_mdp.calm_at_place,
        weight=1.5,
        params={**COMMAND, "height": MISSING, "std": 0.2, "speed": 0.5, "pose": 1.5},
    )
    first_flight = RewTerm(func=task_mdp.first_flight, weight=5.0, params={**COMMAND, "most": 0.3})
    flat_orientation = RewTerm(func=mdp.flat_orientation_l2, weight=-0.5)
    turned_away = RewTerm(func=task_mdp.turned_away, weight=-0.5)
    joint_torques = RewTerm(func=mdp.joint_effort_l2, weight=-2.0e-5)
    joint_acc = RewTerm(func=mdp.JointAccL2, weight=-2.5e-8)
    # MuJoCo does not hold joints at their velocity limits, as PhysX and motors do.
    joint_overspeed = RewTerm(func=mdp.joint_overspeed, weight=-0.3, params={"soft_ratio": 0.9})
    action_rate = RewTerm(func=mdp.action_rate_l2, weight=-0.005)


@configclass
class TerminationsCfg:
    """An episode ends in time, or when the robot tips over."""

    time_out = DoneTerm(func=mdp.time_out, time_out=True)
    tipped_over = DoneTerm(func=mdp.bad_orientation, params={"limit_angle": 1.3})
    physics_broken = DoneTerm(func=mdp.physics_broken)


@configclass
class CurriculumCfg:
    """Judges episodes; nothing grows harder."""

    success = CurrTerm(
        func=mdp.EpisodeSuccess,
        params={
            "judge": task_mdp.jumped,
            "params": {
                **COMMAND,
                "height": MISSING,
                "along": 0.15,
                "above": 0.08,
                "tilt": math.radians(20.0),
                "speed": 0.3,
                "flight": 0.1,
            },
        },
    )


@configclass
class JumpEnvCfg(SkillEnvCfg):
    """Jump onto a box and off it."""

    scene: JumpSceneCfg = JumpSceneCfg(num_envs=4096, env_spacing=4.0)
    observations: ObservationsCfg = ObservationsCfg()
    commands: CommandsCfg = CommandsCfg()
    rewards: RewardsCfg = RewardsCfg()
    terminations: TerminationsCfg = TerminationsCfg()
    events: EventsCfg = by_level(none=EventsCfg().without_randomisation(), standard=EventsCfg(), hard=HardEventsCfg())
    curriculum: CurriculumCfg = CurriculumCfg()

    def __post_init__(self):
        super().__post_init__()
        self.episode_length_s = 4.0
        self.viewer.eye = (0.3, 2.2, 1.0)
        self.viewer.lookat = (0.0, 0.0, 0.2)

    def use_height(self, height: float) -> None:
        """Say how high the trunk is when the robot stands. Unit: m."""
        for term in (self.rewards.near, self.rewards.near_fine, self.rewards.calm):
            term.params["height"] = height
        self.curriculum.success.params["params"]["height"] = height
