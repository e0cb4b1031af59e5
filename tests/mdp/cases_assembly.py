"""A drawer that is to be pulled open by its handle, and a peg that is to go into a hole."""

from __future__ import annotations

import math

from isaaclab.managers import SceneEntityCfg

from gaitway.tasks.manipulation.drawer import mdp as drawer
from gaitway.tasks.manipulation.insert import mdp as insert

from .case import HALF, HAND, LOST, Case

# -- a drawer ---------------------------------------------------------------------------------------

HANDLE = SceneEntityCfg("cabinet", body_ids=[1])
SLIDE, OTHER_SLIDE = (SceneEntityCfg("cabinet", joint_ids=[i]) for i in (0, 1))
FACING = [0.0, HALF, HALF, 0.0]
"""A hand whose z axis is the world's y and whose y axis is the world's z: half a turn about the line between them."""
SIDEWAYS = [-0.5, -0.5, -0.5, 0.5]
"""A hand whose z axis is the world's y and whose y axis is the world's x."""
# The base looks along the world's y. So does the first handle's x axis; the second's is against the world's x, the
# third's against its y. All are at (1, 2.6, 1). The hands grasp 0.1 m along their z axis: at (1, 2.6, 1), which is at
# the handle; at (1.03, 2.56, 1), 5 cm off; at (1, 2.6, 1.2), 20 cm too high.
PULLED = {
    "root_pos_w": [[1.0, 2.0, 0.5]] * 3,
    "root_quat_w": [[0.0, 0.0, HALF, HALF]] * 3,
    "body_pos_w": [
        [LOST, [1.0, 2.5, 1.0], [1.045, 2.55, 1.04], [1.045, 2.55, 0.96]],
        [LOST, [1.03, 2.46, 1.0], [1.03, 2.51, 1.02], [1.03, 2.51, 0.99]],
        [LOST, [1.0, 2.5, 1.2], [1.0, 2.55, 1.2], [1.0, 2.55, 1.1]],
    ],
    "body_quat_w": [[[0.0, 0.0, 0.0, 1.0], quat, quat, quat] for quat in (FACING, FACING, SIDEWAYS)],
    "joint_pos": [[9.0, 0.026, 0.034], [9.0, 0.005, 0.015], [9.0, 0.04, 0.04]],
    "cabinet__body_pos_w": [[LOST, [1.0, 2.6, 1.0]]] * 3,
    "cabinet__body_quat_w": [
        [[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, HALF, HALF]],
        [[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0]],
        [[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, -HALF, HALF]],
    ],
    "cabinet__joint_pos": [[0.125, 0.2], [0.3, 0.0], [-0.01, 0.2]],
}
TO_HANDLE = {"asset_cfg": HAND, "offset": 0.1, "handle_cfg": HANDLE}
# A bar of 2 by 10 by 4 cm. The fingertips are 5 cm along z from the fingers' origins.
GRASP = {
    "asset_cfg": HAND,
    "finger_cfg": SceneEntityCfg("robot", body_ids=[2, 3]),
    "joint_cfg": SceneEntityCfg("robot", joint_ids=[1, 2]),
    "handle_cfg": HANDLE,
    "tip": 0.05,
    "size": (0.02, 0.1, 0.04),
    "stroke": 0.04,
}
# Beside the bar's end: 6 cm along it. In front of the bar: 5 cm. Around it and open.
BESIDE = {
    **PULLED,
    "body_pos_w": [
        [LOST, LOST, [1.06, 2.55, 1.04], [1.06, 2.55, 0.96]],
        [LOST, LOST, [1.05, 2.55, 1.02], [1.05, 2.55, 0.99]],
        [LOST, LOST, [1.0, 2.55, 0.97], [1.0, 2.55, 1.03]],
    ],
}
# One tip is 6 cm along the bar, the other 4 cm; one 5 cm in front of it, the other at it; both 4.5 cm along a bar that
# is turned by 45°, and further open than open.
ASTRIDE = {
    **PULLED,
    "body_pos_w": [
        [LOST, LOST, [1.06, 2.55, 1.04], [1.04, 2.55, 0.96]],
        [LOST, LOST, [1.0, 2.55, 1.02], [1.05, 2.55, 0.99]],
        [LOST, LOST, [1.0 - 0.045 * HALF, 2.55 + 0.045 * HALF, 0.97], [1.0 - 0.045 * HALF, 2.55 + 0.045 * HALF, 1.03]],
    ],
    "joint_pos": [[9.0, 0.03, 0.03], [9.0, 0.03, 0.03], [9.0, 0.05, 0.05]],
    "cabinet__body_quat_w": [
        *PULLED["cabinet__body_quat_w"][:2],
        [[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, math.sin(math.pi / 8), math.cos(math.pi / 8)]],
    ],
}
MORE, LESS = (math.sqrt(3.0) + 1.0) / 4.0, (math.sqrt(3.0) - 1.0) / 4.0
# A handle whose axes are the world's. A hand that faces it squarely, (1, 1, 1, 1) / 2, has its z axis along x, its y
# axis along z. One that does so upside down, its y axis against z; one that is turned from there by 60° about z;
# one that is rolled by 120° about where it points.
TURNED = {
    **PULLED,
    "body_quat_w": [
        [[*LOST, 9.0], quat] for quat in ([-0.5, 0.5, -0.5, 0.5], [LESS, MORE, MORE, LESS], [MORE, -LESS, MORE, -LESS])
    ],
    "cabinet__body_quat_w": [[[0.0, 0.0, HALF, HALF], [0.0, 0.0, 0.0, 1.0]]] * 3,
}

