"""An object that a hand is to grasp and carry."""

from __future__ import annotations

import math

from gaitway import mdp

from .case import HALF, HAND, LOST, Case

# The base stands at (1, 2, 0.5) and looks along y; the goal is at (1, 2.5, 0.8) in the world. The hand at (1, 2.4, 0.9)
# grasps 0.1 m below itself, since its z axis points down: at (1, 2.4, 0.8). A cube of 4 cm is at the goal; 5 cm beside
# it, tipped by 45° about x with an edge at 0.8 - 0.0282843; on the ground, upright.
HELD = {
    "root_pos_w": [[1.0, 2.0, 0.5]] * 3,
    "root_quat_w": [[0.0, 0.0, HALF, HALF]] * 3,
    "command": [[0.5, 0.0, 0.3, 0.0, 0.0, 0.0, 1.0]] * 3,
    "body_pos_w": [[LOST, [1.0, 2.4, 0.9]]] * 3,
    "body_quat_w": [[[0.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0]]] * 3,
    "object_root_pos_w": [[1.0, 2.5, 0.8], [1.03, 2.54, 0.8], [1.0, 2.4, 0.52]],
    "object_root_quat_w": [
        [0.0, 0.0, 0.0, 1.0],
        [math.sin(math.pi / 8), 0.0, 0.0, math.cos(math.pi / 8)],
        [0.0, 0.0, 0.0, 1.0],
    ],
    "object_root_lin_vel_w": [[1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [0.0, -1.0, 0.0]],
    "object_root_ang_vel_w": [[0.0, 0.0, 4.0], [0.0, 5.0, 0.0], [0.0, 0.0, 0.0]],
}
BOX = {"half_size": (0.02, 0.02, 0.02)}
# Lying askew on the ground: on an edge, so that its middle is 0.02 · √2 high; 1 cm off the ground; 6 cm below it.
LYING = {
    "root_pos_w": [[9.0, 9.0, 0.5]] * 3,
    "object_root_pos_w": [[0.0, 0.0, 0.5 + 0.02 * math.sqrt(2.0)], [3.0, 0.0, 0.53], [0.0, 0.0, 0.46]],
    "object_root_quat_w": [
        [0.0, math.sin(math.pi / 8), 0.0, math.cos(math.pi / 8)],
        [0.0, 0.0, HALF, HALF],
        [0.0, 0.0, 0.0, 1.0],
    ],
}

REWARDS = [
    # Off by 0.1 m; by (0.03, 0.14, 0), 0.143178 m; by 0.28 m. tanh(0.5), tanh(0.715891), tanh(1.4)
    Case(mdp.object_near_hand, HELD, [0.537883, 0.385643, 0.114648], {"asset_cfg": HAND, "offset": 0.1, "std": 0.2}),
    Case(mdp.box_lifted, LYING, [0.0, 0.25, 0.0], {**BOX, "height": 0.04}),
    # A bar of 4 by 4 by 20 cm: the tipped one is (0.02 + 0.1) / √2 below its middle, those upright 0.1.
    Case(
        mdp.box_lifted,
        HELD,
        [0.5, (0.3 - 0.12 * HALF) / 0.4, 0.0],
        {"half_size": (0.02, 0.02, 0.1), "height": 0.4},
    ),
    # At the goal and up; 5 cm off, 1 - tanh(0.5), and 0.3 - 0.0282843 up; on the ground.
    Case(
        mdp.lifted_box_near_goal,
        HELD,
        [0.7, 0.537883 * 0.679289, 0.0],
        {**BOX, "command_name": "object_pose", "std": 0.1, "height": 0.4},
    ),
]
OBSERVATIONS = [
    Case(mdp.commanded_position, HELD, [[0.5, 0.0, 0.3]] * 3, {"command_name": "object_pose"}),
    # The world's x is minus y in the base frame, its y is x.
    Case(
        mdp.hand_to_object,
        HELD,
        [[0.1, 0.0, 0.0], [0.14, -0.03, 0.0], [0.0, 0.0, -0.28]],
        {"asset_cfg": HAND, "offset": 0.1},
    ),
    Case(
        mdp.object_velocity,
        HELD,
        [[2.0, -1.0, 3.0, 0.0, 0.0, 4.0], [0.0, 0.0, 0.0, 5.0, 0.0, 0.0], [-1.0, 0.0, 0.0, 0.0, 0.0, 0.0]],
    ),
]
TERMINATIONS = [
    # At the goal, 5 cm off, and 0.1 m beside and 0.28 m below it.
    Case(mdp.object_at_goal, HELD, [True, False, False], {"command_name": "object_pose", "position": 0.049}),
    Case(mdp.object_at_goal, HELD, [True, True, False], {"command_name": "object_pose", "position": 0.051}),
]
