"""A cube in a hand, and the orientation that it is to be turned to.

The second environment lies 2 m along x. The goal is 0.5 m above the ground, turned by a quarter about z. The cube is
there; or as a cube lies that was not turned, 3 cm and 4 cm to the side; or upside down about x, and 0.2 m too low.
"""

from __future__ import annotations

import math

from isaaclab.managers import SceneEntityCfg
from isaaclab_tasks.core.reorient import mdp as reorient_mdp

from gaitway.tasks.manipulation.reorient.mdp import kept_turning

from .case import HALF, LOST, Case

CUBE = {
    "env_origins": [[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
    "object_root_pos_w": [[0.0, 0.0, 0.5], [2.03, 0.04, 0.5], [0.0, 0.0, 0.3]],
    "object_root_quat_w": [[0.0, 0.0, HALF, HALF], [0.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0]],
    "command__goal__pos_command_e": [[0.0, 0.0, 0.5]] * 3,
    "command__goal__quat_command_w": [[0.0, 0.0, HALF, HALF]] * 3,
}
TO_GOAL = {"command_name": "goal", "object_cfg": SceneEntityCfg("object")}

REWARDS = [
    # 1 / (angle + 0.1). From a quarter turn about z to a half turn about x it is a half turn.
    Case(
        reorient_mdp.track_orientation_inv_l2,
        CUBE,
        [10.0, 1.0 / (math.pi / 2 + 0.1), 1.0 / (math.pi + 0.1)],
        {"rot_eps": 0.1, **TO_GOAL},
    ),
    Case(reorient_mdp.track_pos_l2, CUBE, [0.0, 0.05, 0.2], TO_GOAL),
    # Angles 0, π / 2 and π.
    Case(
        reorient_mdp.success_bonus,
        CUBE,
        [True, False, False],
        TO_GOAL,
        {"goal": {"orientation_success_threshold": 1.57}},
    ),
    Case(
        reorient_mdp.success_bonus,
        CUBE,
        [True, True, False],
        TO_GOAL,
        {"goal": {"orientation_success_threshold": 1.58}},
    ),
]
OBSERVATIONS = [
    # Cube times the goal's inverse. The last: i · (1 - k) / √2 = (i + j) / √2, since i k = -j.
    Case(
        reorient_mdp.goal_quat_diff,
        CUBE,
        [[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, -HALF, HALF], [HALF, HALF, 0.0, 0.0]],
        {"command_name": "goal", "asset_cfg": SceneEntityCfg("object"), "make_quat_unique": True},
    ),
    Case(
        reorient_mdp.fingertip_pos,
        {
            "env_origins": CUBE["env_origins"],
            "body_pos_w": [
                [LOST, [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]],
                [LOST, [2.1, 0.2, 0.3], [2.4, 0.5, 0.6]],
                [LOST, [0.0, 0.0, 0.0], [-1.0, 0.0, 1.0]],
            ],
        },
        [[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]] * 2 + [[0.0, 0.0, 0.0, -1.0, 0.0, 1.0]],
        {"asset_cfg": SceneEntityCfg("robot", body_ids=[1, 2])},
    ),
]
TERMINATIONS = [
    Case(reorient_mdp.object_away_from_goal, CUBE, [False, False, True], {"threshold": 0.15, **TO_GOAL}),
    Case(reorient_mdp.object_away_from_goal, CUBE, [False, True, True], {"threshold": 0.049, **TO_GOAL}),
    # Enough goals; enough of them, and then dropped; one too few.
    Case(
        kept_turning,
        {"command__goal__goals_reached": [3.0, 5.0, 2.0], "terminated": [False, True, False]},
        [True, False, False],
        {"command_name": "goal", "goals": 3},
    ),
]
