"""Rewards, grouped by what they are for, beside those of Isaac Lab.

- :mod:`track`: how near something is to where it is wanted;
- :mod:`succeed`: whether the task is done;
- :mod:`effort`: what motors are asked for;
- :mod:`smooth`: how jerky a robot moves;
- :mod:`contact`: what touches the ground, and when;
- :mod:`posture`: how a robot holds itself (all that is needed of these is Isaac Lab's);
- :mod:`shaping`: help on the way that cannot change which policy is best.

Terms give a rate: the reward manager multiplies each by its weight and by the length of the step. Docstrings say what
a term is, its unit, its range and where it is from; :func:`describe` reads them, and knows Isaac Lab's.
"""

from .contact import feet_in_swing
from .describe import GROUPS, Description, describe
from .effort import joint_effort_l2, joint_overspeed, joint_power
from .shaping import PotentialShaping, set_discount
from .smooth import JointAccL2
from .succeed import Succeeded
from .track import box_lifted, lifted_box_near_goal, object_near_hand, pose_error_tanh

__all__ = [
    "GROUPS",
    "Description",
    "JointAccL2",
    "PotentialShaping",
    "Succeeded",
    "box_lifted",
    "describe",
    "feet_in_swing",
    "joint_effort_l2",
    "joint_overspeed",
    "joint_power",
    "lifted_box_near_goal",
    "object_near_hand",
    "pose_error_tanh",
    "set_discount",
]
