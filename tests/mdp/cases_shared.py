"""Effort, smoothness, and what any robot has."""

from __future__ import annotations

from isaaclab.managers import SceneEntityCfg

from gaitway import mdp

from .case import Case

REWARDS = [
    # Made and called on the same numbers: nothing accelerates.
    Case(mdp.JointAccL2, {"joint_vel": [[1.0, 2.0], [0.5, -7.0], [0.0, 5.0]]}, [0.0, 0.0, 0.0]),
    # Before any step the last potential is 0. 0.9 · 0.01 / 0.02 s; ended for good; 0.9 · 0.04 / 0.02 s.
    Case(
        mdp.PotentialShaping,
        {"root_pos_w": [[0.0, 0.0, 0.3], [0.0, 0.0, 9.0], [0.0, 0.0, 0.0]], "terminated": [False, True, False]},
        [0.45, 0.0, 1.8],
        {"potential": mdp.base_height_l2, "params": {"target_height": 0.2}, "gamma": 0.9},
    ),
    Case(mdp.is_alive, {"terminated": [False, True, False]}, [1.0, 0.0, 1.0]),
    Case(mdp.is_terminated, {"terminated": [False, True, False]}, [0.0, 1.0, 0.0]),
    Case(
        mdp.action_rate_l2,
        {"action": [[1.0, 2.0], [0.0, 0.0], [-1.0, 0.5]], "prev_action": [[1.0, 2.0], [3.0, -4.0], [1.0, 0.0]]},
        [0.0, 25.0, 4.25],
    ),
    Case(
        mdp.joint_vel_l2,
        {"joint_vel": [[1.0, 2.0, 3.0], [0.5, -7.0, 0.0], [0.0, 5.0, 0.0]]},
        [10.0, 0.25, 0.0],
        {"asset_cfg": SceneEntityCfg("robot", joint_ids=[0, 2])},
    ),
    # 90 % of the limits are 1.8 and 0.9; no joint counts for more than 1.
    Case(
        mdp.joint_vel_limits,
        {"joint_vel": [[1.0, 0.5], [-2.0, 0.9], [9.0, -1.2]], "soft_joint_vel_limits": [[2.0, 1.0]] * 3},
        [0.0, 0.2, 1.3],
        {"soft_ratio": 0.9},
    ),
    # The same, but 9 is 7.2 above 1.8; then joint 1 alone.
    Case(
        mdp.joint_overspeed,
        {"joint_vel": [[1.0, 0.5], [-2.0, 0.9], [9.0, -1.2]], "soft_joint_vel_limits": [[2.0, 1.0]] * 3},
        [0.0, 0.2, 7.5],
        {"soft_ratio": 0.9},
    ),
    Case(
        mdp.joint_overspeed,
        {"joint_vel": [[9.0, 0.5], [-2.0, -0.9], [9.0, -1.2]], "soft_joint_vel_limits": [[2.0, 1.0]] * 3},
        [0.0, 0.0, 0.3],
        {"soft_ratio": 0.9, "asset_cfg": SceneEntityCfg("robot", joint_ids=[1])},
    ),
    # 10 · 0.2 - 1 · 0.5 = 1.5, and 10 · -1 kept to -5: 2.25 + 25. At rest on target. Damping alone: 1 and -2.
    Case(
        mdp.joint_effort_l2,
        {
            "joint_pos": [[0.8, 2.0], [1.0, 1.0], [1.0, 1.0]],
            "joint_pos_target": [[1.0, 1.0]] * 3,
            "joint_vel": [[0.5, 0.0], [0.0, 0.0], [-1.0, 2.0]],
            "joint_stiffness": [[10.0, 10.0]] * 3,
            "joint_damping": [[1.0, 1.0]] * 3,
            "joint_effort_limits": [[5.0, 5.0]] * 3,
        },
        [27.25, 0.0, 5.0],
    ),
    # |1·2| + |-2·1| = 4 with joint 2 left out; braking costs as much as driving.
    Case(
        mdp.joint_power,
        {"applied_effort": [[1.0, -2.0, 3.0], [0.0, 0.0, 9.0], [2.0, -2.0, 0.0]], "joint_vel": [[2.0, 1.0, -1.0]] * 3},
        [4.0, 0.0, 6.0],
        {"asset_cfg": SceneEntityCfg("robot", joint_ids=[0, 1])},
    ),
]
OBSERVATIONS = [
    *(
        Case(
            term, {name: [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]}, [[3.0, 1.0], [6.0, 4.0], [9.0, 7.0]], of
        )
        for term, name, of in (
            (mdp.body_mass, "body_mass", {"asset_cfg": SceneEntityCfg("robot", body_ids=[2, 0])}),
            (mdp.joint_stiffness, "joint_stiffness", {"asset_cfg": SceneEntityCfg("robot", joint_ids=[2, 0])}),
            (mdp.joint_damping, "joint_damping", {"asset_cfg": SceneEntityCfg("robot", joint_ids=[2, 0])}),
            (mdp.joint_effort_limits, "joint_effort_limits", {"asset_cfg": SceneEntityCfg("robot", joint_ids=[2, 0])}),
        )
    ),
]
APART = {
    mdp.PotentialShaping: "test_shaping.py",
    mdp.JointAccL2: "test_rewards.py",
    mdp.physics_broken: "test_rewards.py",
    mdp.kept_velocity: "test_success.py",
    mdp.action_delay: "test_randomisation.py",
    mdp.ContactFriction: "test_randomisation.py",
}
