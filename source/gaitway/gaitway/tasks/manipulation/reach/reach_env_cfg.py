"""Reach: the scene, the terms and the numbers that all arms share."""

from __future__ import annotations

from dataclasses import MISSING

from isaaclab.managers import CurriculumTermCfg as CurrTerm
from isaaclab.managers import EventTermCfg as EventTerm
from isaaclab.managers import ObservationTermCfg as ObsTerm
from isaaclab.managers import RewardTermCfg as RewTerm
from isaaclab.utils import configclass

from gaitway import mdp
from gaitway.tasks.defaults import frame_marker_cfg
from gaitway.tasks.manipulation.arm_env_cfg import (
    ArmEnvCfg,
    ArmEventsCfg,
    CalmRewardsCfg,
    CriticGroupCfg,
    PolicyGroupCfg,
    events_by_level,
    hand,
    policy_by_level,
)


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
class PolicyObsCfg(PolicyGroupCfg):
    """What a real arm can measure."""

    pose_command = ObsTerm(func=mdp.generated_commands, params={"command_name": "ee_pose"})
    actions = ObsTerm(func=mdp.last_action)


@configclass
class CriticObsCfg(CriticGroupCfg):
    """The same without noise, and what only a simulator knows."""

    pose_command = ObsTerm(func=mdp.generated_commands, params={"command_name": "ee_pose"})
    actions = ObsTerm(func=mdp.last_action)
    ee_pose_error = ObsTerm(func=mdp.ee_pose_error, params={"command_name": "ee_pose", "asset_cfg": hand()})
    remaining_time = ObsTerm(func=mdp.remaining_time_s)


@configclass
class ObservationsCfg:
    """Observations."""

    policy: PolicyObsCfg = policy_by_level(PolicyObsCfg)
    critic: CriticObsCfg = CriticObsCfg()


@configclass
class EventsCfg(ArmEventsCfg):
    """Randomisation, and where an episode begins."""

    push_hand = EventTerm(
        func=mdp.apply_external_force_torque,
        mode="reset",
        params={"asset_cfg": hand(), "force_range": (-5.0, 5.0), "torque_range": (0.0, 0.0)},
    )

    def __post_init__(self):
        self.reset_joints.params["position_range"] = (-0.25, 0.25)

    def harden(self) -> None:
        """Have an arm that is badly known, and whose hand is pulled at twice as hard, as by a kilogram on a Franka."""
        super().harden()
        low, high = self.push_hand.params["force_range"]
        self.push_hand.params["force_range"] = (2.0 * low, 2.0 * high)


@configclass
class RewardsCfg(CalmRewardsCfg):
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
class ReachEnvCfg(ArmEnvCfg):
    """Reach a pose."""

    observations: ObservationsCfg = ObservationsCfg()
    commands: CommandsCfg = CommandsCfg()
    rewards: RewardsCfg = RewardsCfg()
    events: EventsCfg = events_by_level(EventsCfg)
    curriculum: CurriculumCfg = CurriculumCfg()

    def __post_init__(self):
        super().__post_init__()
        self.episode_length_s = 4.0
        self.viewer.lookat = (0.2, 0.0, 0.35)

    def use_arm(self, joint_names, body_name, gripper_names=(), offset=None) -> None:
        """Fill in the names that terms need, and that of the body that is to reach the goal."""
        super().use_arm(joint_names, body_name, gripper_names, offset)
        self.commands.ee_pose.body_name = body_name
