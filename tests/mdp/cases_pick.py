"""A gripper that closes on an object, carries it and puts it down."""

from __future__ import annotations

import math

from isaaclab.managers import SceneEntityCfg

from gaitway.tasks.manipulation import grasping
from gaitway.tasks.manipulation.pick_place import mdp as place_mdp

from .case import HALF, HAND, LOST, Case

FINGERS = SceneEntityCfg("robot", joint_ids=[1, 2])
BOX = {"half_size": (0.02, 0.02, 0.02)}
GRASP = {"offset": 0.1, "distance": 0.02, "gap": 0.01}
HELD = {"grasp": GRASP, "asset_cfg": HAND, "gripper_cfg": FINGERS}

# The base stands at (1, 2, 0.5) and looks along y: its x is the world's y, its y the world's -x. The place is at
# (0.5, 0, 0.02) of the base, (1, 2.5, 0.52) in the world. The hand points down, turned by a half about x, and grasps 10
# cm below itself, at (1, 2.4, 0.58) twice and at (1, 2.5, 0.52). Cubes of 4 cm: 1 cm beside the grasp; 3 cm beside it;
# at the grasp and at the place. Fingers are told to close to 0, to 0 and to 0.015, and are at 2 cm.
AT_WORK = {
    "root_pos_w": [[1.0, 2.0, 0.5]] * 3,
    "root_quat_w": [[0.0, 0.0, HALF, HALF]] * 3,
    "command": [[0.5, 0.0, 0.02, 0.0, 0.0, 0.0, 1.0]] * 3,
    "body_pos_w": [[LOST, [1.0, 2.4, 0.68]], [LOST, [1.0, 2.4, 0.68]], [LOST, [1.0, 2.5, 0.62]]],
    "body_quat_w": [[[0.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0]]] * 3,
    "joint_pos": [[9.0, 0.02, 0.02]] * 3,
    "joint_pos_target": [[9.0, 0.0, 0.0], [9.0, 0.0, 0.0], [9.0, 0.0, 0.015]],
    "object_root_pos_w": [[1.0, 2.41, 0.58], [1.03, 2.4, 0.58], [1.0, 2.5, 0.52]],
    "object_root_quat_w": [[0.0, 0.0, 0.0, 1.0]] * 3,
}
# The hand is where it was in the first of them, or as much closer to the cube; all fingers press. Cubes are in the hand
# 10 cm before the place and 4 cm off the ground; at 3 cm and 1 cm; at the place, on the ground.
ON_THE_WAY = {
    **AT_WORK,
    "body_pos_w": [[LOST, [1.0, 2.4, 0.66]], [LOST, [1.03, 2.5, 0.63]], [LOST, [1.0, 2.5, 0.62]]],
    "joint_pos_target": [[9.0, 0.0, 0.0]] * 3,
    "object_root_pos_w": [[1.0, 2.4, 0.56], [1.03, 2.5, 0.53], [1.0, 2.5, 0.52]],
}
# In the hand: above the place, 6 cm off the ground; 10 cm before it and 9 cm off; 3 cm beside it and 5 cm off.
ABOVE = {
    **ON_THE_WAY,
    "body_pos_w": [[LOST, [1.0, 2.5, 0.68]], [LOST, [1.0, 2.4, 0.71]], [LOST, [1.03, 2.5, 0.67]]],
    "object_root_pos_w": [[1.0, 2.5, 0.58], [1.0, 2.4, 0.61], [1.03, 2.5, 0.57]],
}
# The cube is at the grasp. The gripper is told to open; to close, and the cube keeps it; to close, and one finger is at
# its target already.
LOOSE = {
    **ON_THE_WAY,
    "joint_pos": [[9.0, 0.02, 0.02], [9.0, 0.02, 0.02], [9.0, 0.02, 0.0]],
    "joint_pos_target": [[9.0, 0.04, 0.04], [9.0, 0.0, 0.0], [9.0, 0.0, 0.0]],
}
# At the place, open; 4 cm beside it, open; 4 cm beside it, and the second finger at no more than the opening. The
# second was never carried.
LET_GO = {
    **AT_WORK,
    "command__place": AT_WORK["command"],
    "command__place__carried": [True, False, True],
    "joint_pos": [[0.0, 0.04, 0.04], [0.0, 0.04, 0.04], [0.0, 0.04, 0.025]],
    "object_root_pos_w": [[1.0, 2.5, 0.52], [1.04, 2.5, 0.52], [1.04, 2.5, 0.52]],
}
# Let go, carried: 4 cm beside the place and 5 mm off the ground; at the place, 2 cm off the ground; 6 cm beside it.
BESIDE = {
    **LET_GO,
    "command__place__carried": [True] * 3,
    "joint_pos": [[0.0, 0.04, 0.03]] * 3,
    "object_root_pos_w": [[1.04, 2.5, 0.525], [1.0, 2.5, 0.54], [1.0, 2.56, 0.52]],
}
DOWN = {"command_name": "place", **BOX, "height": 0.01, "gripper_cfg": FINGERS, "opening": 0.025}

