"""Rewards and observations on numbers worked out by hand.

Three environments each. Poses: the base stands at (1, 2, 0) and looks along y, the goal is half a metre before it and
0.3 m above, so at (1, 2.5, 0.3) in the world. The hand is there; or 5 cm off and turned by 0.2 rad about the world's
x axis; or 10 cm too low.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from isaaclab.managers import RewardTermCfg, SceneEntityCfg

from gaitway import mdp
from gaitway.tasks.randomisation import variants

HALF = math.sqrt(0.5)
SIN, COS = math.sin(0.1) * HALF, math.cos(0.1) * HALF
HAND = SceneEntityCfg("robot", body_ids=[1])
LOST = [9.0, 9.0, 9.0]
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
FEET = SceneEntityCfg("contact_forces", body_ids=[2, 0])
SWING = {"command_name": "base_velocity", "sensor_cfg": FEET, "shortest": 0.05, "longest": 0.5}
WALK = {"command_name": "base_velocity", "std": 0.5}
TWIST = {
    "command": [[1.0, 0.5, 0.0], [1.0, 0.5, -0.5], [0.0, 0.0, 1.0]],
    # Errors of (0, 0), (0.3, 0.4) and (0, 0) in the plane, and of 0, 0.5 and 2 about z.
    "root_lin_vel_b": [[1.0, 0.5, 3.0], [0.7, 0.1, -0.5], [0.0, 0.0, 0.0]],
    "root_ang_vel_b": [[2.0, 1.0, 0.0], [0.3, -0.4, -1.0], [0.0, 0.0, -1.0]],
}


@dataclass(frozen=True)
class Case:
    """A term, what it is given, and what it must say."""

    term: Callable[..., torch.Tensor]
    tensors: dict[str, Any]
    expected: list[Any]
    params: dict[str, Any] = field(default_factory=dict)


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
    Case(mdp.is_alive, {"terminated": [False, True, False]}, [1.0, 0.0, 1.0]),
    Case(mdp.is_terminated, {"terminated": [False, True, False]}, [0.0, 1.0, 0.0]),
    Case(mdp.position_command_error, POSE, [0.0, 0.05, 0.1], TO_HAND),
    Case(mdp.orientation_command_error, POSE, [0.0, 0.2, 0.0], TO_HAND),
    # tanh(0.5) = 0.462117, tanh(1) = 0.761594
    Case(mdp.pose_error_tanh, POSE, [1.0, 0.537883, 0.238406], {**TO_HAND, "std": 0.1}),
    # The second hand is off in both: 0.537883 · 0.238406.
    Case(mdp.pose_error_tanh, POSE, [1.0, 0.128234, 0.238406], {**TO_HAND, "std": 0.1, "orientation_std": 0.2}),
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
    # |1·2| + |-2·1| = 4 with joint 2 left out; braking costs as much as driving.
    Case(
        mdp.joint_power,
        {"applied_effort": [[1.0, -2.0, 3.0], [0.0, 0.0, 9.0], [2.0, -2.0, 0.0]], "joint_vel": [[2.0, 1.0, -1.0]] * 3},
        [4.0, 0.0, 6.0],
        {"asset_cfg": SceneEntityCfg("robot", joint_ids=[0, 1])},
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
    # From hand to goal in the base frame, which is turned by 90°: the world's x is minus y there.
    Case(
        mdp.ee_pose_error,
        POSE,
        [[0.0] * 6, [-0.04, 0.03, 0.0, 0.0, 0.2, 0.0], [0.0, 0.0, 0.1, 0.0, 0.0, 0.0]],
        TO_HAND,
    ),
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
CASES = pytest.mark.parametrize("case", REWARDS + OBSERVATIONS, ids=lambda case: case.term.__name__)


def compute(case: Case, fake_env: Callable[..., Any], rows: list[int], device: str = "cpu") -> torch.Tensor:
    """The term's answer for some of the case's environments, in the order given."""
    tensors = {name: torch.tensor(values, device=device)[rows] for name, values in case.tensors.items()}
    return case.term(fake_env(**tensors), **case.params)


@CASES
def test_the_value_is_that_worked_out_by_hand(case: Case, fake_env) -> None:
    value = compute(case, fake_env, [0, 1, 2])
    torch.testing.assert_close(value, torch.tensor(case.expected), atol=1e-5, rtol=1e-5)


@CASES
def test_there_is_one_value_an_environment(case: Case, fake_env) -> None:
    value = compute(case, fake_env, [0, 1, 2])
    assert value.shape[0] == 3
    assert value.dtype == torch.float32
    if case in REWARDS:
        assert value.shape == (3,)
    else:
        assert value.ndim == 2


@CASES
def test_environments_do_not_see_each_other(case: Case, fake_env) -> None:
    value = compute(case, fake_env, [0, 1, 2])
    torch.testing.assert_close(compute(case, fake_env, [2, 0, 1]), value[[2, 0, 1]])
    torch.testing.assert_close(compute(case, fake_env, [1]), value[1:2])


def test_joint_accelerations_are_those_since_the_last_step(fake_env) -> None:
    env = fake_env(joint_vel=torch.tensor([[1.0, 2.0], [0.0, 0.0]]))
    joint_vel = env.scene["robot"].data.joint_vel
    term = mdp.JointAccL2(RewardTermCfg(func=mdp.JointAccL2, weight=1.0), env)
    # In 0.02 s by 0.02 and -0.04 rad/s, so at 1 and -2 rad/s²; the second robot by 0 and 0.06.
    joint_vel.torch = torch.tensor([[1.02, 1.96], [0.0, 0.06]])
    torch.testing.assert_close(term(env), torch.tensor([5.0, 9.0]), atol=1e-3, rtol=0.0)
    joint_vel.torch = torch.tensor([[-1.0, 0.0], [0.0, 0.08]])
    term.reset([0])
    torch.testing.assert_close(term(env), torch.tensor([0.0, 1.0]), atol=1e-3, rtol=0.0)


def test_a_state_that_is_not_finite_ends_the_episode(fake_env) -> None:
    nan, inf = float("nan"), float("inf")
    env = fake_env(
        joint_pos=torch.tensor([[0.0, 1.0], [nan, 0.0], [0.0, 0.0], [0.0, 0.0]]),
        joint_vel=torch.tensor([[9.0, -9.0], [0.0, 0.0], [0.0, inf], [0.0, 0.0]]),
        root_pos_w=torch.tensor([[1.0, 0.0, 0.0], [0.0] * 3, [0.0] * 3, [0.0, 0.0, -inf]]),
    )
    env.sim.physics_manager = None
    assert mdp.physics_broken(env).tolist() == [False, True, True, True]
    # An engine that marks them itself is believed.
    env.sim.physics_manager = SimpleNamespace(broken_envs=lambda: torch.tensor([True, False, False, False]))
    assert mdp.physics_broken(env).tolist() == [True, False, False, False]


def names(terms: Any) -> set[str]:
    """Functions by module and name: two may share the latter."""
    return {f"{term.__module__}.{term.__qualname__}" for term in terms}


def test_every_reward_of_a_task_is_tried_here(env_cfgs: dict[str, Any]) -> None:
    used = [term.func for cfg in env_cfgs.values() for term in vars(cfg.rewards).values() if hasattr(term, "weight")]
    assert len(names(used)) >= 14
    assert names(used) <= names(case.term for case in REWARDS) | names([mdp.JointAccL2])


# -- on the device ----------------------------------------------------------------------------------


def is_ours(term: Any) -> bool:
    return term.__module__.startswith("gaitway.") and not inspect.isclass(term)


OURS = [case for case in REWARDS + OBSERVATIONS if is_ours(case.term)]


@pytest.mark.parametrize("case", OURS, ids=lambda case: case.term.__name__)
def test_our_terms_never_wait_for_the_device(case: Case, fake_env) -> None:
    # Tensors on torch's meta device have no values: whoever asks for one, to decide or to copy it, fails.
    value = compute(case, fake_env, [0, 1, 2], device="meta")
    assert value.device.type == "meta"
    assert value.shape == torch.tensor(case.expected).shape


@pytest.mark.parametrize(
    "waits",
    [
        lambda x: x.sum().item(),
        lambda x: x if x.any() else -x,
        lambda x: x[x > 0],
        lambda x: (x > 0).nonzero(),
        lambda x: x.cpu(),
        lambda x: x.tolist(),
        lambda x: x.numpy(),
    ],
    ids=["item", "if", "mask", "nonzero", "cpu", "tolist", "numpy"],
)
def test_waiting_for_the_device_would_be_noticed(waits: Callable[[torch.Tensor], Any]) -> None:
    with pytest.raises((RuntimeError, NotImplementedError, TypeError)):
        waits(torch.ones(3, device="meta"))


def test_all_terms_of_ours_that_tasks_use_are_tried_here(env_cfgs: dict[str, Any]) -> None:
    used = []
    for cfg in env_cfgs.values():
        groups = [
            cfg.rewards,
            cfg.terminations,
            *(g for part in vars(cfg.observations).values() for g in variants(part)),
        ]
        used += [term.func for group in groups for term in vars(group).values() if hasattr(term, "func")]
    tried = {case.term for case in REWARDS + OBSERVATIONS}
    assert names(term for term in used if is_ours(term)) <= names(tried | {mdp.physics_broken, mdp.action_delay})
    shared = [term for term in vars(mdp).values() if inspect.isfunction(term) and is_ours(term)]
    apart = {
        mdp.reached,
        mdp.object_at_goal,
        mdp.kept_velocity,
        mdp.action_delay,  # in test_randomisation.py
        mdp.physics_broken,
    }  # all but the last in test_success.py
    assert names(shared) <= names(tried | apart)
