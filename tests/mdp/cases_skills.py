"""Standing up, hopping and jumping: a trunk, its feet, and a place to land."""

from __future__ import annotations

import math

from isaaclab.managers import SceneEntityCfg

from gaitway.tasks.locomotion.hop import mdp as hop
from gaitway.tasks.locomotion.jump import mdp as jump
from gaitway.tasks.locomotion.stand_up import mdp as stand_up

from .case import HALF, Case

# Upright at full height; tipped by 60° at half of it; on its back, higher than it stands.
TRUNK = {
    "projected_gravity_b": [[0.0, 0.0, -1.0], [0.866025, 0.0, -0.5], [0.0, 0.0, 1.0]],
    "root_pos_w": [[1.0, 2.0, 0.32], [0.0, 0.0, 0.16], [0.0, 0.0, 0.5]],
    # Speeds 0, 0.5 and 0; rates 0, 0 and 2.
    "root_lin_vel_w": [[0.0, 0.0, 0.0], [0.3, 0.0, -0.4], [0.0, 0.0, 0.0]],
    "root_ang_vel_w": [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 2.0, 0.0]],
    # At the default pose; off by 0.3 and 0.4; at the default pose.
    "joint_pos": [[0.8, -1.5], [1.1, -1.9], [0.8, -1.5]],
    "default_joint_pos": [[0.8, -1.5]] * 3,
}
# Upright: higher than it stands, in the ground, at half the height. The first and the last at 0.5 m/s and 1 rad/s.
UPRIGHT = {
    "projected_gravity_b": [[0.0, 0.0, -1.0]] * 3,
    "root_pos_w": [[0.0, 0.0, 0.5], [0.0, 0.0, -0.1], [0.0, 0.0, 0.16]],
    "root_lin_vel_w": [[0.0, 0.5, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.5]],
    "root_ang_vel_w": [[0.6, 0.0, -0.8], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
}
LIMITS = {
    "height": 0.32,
    "within": 0.06,
    "tilt": math.radians(15.0),
    "joint": 0.5,
    "linear": 0.2,
    "angular": 0.5,
}
# One that stands, and what each limit refuses: too low, tipped by 16°, a joint off by 0.6, too fast, turning too fast;
# too high, a joint off by -0.6, turning too fast about x and y together.
STANDING = {
    "projected_gravity_b": [[0.0, 0.0, -1.0]] * 2 + [[0.275637, 0.0, -0.961262]] + [[0.0, 0.0, -1.0]] * 6,
    "root_pos_w": [[0.0, 0.0, 0.37], [0.0, 0.0, 0.25]]
    + [[0.0, 0.0, 0.32]] * 4
    + [[0.0, 0.0, 0.39]]
    + [[0.0, 0.0, 0.32]] * 2,
    "root_lin_vel_w": [[0.1, 0.1, 0.1]] * 4 + [[0.0, 0.0, -0.21]] + [[0.0, 0.0, 0.0]] * 4,
    "root_ang_vel_w": [[0.0, 0.0, 0.49]] * 5 + [[0.0, 0.0, -0.51]] + [[0.0, 0.0, 0.0]] * 2 + [[0.4, -0.4, 0.0]],
    "joint_pos": [[0.4, -1.5]] * 3 + [[1.4, -1.5]] + [[0.8, -1.5]] * 3 + [[0.8, -2.1]] + [[0.8, -1.5]],
    "default_joint_pos": [[0.8, -1.5]] * 9,
}
ENDED = {"time_outs": [True, False, True], "terminated": [False, False, True]}

FEET = SceneEntityCfg("contact_forces", body_ids=[1, 2, 3, 4])
ON_FEET = {"command_name": "hop", "sensor_cfg": FEET}
# Body 0 is the trunk. Told to hop on all, on the right diagonal, on the front.
TOLD = [[1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 0.0, 0.0]]
# The stances that these want.
STANCES = [[foot > 0.5 for foot in feet] for feet in TOLD]

# The robot is at (1, 2), 0.32 m above a place 0.3 m and 0.4 m away; at the place but 0.2 m too low; at the place.
AWAY = {
    "root_pos_w": [[1.0, 2.0, 0.52], [1.0, 2.0, 0.32], [1.0, 2.0, 0.52]],
    "command__jump__place": [[1.3, 2.4, 0.2], [1.0, 2.0, 0.2], [1.0, 2.0, 0.2]],
}
TO_PLACE = {"command_name": "jump", "height": 0.32}

REWARDS = [
    Case(stand_up.uprightness, TRUNK, [1.0, 0.75, 0.0]),
    # 0.5 · cos 60°; nothing on the back.
    Case(stand_up.upright_height, TRUNK, [1.0, 0.25, 0.0], {"height": 0.32}),
    Case(stand_up.upright_height, UPRIGHT, [1.0, 0.0, 0.5], {"height": 0.32}),
    # exp(-0.25 / 0.5²) · 0.5 = 0.367879 / 2
    Case(stand_up.upright_pose, TRUNK, [1.0, 0.18394, 0.0], {"std": 0.5}),
    # Of the second joint alone: exp(-0.16 / 0.5²) · 0.5 = 0.527292 / 2
    Case(
        stand_up.upright_pose,
        TRUNK,
        [1.0, 0.263646, 0.0],
        {"std": 0.5, "asset_cfg": SceneEntityCfg("robot", joint_ids=[1])},
    ),
    # exp(-0.25 / 0.5²) · 0.25
    Case(
        stand_up.upright_stillness,
        TRUNK,
        [1.0, 0.09197, 0.0],
        {"height": 0.32, "linear": 0.5, "angular": 1.0},
    ),
    # exp(-0.25 / 0.5² - 1 / 2²) = 0.286505, at full height and at half of it.
    Case(
        stand_up.upright_stillness,
        UPRIGHT,
        [0.286505, 0.0, 0.143252],
        {"height": 0.32, "linear": 0.5, "angular": 2.0},
    ),
    # All up for 0.1 s or more. All up, the right diagonal for 0.02 s: a tremble. One that is to be up is down.
    Case(
        hop.flight,
        {
            "command__hop": TOLD,
            "command__hop__touched": STANCES,
            "current_air_time": [
                [0.0, 0.1, 0.2, 0.1, 0.1],
                [0.0, 0.02, 0.4, 0.4, 0.2],
                [0.0, 0.1, 0.1, 0.0, 0.3],
            ],
        },
        [1.0, 0.0, 0.0],
        {**ON_FEET, "shortest": 0.03, "longest": 0.4},
    ),
    # On the right diagonal, the others up for long. All up for too long. Just landed on all.
    Case(
        hop.flight,
        {
            "command__hop": [TOLD[1], TOLD[0], TOLD[0]],
            "command__hop__touched": [STANCES[1], STANCES[0], STANCES[0]],
            "current_air_time": [
                [0.0, 0.1, 3.0, 3.0, 0.1],
                [0.0, 0.4, 0.4, 0.4, 0.4],
                [0.0, 0.0, 0.0, 0.0, 0.0],
            ],
        },
        [1.0, 0.0, 0.0],
        {**ON_FEET, "shortest": 0.03, "longest": 0.4},
    ),
    # Those that are to be up left the ground just now, which does not matter, on the diagonal and on the front; on all,
    # one that is to bear the hop did.
    Case(
        hop.flight,
        {
            "command__hop": [TOLD[1], TOLD[2], TOLD[0]],
            "command__hop__touched": [STANCES[1], STANCES[2], STANCES[0]],
            "current_air_time": [
                [0.0, 0.1, 0.02, 0.3, 0.1],
                [0.0, 0.1, 0.1, 0.02, 0.02],
                [0.0, 0.1, 0.1, 0.02, 0.1],
            ],
        },
        [1.0, 1.0, 0.0],
        {**ON_FEET, "shortest": 0.03, "longest": 0.4},
    ),
    # All up, after a stance on one foot of four; on all where the diagonal was told; on one of the two feet at the
    # front.
    Case(
        hop.flight,
        {
            "command__hop": TOLD,
            "command__hop__touched": [[True, False, False, False], STANCES[0], [True, False, False, False]],
            "current_air_time": [[0.0, 0.1, 0.1, 0.1, 0.1]] * 3,
        },
        [0.00390625, 0.0625, 0.31640625],
        {**ON_FEET, "shortest": 0.03, "longest": 0.4},
    ),
    *(
        Case(
            term,
            {
                "command": TOLD,
                # All down. The front ones and one behind. One at the front, one behind.
                "current_contact_time": [
                    [0.0, 0.1, 0.1, 0.1, 0.1],
                    [0.0, 0.1, 0.1, 0.3, 0.0],
                    [0.5, 0.0, 0.1, 0.0, 0.1],
                ],
            },
            expected,
            ON_FEET,
        )
        # The second is to keep up its front right and hind left foot, the third both hind ones.
        for term, expected in ((hop.others_down, [0.0, 2.0, 1.0]), (hop.feet_apart, [0.0, 1.0, 1.0]))
    ),
    *(
        Case(
            term,
            {
                "command": [TOLD[1]] * 3,
                # Of the right diagonal: none is down, and no other; both, and no other; none, and both others.
                "current_contact_time": [
                    [0.5, 0.0, 0.0, 0.0, 0.0],
                    [0.0, 0.1, 0.0, 0.0, 0.1],
                    [0.0, 0.0, 0.1, 0.1, 0.0],
                ],
            },
            expected,
            ON_FEET,
        )
        for term, expected in ((hop.others_down, [0.0, 0.0, 2.0]), (hop.feet_apart, [0.0, 0.0, 0.0]))
    ),
    # Pitched and rolled by sines of 0.6 and 0.3: 0.36 + 0.09; the same on the diagonal; on the front, and on the
    # hind feet, roll alone.
    Case(
        hop.lean,
        {"command": [*TOLD, [0.0, 0.0, 1.0, 1.0]], "projected_gravity_b": [[0.6, -0.3, -0.74162]] * 4},
        [0.45, 0.45, 0.09, 0.09],
        {"command_name": "hop", "front": (1, 1, 0, 0)},
    ),
    # Up and down does not count, nor do roll and pitch; exp(-0.09 / 0.36) = 0.778801; exp(-0.25 - 0.49 / 0.49).
    Case(
        hop.on_the_spot,
        {
            "root_lin_vel_w": [[0.0, 0.0, 3.0], [0.0, 0.3, 0.0], [-0.3, 0.0, 0.0]],
            "root_ang_vel_w": [[5.0, 5.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.7]],
        },
        [1.0, 0.778801, 0.286505],
        {"linear": 0.6, "angular": 0.7},
    ),
    # 0.5 m away, tanh 1; 0.2 m too low, tanh 0.4.
    Case(jump.near_place, AWAY, [0.238406, 0.620051, 1.0], {**TO_PLACE, "std": 0.5}),
    # 0.3 m away and 0.4 m too high, 0.5 m in all; the same too low.
    Case(
        jump.near_place,
        {
            "root_pos_w": [[1.0, 2.0, 0.92], [1.0, 2.0, 0.12]],
            "command__jump__place": [[1.0, 2.3, 0.2], [0.7, 2.0, 0.2]],
        },
        [0.238406, 0.238406],
        {**TO_PLACE, "std": 0.5},
    ),
    # Still in the default pose; at 0.5 m/s, exp(-1); off by 0.5 rad in all, exp(-1).
    Case(
        jump.calm_at_place,
        {
            **AWAY,
            "root_lin_vel_w": [[0.0, 0.0, 0.0], [0.3, 0.0, 0.4], [0.0, 0.0, 0.0]],
            "joint_pos": [[0.8, -1.5], [0.8, -1.5], [1.1, -1.9]],
            "default_joint_pos": [[0.8, -1.5]] * 3,
        },
        [0.238406, 0.620051 * 0.367879, 0.367879],
        {**TO_PLACE, "std": 0.5, "speed": 0.5, "pose": 0.5},
    ),
    # The longest so far goes on; on the ground; a second leap that is still shorter than the first.
    Case(
        jump.first_flight,
        {"command__jump__flight": [0.1, 0.0, 0.06], "command__jump__longest_flight": [0.1, 0.1, 0.1]},
        [1.0, 0.0, 0.0],
        {"command_name": "jump", "most": 0.3},
    ),
    # Long enough; the second leap has grown longer than the first; not yet in the air.
    Case(
        jump.first_flight,
        {"command__jump__flight": [0.3, 0.12, 0.0], "command__jump__longest_flight": [0.3, 0.12, 0.0]},
        [0.0, 1.0, 0.0],
        {"command_name": "jump", "most": 0.3},
    ),
    # Along x; along y, (π/2)²; by -0.2 rad.
    Case(
        jump.turned_away,
        {"root_quat_w": [[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, HALF, HALF], [0.0, 0.0, -math.sin(0.1), math.cos(0.1)]]},
        [0.0, 2.467401, 0.04],
    ),
]
OBSERVATIONS = [
    Case(
        hop.feet_air_time,
        {"current_air_time": [[9.0, 0.1, 0.0, 0.7, 0.5], [9.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.2, 0.4, 0.6, 0.8]]},
        [[0.1, 0.0, 0.5, 0.5], [0.0, 0.0, 0.0, 0.0], [0.2, 0.4, 0.5, 0.5]],
        {"sensor_cfg": FEET, "longest": 0.5},
    ),
    Case(
        hop.touched_feet,
        {"command__hop__touched": STANCES},
        [[1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 0.0, 0.0]],
        {"command_name": "hop"},
    ),
    Case(
        jump.flight_times,
        {"command__jump__flight": [0.1, 0.0, 0.0], "command__jump__longest_flight": [0.1, 0.2, 0.0]},
        [[0.1, 0.1], [0.0, 0.2], [0.0, 0.0]],
        {"command_name": "jump"},
    ),
]
TERMINATIONS = [
    Case(stand_up.stands, STANDING, [True] + [False] * 8, LIMITS),
    # Standing when time is up; standing before; time is up for one that physics broke.
    Case(stand_up.stood_up, {**{k: [v[0]] * 3 for k, v in STANDING.items()}, **ENDED}, [True, False, False], LIMITS),
    # In 2 s, 2 hops of 1 a second; 1 is too few; 0.5 s is more than a fifth; too far from where it began.
    Case(
        hop.hopped,
        {
            "episode_length_buf": [100] * 4,
            "command__hop__hops": [2.0, 1.0, 5.0, 5.0],
            "command__hop__others_down": [0.4, 0.0, 0.5, 0.0],
            "command__hop__drift": [0.49, 0.0, 0.0, 0.51],
            "time_outs": [True] * 4,
            "terminated": [False] * 4,
        },
        [True, False, False, False],
        {"command_name": "hop", "rate": 1.0, "others": 0.2, "drift": 0.5},
    ),
    Case(
        hop.hopped,
        {
            "episode_length_buf": [100, 100, 100],
            "command__hop__hops": [9.0] * 3,
            "command__hop__others_down": [0.0] * 3,
            "command__hop__drift": [0.0] * 3,
            **ENDED,
        },
        [True, False, False],
        {"command_name": "hop", "rate": 1.0, "others": 0.2, "drift": 0.5},
    ),
    # At the place, after a leap just long enough; too far; too low; tipped by 23°; too fast, downwards; not long enough
    # in the air across the edge; time is not up; it fell.
    Case(
        jump.jumped,
        {
            "root_pos_w": [[1.0, 2.1, 0.5], [1.0, 2.2, 0.5], [1.0, 2.0, 0.4]] + [[1.0, 2.0, 0.52]] * 5,
            "projected_gravity_b": [[0.0, 0.0, -1.0]] * 3 + [[0.387298, 0.0, -0.921954]] + [[0.0, 0.0, -1.0]] * 4,
            "root_lin_vel_w": [[0.0, 0.1, 0.0]] * 4 + [[0.0, 0.0, -0.4]] + [[0.0, 0.0, 0.0]] * 3,
            "command__jump__place": [[1.0, 2.0, 0.2]] * 8,
            "command__jump__longest_leap": [0.08] * 5 + [0.06] + [0.1] * 2,
            "time_outs": [True] * 6 + [False, True],
            "terminated": [False] * 7 + [True],
        },
        [True] + [False] * 7,
        {
            **TO_PLACE,
            "along": 0.15,
            "above": 0.08,
            "tilt": math.radians(20.0),
            "speed": 0.3,
            "flight": 0.08,
        },
    ),
]