REWARDS = [
    # Near and kept open by 2 cm; too far; near, and one finger kept open by 5 mm only.
    Case(grasping.grasped, AT_WORK, [1.0, 0.0, 0.0], {"asset_cfg": HAND, "gripper_cfg": FINGERS, **GRASP}),
    Case(grasping.grasped, LOOSE, [0.0, 1.0, 0.0], {"asset_cfg": HAND, "gripper_cfg": FINGERS, **GRASP}),
    # Down; level; 60° from down about the hand's y: 1 - cos 60°.
    Case(
        grasping.hand_tilt,
        {
            "body_quat_w": [
                [[0.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0]],
                [[0.0, 0.0, 0.0, 1.0], [0.0, HALF, 0.0, HALF]],
                [[0.0, 0.0, 0.0, 1.0], [0.0, math.sin(math.pi / 3), 0.0, math.cos(math.pi / 3)]],
            ]
        },
        [0.0, 1.0, 0.5],
        {"asset_cfg": HAND},
    ),
    # 10 cm across and 2 cm below the clearance: 0.1 + 0.04; 3 cm across, where it should be 3 cm high, and 1 cm high:
    # 0.03 + 0.04; there.
    Case(
        place_mdp.on_the_way,
        ON_THE_WAY,
        [1.0 - math.tanh(1.4), 1.0 - math.tanh(0.7), 1.0],
        {"command_name": "object_pose", "std": 0.1, **BOX, "clearance": 0.06, **HELD},
    ),
    # There but 6 cm too high: 0.12; 10 cm across and 3 cm above the clearance: 0.1 + 0.06; 3 cm across, 2 cm too high.
    Case(
        place_mdp.on_the_way,
        ABOVE,
        [1.0 - math.tanh(1.2), 1.0 - math.tanh(1.6), 1.0 - math.tanh(0.7)],
        {"command_name": "object_pose", "std": 0.1, **BOX, "clearance": 0.06, **HELD},
    ),
    # The same cubes, of which one is not grasped: the gripper is told to open, or a finger is at its target.
    Case(
        place_mdp.on_the_way,
        {**ABOVE, "joint_pos": LOOSE["joint_pos"], "joint_pos_target": LOOSE["joint_pos_target"]},
        [0.0, 1.0 - math.tanh(1.6), 0.0],
        {"command_name": "object_pose", "std": 0.1, **BOX, "clearance": 0.06, **HELD},
    ),
    Case(place_mdp.put_down, LET_GO, [1.0, 0.0, 0.0], {"std": 0.1, **DOWN}),
    # 4 cm and 6 cm, over one of 5 cm: what is further away than that counts as well.
    Case(place_mdp.put_down, BESIDE, [1.0 - math.tanh(0.8), 0.0, 1.0 - math.tanh(1.2)], {"std": 0.05, **DOWN}),
    Case(place_mdp.approach_distance, AT_WORK, [0.01, 0.03, 0.0], {"asset_cfg": HAND, "offset": 0.1}),
    # Held, √(0.09² + 0.06²) away; not grasped, twice.
    Case(
        place_mdp.carry_distance,
        AT_WORK,
        [0.1081665, 1.0, 1.0],
        {"command_name": "object_pose", **HELD},
    ),
    # Held: 10.8 cm away, √(0.03² + 0.01²) = 3.2 cm, there.
    Case(
        place_mdp.held_at_goal,
        ON_THE_WAY,
        [0.0, 1.0, 1.0],
        {"command_name": "object_pose", "position": 0.05, **HELD},
    ),
    # Heights count as well: 6 cm; √(0.1² + 0.09²); √(0.03² + 0.05²) = 5.8 cm.
    Case(
        place_mdp.held_at_goal,
        ABOVE,
        [0.0, 0.0, 0.0],
        {"command_name": "object_pose", "position": 0.05, **HELD},
    ),
    # At the place, but not grasped.
    Case(
        place_mdp.held_at_goal,
        {**ON_THE_WAY, "joint_pos_target": AT_WORK["joint_pos_target"]},
        [0.0, 1.0, 0.0],
        {"command_name": "object_pose", "position": 0.05, **HELD},
    ),
]
OBSERVATIONS = [Case(place_mdp.carried, LET_GO, [[1.0], [0.0], [1.0]], {"command_name": "place"})]
TERMINATIONS = [
    # Held: 10.8 cm away, 3.2 cm, there; then the same, but the last is not grasped.
    Case(
        place_mdp.object_held_at_goal,
        ON_THE_WAY,
        [False, True, True],
        {"command_name": "object_pose", "position": 0.05, **HELD},
    ),
    Case(
        place_mdp.object_held_at_goal,
        {**ON_THE_WAY, "joint_pos_target": AT_WORK["joint_pos_target"]},
        [False, True, False],
        {"command_name": "object_pose", "position": 0.05, **HELD},
    ),
    Case(place_mdp.object_placed, LET_GO, [True, False, False], {"position": 0.05, **DOWN}),
    Case(place_mdp.object_placed, BESIDE, [True, False, False], {"position": 0.05, **DOWN}),
]
