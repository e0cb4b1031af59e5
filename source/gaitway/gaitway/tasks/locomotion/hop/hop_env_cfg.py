"""Hop: the terms and the numbers that all quadrupeds share."""

from __future__ import annotations

import math
from collections.abc import Sequence

from isaaclab.managers import CurriculumTermCfg as CurrTerm
from isaaclab.managers import EventTermCfg as EventTerm
from isaaclab.managers import ObservationTermCfg as ObsTerm
from isaaclab.managers import RewardTermCfg as RewTerm
from isaaclab.managers import SceneEntityCfg
from isaaclab.managers import TerminationTermCfg as DoneTerm
from isaaclab.utils import configclass
from isaaclab.utils.noise import UniformNoiseCfg as Unoise

from gaitway import mdp
from gaitway.tasks.locomotion.legged_env_cfg import (
    BASE,
    HardSkillEventsCfg,
    PrivilegedObsCfg,
    ProprioceptionCfg,
    SkillEnvCfg,
    SkillEventsCfg,
    feet,
)
from gaitway.tasks.locomotion.velocity.velocity_env_cfg import policy_by_level
from gaitway.tasks.randomisation import by_level

from . import mdp as task_mdp

FRONT = (1, 1, 0, 0)
"""Which feet are at the front, in the command's order: left and right front foot, left and right hind foot."""
COMMAND = {"command_name": "hop"}


def on_feet() -> dict:
    """The command and the feet."""
    return {**COMMAND, "sensor_cfg": feet()}


@configclass
class CommandsCfg:
    """All feet, either diagonal, the front ones or the hind ones."""

    hop = task_mdp.HopCommandCfg(
        element_names=("front_left", "front_right", "hind_left", "hind_right"),
        choices={"1111": 0.4, "1001": 0.2, "0110": 0.2, "1100": 0.1, "0011": 0.1},
    )


@configclass
class PolicyObsCfg(ProprioceptionCfg):
    """What a real robot measures or estimates, and the feet that it is to hop on."""

    base_lin_vel = ObsTerm(func=mdp.base_lin_vel, noise=Unoise(n_min=-0.1, n_max=0.1))
    hop_command = ObsTerm(func=mdp.generated_commands, params=dict(COMMAND))


@configclass
class CriticObsCfg(PrivilegedObsCfg):
    """The same without noise, and what only a simulator knows."""

    hop_command = ObsTerm(func=mdp.generated_commands, params=dict(COMMAND))
    feet_air_time = ObsTerm(func=task_mdp.feet_air_time, params={"sensor_cfg": feet(), "longest": 0.5})
    touched_feet = ObsTerm(func=task_mdp.touched_feet, params=dict(COMMAND))


@configclass
class ObservationsCfg:
    """Observations."""

    policy: PolicyObsCfg = policy_by_level(PolicyObsCfg)
    critic: CriticObsCfg = CriticObsCfg()


@configclass
class EventsCfg(SkillEventsCfg):
    """Begins standing, about the default pose."""

    reset_base = EventTerm(
        func=mdp.reset_root_state_uniform,
        mode="reset",
        params={
            "pose_range": {"x": (-0.5, 0.5), "y": (-0.5, 0.5), "yaw": (-math.pi, math.pi)},
            "velocity_range": {"x": (-0.3, 0.3), "y": (-0.3, 0.3), "z": (-0.3, 0.3)},
        },
    )
    reset_joints = EventTerm(
        func=mdp.reset_joints_by_scale,
        mode="reset",
        params={"position_range": (0.8, 1.2), "velocity_range": (0.0, 0.0)},
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
    """Be in the air, with the commanded feet together and the others up, on the spot.

    Nothing says how to move. Time in the air pays from the first clumsy hop on, and more after a stance on the
    commanded feet alone; feet that are to be up cost for as long as they are down, so that they come up once hopping
    pays.
    """

    alive = RewTerm(func=mdp.is_alive, weight=1.0)
    fallen = RewTerm(func=mdp.is_terminated, weight=-50.0)
    flight = RewTerm(func=task_mdp.flight, weight=2.0, params={**on_feet(), "shortest": 0.05, "longest": 0.4})
    others_down = RewTerm(func=task_mdp.others_down, weight=-0.75, params=on_feet())
    feet_apart = RewTerm(func=task_mdp.feet_apart, weight=-0.5, params=on_feet())
    lean = RewTerm(func=task_mdp.lean, weight=-2.5, params={**COMMAND, "front": FRONT})
    on_the_spot = RewTerm(func=task_mdp.on_the_spot, weight=0.5, params={"linear": 0.4, "angular": 1.0})
    ang_vel_xy = RewTerm(func=mdp.ang_vel_xy_l2, weight=-0.05)
    joint_torques = RewTerm(func=mdp.joint_effort_l2, weight=-5.0e-5)
    joint_acc = RewTerm(func=mdp.JointAccL2, weight=-1.0e-7)
    # MuJoCo does not hold joints at their velocity limits, as PhysX and motors do.
    joint_overspeed = RewTerm(func=mdp.joint_overspeed, weight=-0.3, params={"soft_ratio": 0.9})
    action_rate = RewTerm(func=mdp.action_rate_l2, weight=-0.01)


@configclass
class TerminationsCfg:
    """An episode ends in time, or when the trunk touches the ground or tips over."""

    time_out = DoneTerm(func=mdp.time_out, time_out=True)
    base_contact = DoneTerm(
        func=mdp.illegal_contact,
        params={"sensor_cfg": SceneEntityCfg("contact_forces", body_names=BASE), "threshold": 1.0},
    )
    tipped_over = DoneTerm(func=mdp.bad_orientation, params={"limit_angle": 1.2})
    physics_broken = DoneTerm(func=mdp.physics_broken)


@configclass
class CurriculumCfg:
    """Judges episodes; nothing grows harder."""

    success = CurrTerm(
        func=mdp.EpisodeSuccess,
        params={"judge": task_mdp.hopped, "params": {**COMMAND, "rate": 1.0, "others": 0.15, "drift": 0.5}},
    )


@configclass
class HopEnvCfg(SkillEnvCfg):
    """Hop on commanded feet."""

    observations: ObservationsCfg = ObservationsCfg()
    commands: CommandsCfg = CommandsCfg()
    rewards: RewardsCfg = RewardsCfg()
    terminations: TerminationsCfg = TerminationsCfg()
    events: EventsCfg = by_level(none=EventsCfg().without_randomisation(), standard=EventsCfg(), hard=HardEventsCfg())
    curriculum: CurriculumCfg = CurriculumCfg()

    def __post_init__(self):
        super().__post_init__()
        self.episode_length_s = 8.0

    def use_legs(self, base: str, feet: Sequence[str]) -> None:
        """Fill in the names that terms need, the command's too."""
        super().use_legs(base, feet)
        self.commands.hop.feet = list(feet)
