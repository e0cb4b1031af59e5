"""Lift: the scene, the terms and the numbers that all arms with a gripper share."""

from __future__ import annotations

import math
from dataclasses import MISSING
from typing import Any

from isaaclab.assets import RigidObjectCfg
from isaaclab.managers import CurriculumTermCfg as CurrTerm
from isaaclab.managers import ObservationTermCfg as ObsTerm
from isaaclab.managers import RewardTermCfg as RewTerm
from isaaclab.managers import SceneEntityCfg
from isaaclab.managers import TerminationTermCfg as DoneTerm
from isaaclab.sim import SimulationCfg
from isaaclab.utils import configclass
from isaaclab.utils.noise import UniformNoiseCfg as Unoise
from isaaclab_tasks.contrib.lift import mdp as stock_mdp
from isaaclab_tasks.core.lift import mdp as core_mdp

from gaitway import mdp
from gaitway.physics.presets import GraspPhysicsCfg
from gaitway.tasks.defaults import auto_device, goal_marker_cfg
from gaitway.tasks.manipulation.arm_env_cfg import (
    ArmEnvCfg,
    ArmSceneCfg,
    ArmTerminationsCfg,
    CalmRewardsCfg,
    GraspEventsCfg,
    GripperActionsCfg,
    GripperCriticGroupCfg,
    GripperPolicyGroupCfg,
    cube_cfg,
    events_by_level,
    gripper,
    hand,
    placed,
    policy_by_level,
)
from gaitway.tasks.manipulation.grasping import grasped, hand_tilt

CUBE = 0.045
"""Edge of the cube. Unit: m."""
OFF_THE_GROUND = {"half_size": (CUBE / 2,) * 3, "height": 0.04}
"""A cube that is tipped still has a corner on the ground; one whose lowest corner is this high is wholly lifted."""


def grasp_point() -> dict[str, Any]:
    """Parameters that say where the hand grasps."""
    return {"asset_cfg": hand(), "offset": MISSING}


def grasp() -> dict[str, Any]:
    """Parameters that say when the cube is in the hand: its middle within 2 cm of where it grasps, and the fingers told
    to close by a centimetre more each than the cube lets them."""
    return {**grasp_point(), "gripper_cfg": gripper(), "distance": 0.02, "gap": 0.01}


@configclass
class LiftSceneCfg(ArmSceneCfg):
    """An arm on the ground, and a cube before it."""

    object: RigidObjectCfg = cube_cfg(CUBE, pos=(0.5, 0.0, CUBE / 2))


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
class PolicyObsCfg(GripperPolicyGroupCfg):
    """What a real arm and a camera can measure."""

    object_position = ObsTerm(
        func=stock_mdp.object_position_in_robot_root_frame, noise=Unoise(n_min=-0.005, n_max=0.005)
    )
    object_orientation = ObsTerm(func=core_mdp.object_quat_b, noise=Unoise(n_min=-0.02, n_max=0.02))
    hand_to_object = ObsTerm(func=mdp.hand_to_object, noise=Unoise(n_min=-0.005, n_max=0.005), params=grasp_point())
    goal_position = ObsTerm(func=mdp.commanded_position, params={"command_name": "object_pose"})
    actions = ObsTerm(func=mdp.last_action)


@configclass
class CriticObsCfg(GripperCriticGroupCfg):
    """The same without noise, and what only a simulator knows."""

    object_position = ObsTerm(func=stock_mdp.object_position_in_robot_root_frame)
    object_orientation = ObsTerm(func=core_mdp.object_quat_b)
    hand_to_object = ObsTerm(func=mdp.hand_to_object, params=grasp_point())
    goal_position = ObsTerm(func=mdp.commanded_position, params={"command_name": "object_pose"})
    actions = ObsTerm(func=mdp.last_action)
    object_velocity = ObsTerm(func=mdp.object_velocity)
    remaining_time = ObsTerm(func=mdp.remaining_time_s)


@configclass
class ObservationsCfg:
    """Observations."""

    policy: PolicyObsCfg = policy_by_level(PolicyObsCfg)
    critic: CriticObsCfg = CriticObsCfg()


@configclass
class EventsCfg(GraspEventsCfg):
    """Randomisation, and where an episode begins."""

    # A cube that is turned further looks as one that is turned less.
    reset_object = placed("object", x=(-0.1, 0.1), y=(-0.2, 0.2), yaw=(-math.pi / 4, math.pi / 4))


@configclass
class GraspRewardsCfg(CalmRewardsCfg):
    """Have the object between the fingers, from above, and close them. All else pays more."""

    near_object = RewTerm(func=mdp.object_near_hand, weight=1.0, params={**grasp_point(), "std": 0.1})
    grasped = RewTerm(func=grasped, weight=2.0, params=grasp())
    tilt = RewTerm(func=hand_tilt, weight=-0.5, params={"asset_cfg": hand()})
    lost = RewTerm(func=mdp.is_terminated, weight=-6.0)  # 0.2 at once


@configclass
class RewardsCfg(GraspRewardsCfg):
    """Grasp the object, have it in the air, have it at the goal.

    What pays beyond the grasp pays for each step that the object is wholly off the ground: nothing for one that is
    tipped.
    """

    lifted = RewTerm(func=mdp.box_lifted, weight=2.0, params=dict(OFF_THE_GROUND))
    goal = RewTerm(
        func=mdp.lifted_box_near_goal, weight=5.0, params={"command_name": "object_pose", "std": 0.3, **OFF_THE_GROUND}
    )
    goal_fine = RewTerm(
        func=mdp.lifted_box_near_goal, weight=8.0, params={"command_name": "object_pose", "std": 0.08, **OFF_THE_GROUND}
    )


@configclass
class TerminationsCfg(ArmTerminationsCfg):
    """An episode ends when its time is up or the object is lost; holding it at the goal is part of the task."""

    object_lost = DoneTerm(
        func=core_mdp.out_of_bound,
        params={
            "asset_cfg": SceneEntityCfg("object"),
            "in_bound_range": {"x": (0.15, 0.85), "y": (-0.55, 0.55), "z": (-0.05, 0.9)},
        },
    )


@configclass
class CurriculumCfg:
    """Judges episodes; nothing grows harder."""

    success = CurrTerm(
        func=mdp.EpisodeSuccess,
        params={"judge": mdp.object_at_goal, "params": {"command_name": "object_pose", "position": 0.05}},
    )


@configclass
class LiftEnvCfg(ArmEnvCfg):
    """Lift an object to a position."""

    sim: SimulationCfg = SimulationCfg(dt=1.0 / 120.0, device=auto_device(), physics=GraspPhysicsCfg())
    scene: LiftSceneCfg = LiftSceneCfg(num_envs=4096, env_spacing=2.5)
    observations: ObservationsCfg = ObservationsCfg()
    actions: GripperActionsCfg = GripperActionsCfg()
    commands: CommandsCfg = CommandsCfg()
    rewards: RewardsCfg = RewardsCfg()
    terminations: TerminationsCfg = TerminationsCfg()
    events: EventsCfg = events_by_level(EventsCfg)
    curriculum: CurriculumCfg = CurriculumCfg()

    def __post_init__(self):
        super().__post_init__()
        self.episode_length_s = 4.0
