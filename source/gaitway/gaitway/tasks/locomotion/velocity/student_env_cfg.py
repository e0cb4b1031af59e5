"""Velocity for a teacher, who sees all that the simulator knows, and a student, who sees what the robot measures."""

from __future__ import annotations

from isaaclab.managers import ObservationGroupCfg as ObsGroup
from isaaclab.managers import ObservationTermCfg as ObsTerm
from isaaclab.managers import SceneEntityCfg
from isaaclab.utils import configclass
from isaaclab.utils.noise import UniformNoiseCfg as Unoise

from gaitway import mdp
from gaitway.tasks.locomotion.velocity.velocity_env_cfg import CriticObsCfg, VelocityEnvCfg
from gaitway.tasks.randomisation import by_level, exact, late, noisier

HISTORY = 5
"""Env-steps that the student remembers, the present one included."""


@configclass
class StudentObsCfg(ObsGroup):
    """What the robot's IMU, encoders and controller tell, now and a few steps ago. Nobody tells how fast it goes."""

    base_ang_vel = ObsTerm(func=mdp.base_ang_vel, noise=Unoise(n_min=-0.2, n_max=0.2), history_length=HISTORY)
    projected_gravity = ObsTerm(
        func=mdp.projected_gravity, noise=Unoise(n_min=-0.05, n_max=0.05), history_length=HISTORY
    )
    velocity_commands = ObsTerm(func=mdp.generated_commands, params={"command_name": "base_velocity"})
    joint_pos = ObsTerm(func=mdp.joint_pos_rel, noise=Unoise(n_min=-0.01, n_max=0.01), history_length=HISTORY)
    joint_vel = ObsTerm(func=mdp.joint_vel_rel, noise=Unoise(n_min=-1.5, n_max=1.5), history_length=HISTORY)
    actions = ObsTerm(func=mdp.last_action, history_length=HISTORY)

    def __post_init__(self):
        self.enable_corruption = True
        self.concatenate_terms = True


@configclass
class TeacherObsCfg(CriticObsCfg):
    """The robot's state without noise, and what was drawn for it."""

    foot_friction = ObsTerm(
        func=mdp.ContactFriction, params={"asset_cfg": SceneEntityCfg("robot", body_names=["<feet>"])}
    )
    base_mass = ObsTerm(func=mdp.body_mass, params={"asset_cfg": SceneEntityCfg("robot", body_names=["<base>"])})
    motor_stiffness = ObsTerm(func=mdp.joint_stiffness)
    motor_damping = ObsTerm(func=mdp.joint_damping)
    motor_strength = ObsTerm(func=mdp.joint_effort_limits)
    motor_delay = ObsTerm(func=mdp.action_delay, params={"action_name": "joint_pos"})


@configclass
class StudentObservationsCfg:
    """Observations."""

    # Exact, with noise and up to a step late, or with half as much noise again and up to two steps late.
    policy: StudentObsCfg = by_level(
        none=exact(StudentObsCfg()), standard=late(StudentObsCfg(), 1), hard=late(noisier(StudentObsCfg(), 1.5), 2)
    )
    teacher: TeacherObsCfg = TeacherObsCfg()
    critic: TeacherObsCfg = TeacherObsCfg()


@configclass
class VelocityStudentEnvCfg(VelocityEnvCfg):
    """Walk on flat ground."""

    observations: StudentObservationsCfg = StudentObservationsCfg()

    def use_legs(self, base: str, feet: str, height: float) -> None:
        """Fill in the names that terms need.

        Args:
            base: Name of the trunk.
            feet: Pattern of the feet.
            height: Height of the trunk when standing. Unit: m.
        """
        super().use_legs(base, feet, height)
        for group in (self.observations.teacher, self.observations.critic):
            group.foot_contacts.params["sensor_cfg"].body_names = feet
            group.foot_friction.params["asset_cfg"].body_names = feet
            group.base_mass.params["asset_cfg"].body_names = base
