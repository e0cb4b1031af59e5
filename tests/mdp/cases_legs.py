"""Two feet, and joints."""

from __future__ import annotations

from isaaclab.managers import SceneEntityCfg
from isaaclab_tasks.core.velocity import mdp as velocity_mdp

from gaitway import mdp

from .case import Case

FEET = SceneEntityCfg("contact_forces", body_ids=[0, 2])
STEP = {"command_name": "base_velocity", "sensor_cfg": FEET, "threshold": 0.4}
NONE, LOAD = [0.0, 0.0, 0.0], [0.0, 3.0, 4.0]

REWARDS = [
    # On one foot for 0.3 s, with the other in the air for 0.2 s: the shorter. On both feet. For 0.6 and 0.5 s: 0.4 at
    # most.
    Case(
        velocity_mdp.feet_air_time_positive_biped,
        {
            "command": [[0.5, 0.0, 0.0]] * 3,
            "current_contact_time": [[0.3, 9.0, 0.0], [0.3, 0.0, 0.2], [0.0, 0.0, 0.6]],
            "current_air_time": [[0.0, 0.0, 0.2], [0.0, 5.0, 0.0], [0.5, 5.0, 0.0]],
        },
        [0.2, 0.0, 0.4],
        STEP,
    ),
    # In the air with both feet; on one, but told to stand, or to turn on the spot.
    Case(
        velocity_mdp.feet_air_time_positive_biped,
        {
            "command": [[0.5, 0.0, 0.0], [0.06, 0.08, 0.0], [0.0, 0.0, 1.0]],
            "current_contact_time": [[0.0, 9.0, 0.0], [0.3, 0.0, 0.0], [0.3, 0.0, 0.0]],
            "current_air_time": [[0.3, 0.0, 0.2], [0.0, 0.0, 0.2], [0.0, 0.0, 0.2]],
        },
        [0.0, 0.0, 0.0],
        STEP,
    ),
    # Feet 0 and 2 bear 5 N now or a step ago: 0.5 m/s in the plane, with the other in the air; 0.1 and 0.2 m/s; 1 N is
    # not enough.
    Case(
        velocity_mdp.feet_slide,
        {
            "net_normal_forces_w_history": [
                [[NONE, LOAD, NONE], [LOAD, LOAD, NONE]],
                [[LOAD, NONE, LOAD], [LOAD, NONE, LOAD]],
                [[[0.0, 0.0, 1.0], LOAD, NONE], [NONE, LOAD, NONE]],
            ],
            "body_lin_vel_w": [
                [[0.3, 0.4, 9.0], [9.0, 0.0, 0.0], [2.0, 0.0, 0.0]],
                [[0.1, 0.0, 0.0], [9.0, 0.0, 0.0], [0.0, -0.2, 0.0]],
                [[1.0, 0.0, 0.0], [9.0, 0.0, 0.0], [1.0, 0.0, 0.0]],
            ],
        },
        [0.5, 0.3, 0.0],
        {"sensor_cfg": FEET, "asset_cfg": SceneEntityCfg("robot", body_ids=[0, 2])},
    ),
    # 0.2 above and 0.5 below; at the limits; joint 1 does not count.
    Case(
        mdp.joint_pos_limits,
        {
            "joint_pos": [[1.2, 0.0, -2.5], [1.0, 9.0, -2.0], [0.0, 9.0, 0.0]],
            "soft_joint_pos_limits": [[[-1.0, 1.0], [-1.0, 1.0], [-2.0, 2.0]]] * 3,
        },
        [0.7, 0.0, 0.0],
        {"asset_cfg": SceneEntityCfg("robot", joint_ids=[0, 2])},
    ),
    Case(
        mdp.joint_deviation_l1,
        {"joint_pos": [[0.5, 0.0, -0.2], [0.1, 9.0, 0.2], [1.1, 0.0, 0.2]], "default_joint_pos": [[0.1, 0.0, 0.2]] * 3},
        [0.8, 0.0, 1.0],
        {"asset_cfg": SceneEntityCfg("robot", joint_ids=[0, 2])},
    ),
]
