"""Pick and place: what is paid for in three ways, and the numbers that all arms with a gripper share."""

from __future__ import annotations

from dataclasses import MISSING

from isaaclab.managers import CurriculumTermCfg as CurrTerm
from isaaclab.managers import ObservationTermCfg as ObsTerm
from isaaclab.managers import RewardTermCfg as RewTerm
from isaaclab.utils import configclass

from gaitway import mdp
from gaitway.tasks.defaults import goal_marker_cfg
from gaitway.tasks.manipulation.arm_env_cfg import gripper, hand, policy_by_level
from gaitway.tasks.manipulation.grasping import grasped
from gaitway.tasks.manipulation.lift.lift_env_cfg import (
    CUBE,
    CriticObsCfg,
    GraspRewardsCfg,
    LiftEnvCfg,
    PolicyObsCfg,
    grasp,
    grasp_point,
)

from . import mdp as place_mdp

BOX = {"half_size": (CUBE / 2,) * 3}
GOAL = {"command_name": "object_pose"}
STEP = 1.0 / 30.0
"""Isaac Lab multiplies weights by the length of a step; a weight over this is what a step adds. Unit: s."""


def held() -> dict:
    """Parameters that say when the cube is in the hand, for terms that ask for more than that."""
    numbers = {"offset": MISSING, "distance": grasp()["distance"], "gap": grasp()["gap"]}
    return {"grasp": numbers, "asset_cfg": hand(), "gripper_cfg": gripper()}


def down() -> dict:
    """Parameters that say when the cube is down and let go: its lowest corner within a centimetre of the ground, and
    the fingers 5 mm further open than the cube is wide, each."""
    return {**GOAL, **BOX, "height": 0.01, "gripper_cfg": gripper(), "opening": CUBE / 2 + 0.005}


@configclass
class CommandsCfg:
    """One place an episode, on the ground, in the base frame, at least 10 cm from where the cube begins."""

    object_pose = place_mdp.PlaceCommandCfg(
        asset_name="robot",
        object_name="object",
        resampling_time_range=(1.0e6, 1.0e6),
        position_only=True,
        debug_vis=False,
        goal_pose_visualizer_cfg=goal_marker_cfg("/Visuals/Command/goal_position"),
        curr_pose_visualizer_cfg=goal_marker_cfg("/Visuals/Command/object_position"),
        ranges=place_mdp.PlaceCommandCfg.Ranges(
            pos_x=(0.4, 0.6),
            pos_y=(-0.2, 0.2),
            pos_z=(CUBE / 2, CUBE / 2),
            roll=(0.0, 0.0),
            pitch=(0.0, 0.0),
            yaw=(0.0, 0.0),
        ),
        least_distance=0.1,
        half_size=BOX["half_size"],
    )


@configclass
class PlaceCriticObsCfg(CriticObsCfg):
    """What the critic of lifting sees, and whether the cube has been carried."""

    carried = ObsTerm(func=place_mdp.carried, params=dict(GOAL))


@configclass
class ObservationsCfg:
    """Observations."""

    policy: PolicyObsCfg = policy_by_level(PolicyObsCfg)
    critic: PlaceCriticObsCfg = PlaceCriticObsCfg()


@configclass
class RewardsCfg(GraspRewardsCfg):
    """Grasp the object, carry it through the air, put it down and let go.

    To let go at the place pays more than to hold on there. What was pushed there instead of carried pays nothing.
    """

    carry = RewTerm(
        func=place_mdp.on_the_way, weight=4.0, params={**GOAL, **BOX, "std": 0.3, "clearance": 0.06, **held()}
    )
    carry_fine = RewTerm(
        func=place_mdp.on_the_way, weight=8.0, params={**GOAL, **BOX, "std": 0.1, "clearance": 0.06, **held()}
    )
    put_down = RewTerm(func=place_mdp.put_down, weight=25.0, params={"std": 0.1, **down()})


@configclass
class StagedRewardsCfg:
    """The reward of the notes that this project comes from, as written: what is written is added in every step, and
    nothing else is. (Isaac Lab multiplies weights by the length of the step, and these are divided by it.)

    To hold on at the place pays 10.5 a step and to let go nothing, so that a policy that does what it is paid for never
    puts the cube down for good.
    """

    approach = RewTerm(func=place_mdp.approach_distance, weight=-0.1 / STEP, params=grasp_point())
    grasp = RewTerm(func=grasped, weight=0.5 / STEP, params=grasp())
    carry = RewTerm(func=place_mdp.carry_distance, weight=-0.1 / STEP, params={**GOAL, **held()})
    success = RewTerm(func=place_mdp.held_at_goal, weight=10.0 / STEP, params={**GOAL, "position": 0.05, **held()})


@configclass
class SparseRewardsCfg:
    """1 in every step in which the cube is placed, and nothing else."""

    placed = RewTerm(
        func=mdp.Succeeded,
        weight=1.0 / STEP,
        params={"judge": place_mdp.object_placed, "params": {"position": 0.05, **down()}},
    )


@configclass
class CurriculumCfg:
    """Judges episodes; nothing grows harder."""

    success = CurrTerm(
        func=mdp.EpisodeSuccess,
        params={"judge": place_mdp.object_placed, "params": {"position": 0.05, **down()}},
    )


@configclass
class StagedCurriculumCfg:
    """Judges episodes by what the staged reward calls success, for which nothing is let go; nothing grows harder."""

    success = CurrTerm(
        func=mdp.EpisodeSuccess,
        params={"judge": place_mdp.object_held_at_goal, "params": {**GOAL, "position": 0.05, **held()}},
    )


@configclass
class PickPlaceEnvCfg(LiftEnvCfg):
    """Carry an object to a place on the ground."""

    observations: ObservationsCfg = ObservationsCfg()
    commands: CommandsCfg = CommandsCfg()
    rewards: RewardsCfg = RewardsCfg()
    curriculum: CurriculumCfg = CurriculumCfg()

    def __post_init__(self):
        super().__post_init__()
        self.episode_length_s = 5.0


@configclass
class PickPlaceStagedEnvCfg(PickPlaceEnvCfg):
    """The same with a reward by stages."""

    rewards: StagedRewardsCfg = StagedRewardsCfg()
    curriculum: StagedCurriculumCfg = StagedCurriculumCfg()


@configclass
class PickPlaceSparseEnvCfg(PickPlaceEnvCfg):
    """The same with a reward for success alone."""

    rewards: SparseRewardsCfg = SparseRewardsCfg()
