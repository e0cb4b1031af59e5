"""Stand up: the terms and the numbers that all legged robots share."""

from __future__ import annotations

import math
from dataclasses import MISSING

from isaaclab.managers import CurriculumTermCfg as CurrTerm
from isaaclab.managers import EventTermCfg as EventTerm
from isaaclab.managers import RewardTermCfg as RewTerm
from isaaclab.managers import TerminationTermCfg as DoneTerm
from isaaclab.utils import configclass

from gaitway import mdp
from gaitway.tasks.locomotion.legged_env_cfg import (
    HardSkillEventsCfg,
    PrivilegedObsCfg,
    ProprioceptionCfg,
    SkillEnvCfg,
    SkillEventsCfg,
)
from gaitway.tasks.locomotion.velocity.velocity_env_cfg import policy_by_level
from gaitway.tasks.randomisation import by_level

from . import mdp as task_mdp


@configclass
class ObservationsCfg:
    """Observations. The policy is not told the speed of the trunk: no robot that lies on its back can estimate it."""

    policy: ProprioceptionCfg = policy_by_level(ProprioceptionCfg)
    critic: PrivilegedObsCfg = PrivilegedObsCfg()


@configclass
class EventsCfg(SkillEventsCfg):
    """Dropped in any orientation, with the legs anyhow."""

    # No foot reaches below the ground from there, however the robot is turned.
    reset_base = EventTerm(
        func=mdp.reset_root_state_uniform,
        mode="reset",
        params={
            "pose_range": {
                "x": (-0.5, 0.5),
                "y": (-0.5, 0.5),
                "z": (0.1, 0.15),
                "roll": (-math.pi, math.pi),
                "pitch": (-math.pi, math.pi),
                "yaw": (-math.pi, math.pi),
            },
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
    # Most of what the joints' limits allow; what lies beyond them is cut off.
    reset_joints = EventTerm(
        func=mdp.reset_joints_by_offset,
        mode="reset",
        params={"position_range": (-1.5, 1.5), "velocity_range": (0.0, 0.0)},
    )

    def without_randomisation(self) -> EventsCfg:
        """Leave only where an episode begins, at rest; return it."""
        super().without_randomisation()
        self.reset_base.params["velocity_range"] = {}
        return self


@configclass
class HardEventsCfg(HardSkillEventsCfg, EventsCfg):
    """A robot that is badly known."""


@configclass
class RewardsCfg:
    """Turn the feet down, rise, take the default pose, be still.

    What pays for height and pose is worth nothing on the back, so that the first thing to learn is to roll over; from
    then on each is in reach by itself. Costs are small: whoever lies still must not be better off than who struggles.
    """

    upright = RewTerm(func=task_mdp.uprightness, weight=1.0)
    height = RewTerm(func=task_mdp.upright_height, weight=2.0, params={"height": MISSING})
    pose = RewTerm(func=task_mdp.upright_pose, weight=1.5, params={"std": 1.5})
    still = RewTerm(
        func=task_mdp.upright_stillness, weight=1.0, params={"height": MISSING, "linear": 0.4, "angular": 1.0}
    )
    joint_torques = RewTerm(func=mdp.joint_effort_l2, weight=-2.0e-5)
    joint_acc = RewTerm(func=mdp.JointAccL2, weight=-2.5e-8)
    # MuJoCo does not hold joints at their velocity limits, as PhysX and motors do.
    joint_vel_limits = RewTerm(func=mdp.joint_vel_limits, weight=-0.3, params={"soft_ratio": 0.9})
    action_rate = RewTerm(func=mdp.action_rate_l2, weight=-0.005)


@configclass
class TerminationsCfg:
    """An episode ends in time: there is no worse than lying, and no end of standing."""

    time_out = DoneTerm(func=mdp.time_out, time_out=True)
    physics_broken = DoneTerm(func=mdp.physics_broken)


@configclass
class CurriculumCfg:
    """Judges episodes; nothing grows harder."""

    success = CurrTerm(
        func=mdp.EpisodeSuccess,
        params={
            "judge": task_mdp.stood_up,
            "params": {
                "height": MISSING,
                "within": 0.06,
                "tilt": math.radians(15.0),
                "joint": 0.5,
                "linear": 0.2,
                "angular": 0.5,
            },
        },
    )


@configclass
class StandUpEnvCfg(SkillEnvCfg):
    """Get up from any pose."""

    observations: ObservationsCfg = ObservationsCfg()
    rewards: RewardsCfg = RewardsCfg()
    terminations: TerminationsCfg = TerminationsCfg()
    events: EventsCfg = by_level(none=EventsCfg().without_randomisation(), standard=EventsCfg(), hard=HardEventsCfg())
    curriculum: CurriculumCfg = CurriculumCfg()

    def __post_init__(self):
        super().__post_init__()
        self.episode_length_s = 5.0

    def use_height(self, height: float) -> None:
        """Say how high the trunk is when the robot stands. Unit: m."""
        for term in (self.rewards.height, self.rewards.still):
            term.params["height"] = height
        self.curriculum.success.params["params"]["height"] = height