# -- a peg ------------------------------------------------------------------------------------------

# The socket is at (1, 2, 0.1); its x axis is the world's y, its y axis against the world's x. The pegs: aligned and at
# the bottom of a hole that is 3 cm deep; 3 mm off along the socket's x and 4 mm along its y; turned by 90° about the
# socket's z and half way out. Aligned in the world is (0, 0, 1, 1) / √2 times (1, 0, 0, 0), so (1, 1, 0, 0) / √2; the
# turned one is (0, 0, 1, 1) / √2 times that, so (0, 1, 0, 0).
PEGS = {
    "body_pos_w": [[LOST, [1.0, 2.0, 0.07]], [LOST, [0.996, 2.003, 0.07]], [LOST, [1.0, 2.0, 0.085]]],
    "body_quat_w": [
        [[0.0, 0.0, 0.0, 1.0], [HALF, HALF, 0.0, 0.0]],
        [[0.0, 0.0, 0.0, 1.0], [HALF, HALF, 0.0, 0.0]],
        [[0.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0]],
    ],
    "socket__body_pos_w": [[LOST, [1.0, 2.0, 0.1]]] * 3,
    "socket__body_quat_w": [[[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, HALF, HALF]]] * 3,
}
# 2 cm off along the socket's y and tilted by 90° about its x; tilted by 90° about its y; turned by -90° about its z. In
# the socket's frame (1, 0, 0, -1) / √2, (1, 0, -1, 0) / √2 and (1, -1, 0, 0) / √2; the last has the other sign here.
TILTED = {
    **PEGS,
    "body_pos_w": [[LOST, [0.98, 2.0, 0.07]], [LOST, [1.0, 2.0, 0.07]], [LOST, [1.0, 2.0, 0.07]]],
    "body_quat_w": [
        [[0.0, 0.0, 0.0, 1.0], quat] for quat in ([0.5, 0.5, -0.5, -0.5], [0.5, 0.5, -0.5, 0.5], [-1.0, 0.0, 0.0, 0.0])
    ],
}
# Aligned and deep enough, and off along one axis alone: 2 mm against the socket's x, 2 mm against its y; not off.
ASIDE = {**PEGS, "body_pos_w": [[LOST, [1.0, 1.998, 0.07]], [LOST, [1.002, 2.0, 0.07]], [LOST, [1.0, 2.0, 0.07]]]}
PAIR = {"peg_cfg": HAND, "socket_cfg": SceneEntityCfg("socket", body_ids=[1])}
# Of a peg of 2 by 2 by 8 cm. One that is shifted has all corners off by as much, 5 mm. One that is turned by 90° has
# them all off by its width, 2 cm, and 1.5 cm too high, so by 2.5 cm.
KEYPOINTS = {**PAIR, "size": (0.02, 0.08), "depth": 0.03}

