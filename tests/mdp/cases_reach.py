"""A hand and its commanded pose.

The base stands at (1, 2, 0) and looks along y, the goal is half a metre before it and 0.3 m above, so at (1, 2.5, 0.3)
in the world. The hand is there; or 5 cm off and turned by 0.2 rad about the world's x axis; or 10 cm too low.
"""

from __future__ import annotations

import math

from gaitway import mdp

from .case import HALF, HAND, LOST, Case

SIN, COS = math.sin(0.1) * HALF, math.cos(0.1) * HALF
POSE = {
    "root_pos_w": [[1.0, 2.0, 0.0]] * 3,
    "root_quat_w": [[0.0, 0.0, HALF, HALF]] * 3,
    "command": [[0.5, 0.0, 0.3, 0.0, 0.0, 0.0, 1.0]] * 3,
    # Body 0 is not the hand, and somewhere else.
    "body_pos_w": [[LOST, [1.0, 2.5, 0.3]], [LOST, [1.03, 2.54, 0.3]], [LOST, [1.0, 2.5, 0.2]]],
    "body_quat_w": [
        [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, HALF, HALF]],
        [[1.0, 0.0, 0.0, 0.0], [SIN, -SIN, COS, COS]],
        [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, HALF, HALF]],
    ],
}
TO_HAND = {"command_name": "ee_pose", "asset_cfg": HAND}

REWARDS = [
    Case(
        mdp.Succeeded,
        POSE,
        [1.0, 0.0, 0.0],
        {"judge": mdp.reached, "params": {**TO_HAND, "position": 0.051, "orientation": 0.19}},
    ),
    Case(mdp.position_command_error, POSE, [0.0, 0.05, 0.1], TO_HAND),
    Case(mdp.orientation_command_error, POSE, [0.0, 0.2, 0.0], TO_HAND),
    # tanh(0.5) = 0.462117, tanh(1) = 0.761594
    Case(mdp.pose_error_tanh, POSE, [1.0, 0.537883, 0.238406], {**TO_HAND, "std": 0.1}),
    # The second hand is off in both: 0.537883 · 0.238406.
    Case(mdp.pose_error_tanh, POSE, [1.0, 0.128234, 0.238406], {**TO_HAND, "std": 0.1, "orientation_std": 0.2}),
]
OBSERVATIONS = [
    # From hand to goal in the base frame, which is turned by 90°: the world's x is minus y there.
    Case(
        mdp.ee_pose_error,
        POSE,
        [[0.0] * 6, [-0.04, 0.03, 0.0, 0.0, 0.2, 0.0], [0.0, 0.0, 0.1, 0.0, 0.0, 0.0]],
        TO_HAND,
    ),
]
TERMINATIONS = [
    Case(mdp.reached, POSE, [True, True, False], {**TO_HAND, "position": 0.051}),
    Case(mdp.reached, POSE, [True, False, False], {**TO_HAND, "position": 0.051, "orientation": 0.19}),
    Case(mdp.reached, POSE, [True, True, False], {**TO_HAND, "position": 0.051, "orientation": 0.21}),
]
