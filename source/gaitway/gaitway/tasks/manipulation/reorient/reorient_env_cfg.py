"""Reorient: the scene, the terms and the numbers of turning a cube in a hand."""

from __future__ import annotations

from isaaclab.assets import RigidObjectCfg
from isaaclab.managers import CurriculumTermCfg as CurrTerm
from isaaclab.managers import EventTermCfg as EventTerm
from isaaclab.managers import ObservationTermCfg as ObsTerm
from isaaclab.managers import RewardTermCfg as RewTerm
from isaaclab.managers import SceneEntityCfg
from isaaclab.managers import TerminationTermCfg as DoneTerm
from isaaclab.sim import SimulationCfg
from isaaclab.utils import configclass
from isaaclab.utils.noise import UniformNoiseCfg as Unoise
from isaaclab_newton.physics import NewtonCfg
from isaaclab_physx.physics import PhysxCfg
from isaaclab_tasks.contrib.lift import mdp as lift_mdp
from isaaclab_tasks.core.lift import mdp as object_mdp
from isaaclab_tasks.core.reorient import mdp as reorient_mdp
from isaaclab_tasks.utils import PresetCfg

from gaitway import mdp
from gaitway.physics.ovphysx import OvPhysxCfg
from gaitway.physics.presets import HAS_GPU, mjwarp, mujoco_cpu
from gaitway.tasks.defaults import auto_device, frame_marker_cfg
from gaitway.tasks.manipulation.arm_env_cfg import (
    ArmEnvCfg,
    ArmSceneCfg,
    ArmTerminationsCfg,
    CalmRewardsCfg,
    CriticGroupCfg,
    GraspEventsCfg,
    PolicyGroupCfg,
    cube_cfg,
    events_by_level,
    hand,
    policy_by_level,
)

from .mdp import OrientationCommandCfg, kept_turning

CUBE = 0.065
"""Edge of the cube, as in NVIDIA's DeXtreme (arXiv:2210.13702). Unit: m."""
TO_GOAL = {"command_name": "goal", "object_cfg": SceneEntityCfg("object")}


@configclass
class HandPhysicsCfg(PresetCfg):
    """Engines for a hand that touches a cube with many fingers at once."""

    newton_mjwarp: NewtonCfg = mjwarp(njmax=400, nconmax=100, cone="elliptic", impratio=10.0)
    mujoco_cpu: NewtonCfg = mujoco_cpu(njmax=400, nconmax=100, cone="elliptic", impratio=10.0)
    ovphysx: OvPhysxCfg = OvPhysxCfg()
    isaacsim_physx: PhysxCfg = PhysxCfg(bounce_threshold_velocity=0.01, friction_correlation_distance=0.00625)
    default: NewtonCfg = newton_mjwarp if HAS_GPU else mujoco_cpu


@configclass
class ReorientSceneCfg(ArmSceneCfg):
    """A hand in the air, its palm up, and a cube above it."""

    object: RigidObjectCfg = cube_cfg(CUBE, pos=(0.05, 0.0, 0.57))


@configclass
class CommandsCfg:
    """One goal after the other: any orientation, in the middle of the hand."""

    goal = OrientationCommandCfg(
        asset_name="object",
        init_pos_offset=(0.0, 0.0, -0.025),
        orientation_success_threshold=0.2,
        marker_pos_offset=(0.0, 0.0, 0.15),
        debug_vis=False,
        goal_pose_visualizer_cfg=frame_marker_cfg("/Visuals/Command/goal_orientation"),
    )


@configclass
class PolicyObsCfg(PolicyGroupCfg):
    """What a real hand and cameras around it can measure."""

    object_position = ObsTerm(
        func=lift_mdp.object_position_in_robot_root_frame, noise=Unoise(n_min=-0.005, n_max=0.005)
    )
    object_orientation = ObsTerm(func=object_mdp.object_quat_b, noise=Unoise(n_min=-0.02, n_max=0.02))
    rotation_to_goal = ObsTerm(
        func=reorient_mdp.goal_quat_diff,
        noise=Unoise(n_min=-0.02, n_max=0.02),
        params={"command_name": "goal", "asset_cfg": SceneEntityCfg("object"), "make_quat_unique": True},
    )
    actions = ObsTerm(func=mdp.last_action)