REWARDS = [
    # tanh(0.5) = 0.462117, tanh(2) = 0.964028
    Case(drawer.handle_near_hand, PULLED, [1.0, 0.537883, 0.035972], {**TO_HANDLE, "std": 0.1}),
    # Square; past the bar sideways, but with fingers above and below; from behind, with fingers side by side.
    Case(drawer.handle_aligned, PULLED, [1.0, 0.5, -0.5], {"asset_cfg": HAND, "handle_cfg": HANDLE}),
    # The angle of 60° and that of 120° count a quarter.
    Case(drawer.handle_aligned, TURNED, [1.0, 0.625, 0.625], {"asset_cfg": HAND, "handle_cfg": HANDLE}),
    # Half closed, from 4 cm to the bar's 2, and 4.5 cm along it; closed, and 3 cm off along x and 4 along y; both tips
    # above.
    Case(drawer.handle_grasped, PULLED, [0.75, 1.0, 0.0], GRASP),
    Case(drawer.handle_grasped, BESIDE, [0.0, 0.0, 0.5], GRASP),
    Case(drawer.handle_grasped, ASTRIDE, [0.0, 0.0, 0.5], GRASP),
    Case(drawer.opening, PULLED, [0.5, 1.0, 0.0], {"asset_cfg": SLIDE, "travel": 0.25}),
    Case(drawer.opening, PULLED, [0.8, 0.0, 0.8], {"asset_cfg": OTHER_SLIDE, "travel": 0.25}),
    # 4 / (exp(0.5) + 2 + exp(-0.5)) and 4 / (exp(2.5) + 2 + exp(-2.5))
    Case(insert.keypoints_near, PEGS, [1.0, 0.940015, 0.280415], {**KEYPOINTS, "slope": 100.0, "width": 2.0}),
    # The first peg's corners at its end are off by (j, -j) along y and z and 2 cm along y, those at its other end by
    # (j - 8, -j - 8) and 2 cm, with j of 1 and -1 cm. So √(3² + 1²), √(1² + 1²), √(5² + 9²), √(7² + 7²): 6.1929 cm in
    # the mean. The second peg's are off by √2 j and √(7² + 9²) and √(9² + 7²): (√2 + √130) / 2. The last by its width.
    Case(
        insert.keypoint_distance,
        TILTED,
        [
            (math.sqrt(10) + math.sqrt(2) + math.sqrt(106) + math.sqrt(98)) / 400,
            (math.sqrt(2) + math.sqrt(130)) / 200,
            0.02,
        ],
        KEYPOINTS,
    ),
    Case(insert.inserted, PEGS, [1.0, 0.0, 0.0], {**PAIR, "depth": 0.025, "play": 0.001}),
    Case(insert.inserted, PEGS, [1.0, 1.0, 1.0], {**PAIR, "depth": 0.01, "play": 0.0041}),
]
OBSERVATIONS = [
    # The world's x is minus y in the base frame, its y is x.
    Case(drawer.hand_to_handle, PULLED, [[0.0, 0.0, 0.0], [0.04, 0.03, 0.0], [0.0, 0.0, -0.2]], TO_HANDLE),
    Case(drawer.handle_direction, PULLED, [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]], {"handle_cfg": HANDLE}),
    Case(insert.peg_position, PEGS, [[0.0, 0.0, -0.03], [0.003, 0.004, -0.03], [0.0, 0.0, -0.015]], PAIR),
    Case(insert.peg_misalignment, PEGS, [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, math.pi / 2]], PAIR),
    Case(
        insert.peg_misalignment,
        TILTED,
        [[math.pi / 2, 0.0, 0.0], [0.0, math.pi / 2, 0.0], [0.0, 0.0, -math.pi / 2]],
        PAIR,
    ),
]
TERMINATIONS = [
    Case(drawer.is_open, PULLED, [True, True, False], {"asset_cfg": SLIDE, "distance": 0.1}),
    Case(drawer.is_open, PULLED, [False, True, False], {"asset_cfg": SLIDE, "distance": 0.2}),
    Case(drawer.is_open, PULLED, [True, False, True], {"asset_cfg": OTHER_SLIDE, "distance": 0.1}),
    Case(insert.is_inserted, PEGS, [True, False, False], {**PAIR, "depth": 0.025, "play": 0.001}),
    Case(insert.is_inserted, ASIDE, [False, False, True], {**PAIR, "depth": 0.025, "play": 0.001}),
]
