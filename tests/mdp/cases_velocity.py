"""A base and its commanded velocity, and feet."""

from __future__ import annotations

from isaaclab.managers import SceneEntityCfg

from gaitway import mdp

from .case import Case

FEET = SceneEntityCfg("contact_forces", body_ids=[2, 0])
SWING = {"command_name": "base_velocity", "sensor_cfg": FEET, "shortest": 0.05, "longest": 0.5}
WALK = {"command_name": "base_velocity", "std": 0.5}
TWIST = {
    "command": [[1.0, 0.5, 0.0], [1.0, 0.5, -0.5], [0.0, 0.0, 1.0]],
    # Errors of (0, 0), (0.3, 0.4) and (0, 0) in the plane, and of 0, 0.5 and 2 about z.
    "root_lin_vel_b": [[1.0, 0.5, 3.0], [0.7, 0.1, -0.5], [0.0, 0.0, 0.0]],
    "root_ang_vel_b": [[2.0, 1.0, 0.0], [0.3, -0.4, -1.0], [0.0, 0.0, -1.0]],
}

REWARDS = [
    # exp(-0.25 / 0.5²) = exp(-1)
    Case(mdp.track_lin_vel_xy_exp, TWIST, [1.0, 0.367879, 1.0], WALK),
    # exp(-2² / 0.5²) = exp(-16)
    Case(mdp.track_ang_vel_z_exp, TWIST, [1.0, 0.367879, 1.12535e-7], WALK),
    Case(mdp.lin_vel_z_l2, TWIST, [9.0, 0.25, 0.0]),
    Case(mdp.ang_vel_xy_l2, TWIST, [5.0, 0.25, 0.0]),
    # Upright, tipped by 30° and lying on the side.
    Case(
        mdp.flat_orientation_l2,
        {"projected_gravity_b": [[0.0, 0.0, -1.0], [0.5, 0.0, -0.866025], [0.0, -1.0, 0.0]]},
        [0.0, 0.25, 1.0],
    ),
    Case(
        mdp.base_height_l2,
        {"root_pos_w": [[5.0, 0.0, 0.32], [0.0, 5.0, 0.22], [0.0, 0.0, 0.42]]},
        [0.0, 0.01, 0.01],
        {"target_height": 0.32},
    ),
    # Feet 2 and 0 of three, and half of two is one: both, only foot 0, and none, for 0.05 and 0.5 s do not count.
    Case(
        mdp.feet_in_swing,
        {
            "command": [[0.5, 0.0, 0.0], [0.0, 0.0, -0.2], [0.0, -0.5, 0.0]],
            "current_air_time": [[0.1, 0.3, 0.4], [0.06, 0.3, 0.0], [0.05, 0.3, 0.5]],
        },
        [1.0, 1.0, 0.0],
        SWING,
    ),
    # All four; three; all four of a robot that is told to stand.
    Case(
        mdp.feet_in_swing,
        {
            "command": [[0.5, 0.0, 0.0], [0.11, 0.0, 0.0], [0.05, 0.05, 0.05]],
            "current_air_time": [[0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.0], [0.1, 0.2, 0.3, 0.4]],
        },
        [2.0, 2.0, 0.0],
        {**SWING, "sensor_cfg": SceneEntityCfg("contact_forces", body_ids=[0, 1, 2, 3])},
    ),
]
OBSERVATIONS = [
    # Norms 0.9 and 1.13; 1 exactly (which is not above) and 0; -5 along z and 2. Foot 2 first, as asked for.
    Case(
        mdp.foot_contacts,
        {
            "net_forces_w": [
                [[0.8, 0.0, 0.8], [9.0, 9.0, 9.0], [0.0, 0.9, 0.0]],
                [[0.0, 0.0, 0.0], [9.0, 9.0, 9.0], [0.0, 0.6, 0.8]],
                [[0.0, 2.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, -5.0]],
            ]
        },
        [[0.0, 1.0], [0.0, 0.0], [1.0, 1.0]],
        {"sensor_cfg": FEET},
    ),
    Case(
        mdp.foot_contacts,
        {"net_forces_w": [[[0.0, 0.0, 3.0]] * 3, [[0.0, 0.0, 1.5]] * 3, [[0.0, 0.0, 2.5]] * 3]},
        [[1.0, 1.0], [0.0, 0.0], [1.0, 1.0]],
        {"sensor_cfg": FEET, "threshold": 2.0},
    ),
]
