"""Terms shared by tasks: Isaac Lab's own, and those that it lacks.

Every term is vectorised over environments and stays on the device.
"""

from isaaclab.envs.mdp import *  # noqa: F403

from .actions import (
    DelayedJointPositionAction,
    DelayedJointPositionActionCfg,
    MeasuredJointPositionAction,
    MeasuredJointPositionActionCfg,
)
from .commands import VelocityCommand, VelocityCommandCfg
from .events import RandomizeEffortLimits
from .objects import commanded_position, hand_to_object, object_velocity
from .observations import (
    ContactFriction,
    action_delay,
    body_mass,
    ee_pose_error,
    foot_contacts,
    joint_damping,
    joint_effort_limits,
    joint_stiffness,
)
from .rewards import (
    JointAccL2,
    PotentialShaping,
    Succeeded,
    box_lifted,
    feet_in_swing,
    joint_effort_l2,
    joint_overspeed,
    joint_power,
    lifted_box_near_goal,
    object_near_hand,
    pose_error_tanh,
)
from .success import EpisodeSuccess, kept_velocity, object_at_goal, reached
from .terminations import physics_broken