@configclass
class CriticObsCfg(CriticGroupCfg):
    """The same without noise, and what only a simulator knows."""

    object_position = ObsTerm(func=lift_mdp.object_position_in_robot_root_frame)
    object_orientation = ObsTerm(func=object_mdp.object_quat_b)
    rotation_to_goal = ObsTerm(
        func=reorient_mdp.goal_quat_diff,
        params={"command_name": "goal", "asset_cfg": SceneEntityCfg("object"), "make_quat_unique": True},
    )
    actions = ObsTerm(func=mdp.last_action)
    object_velocity = ObsTerm(func=mdp.object_velocity)
    fingertips = ObsTerm(func=reorient_mdp.fingertip_pos, params={"asset_cfg": hand()})
    remaining_time = ObsTerm(func=mdp.remaining_time_s)


@configclass
class ObservationsCfg:
    """Observations."""

    policy: PolicyObsCfg = policy_by_level(PolicyObsCfg)
    critic: CriticObsCfg = CriticObsCfg()


@configclass
class EventsCfg(GraspEventsCfg):
    """Randomisation, and where an episode begins: the cube falls onto the open hand, turned in any way."""

    reset_object = EventTerm(
        func=mdp.reset_root_state_with_random_orientation,
        mode="reset",
        params={
            "asset_cfg": SceneEntityCfg("object"),
            "pose_range": {"x": (-0.01, 0.01), "y": (-0.01, 0.01)},
            "velocity_range": {},
        },
    )

    def __post_init__(self):
        # Fingers have half a newton metre.
        self.joint_friction.params["friction_distribution_params"] = (0.0, 0.02)


@configclass
class RewardsCfg(CalmRewardsCfg):
    """Turn the cube to the goal, keep it, be calm. The first three are Isaac Lab's, with its weights."""

    orientation = RewTerm(func=reorient_mdp.track_orientation_inv_l2, weight=1.0, params={"rot_eps": 0.1, **TO_GOAL})
    reached = RewTerm(func=reorient_mdp.success_bonus, weight=250.0, params=TO_GOAL)
    position = RewTerm(func=reorient_mdp.track_pos_l2, weight=-10.0, params=TO_GOAL)
    dropped = RewTerm(func=mdp.is_terminated, weight=-150.0)  # 5 at once


@configclass
class TerminationsCfg(ArmTerminationsCfg):
    """An episode ends when its time is up or the cube is dropped."""

    dropped = DoneTerm(func=reorient_mdp.object_away_from_goal, params={"threshold": 0.15, **TO_GOAL})


@configclass
class CurriculumCfg:
    """Judges episodes; nothing grows harder."""

    success = CurrTerm(
        func=mdp.EpisodeSuccess, params={"judge": kept_turning, "params": {"command_name": "goal", "goals": 3}}
    )


@configclass
class ReorientEnvCfg(ArmEnvCfg):
    """Turn a cube in the hand, from goal to goal. The hand's joints are what ``arm`` stands for in shared terms."""

    sim: SimulationCfg = SimulationCfg(dt=1.0 / 120.0, device=auto_device(), physics=HandPhysicsCfg())
    scene: ReorientSceneCfg = ReorientSceneCfg(num_envs=4096, env_spacing=0.8)
    observations: ObservationsCfg = ObservationsCfg()
    commands: CommandsCfg = CommandsCfg()
    rewards: RewardsCfg = RewardsCfg()
    terminations: TerminationsCfg = TerminationsCfg()
    events: EventsCfg = events_by_level(EventsCfg)
    curriculum: CurriculumCfg = CurriculumCfg()

    def __post_init__(self):
        super().__post_init__()
        self.episode_length_s = 10.0
        self.viewer.eye, self.viewer.lookat = (0.35, 0.3, 0.8), (0.05, 0.0, 0.52)
