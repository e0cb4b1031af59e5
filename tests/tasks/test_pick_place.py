"""Pick and place: where places are drawn, what counts as placed, and what is paid on the way to it."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch

from gaitway.mdp.objects import object_goal_distance
from gaitway.tasks.manipulation.lift.lift_env_cfg import CUBE
from gaitway.tasks.manipulation.pick_place.mdp import PlaceCommand, apart

from .franka_script import CLOSE, OPEN, arms_that_obey, go, joints_for

DENSE, STAGED, SPARSE = (f"Gaitway-PickPlace-{variant}Franka" for variant in ("", "Staged-", "Sparse-"))
NUM_ENVS = 4
FROM, TO = (0.5, 0.0), (0.45, 0.15)
"""Where the cube begins in the script, and where it is to go. Unit: m."""


# -- on numbers at hand -------------------------------------------------------------------------------


def test_a_place_too_near_is_moved_along_y_towards_the_middle() -> None:
    # Within 10 cm of the cube is too near. The middle of y is at 0.1, its edges at -0.1 and 0.3.
    drawn_at_moved = [
        # 11 cm along y; 10.8 cm, but only 6 cm along y.
        ([0.50, 0.00], [0.50, 0.11], [0.50, 0.00]),
        ([0.41, 0.10], [0.50, 0.04], [0.41, 0.10]),
        # Too near; the cube is on this side of the middle, and on that.
        ([0.50, 0.05], [0.52, 0.04], [0.50, 0.25]),
        ([0.50, 0.25], [0.50, 0.28], [0.50, 0.05]),
        # The place is beyond the middle, the cube is not. There is no room for 20 cm.
        ([0.50, 0.12], [0.50, 0.06], [0.50, 0.30]),
    ]
    drawn, at, moved = (torch.tensor(column) for column in zip(*drawn_at_moved, strict=True))
    torch.testing.assert_close(apart(drawn, at, 0.1, (-0.1, 0.3)), moved)


def test_wherever_the_cube_is_a_place_is_apart_from_it_and_in_the_range() -> None:
    low, high = torch.tensor([0.4, -0.2]), torch.tensor([0.6, 0.2])
    drawn, at = (low + (high - low) * torch.rand(5000, 2) for _ in range(2))
    # As far as half of y's range allows.
    for least in (0.1, 0.2):
        place = apart(drawn, at, least, (-0.2, 0.2))
        assert (place - at).norm(dim=1).min() >= least - 1e-6
        assert place[:, 1].abs().max() <= 0.2
        assert torch.equal(place[:, 0], drawn[:, 0])


def place_command(fake_env, env_cfgs: dict[str, Any], pose: torch.Tensor) -> PlaceCommand:
    """The command for cubes of 4 cm at these poses. Bases stand at (1, 2, 0.5) and look along the world's y."""
    count = len(pose)
    env = fake_env(
        root_pos_w=torch.tensor([[1.0, 2.0, 0.5]] * count),
        root_quat_w=torch.tensor([[0.0, 0.0, math.sqrt(0.5), math.sqrt(0.5)]] * count),
        object_root_link_pose_w=pose,
        object_root_pos_w=pose[:, :3],
        object_root_quat_w=pose[:, 3:],
    )
    cfg = copy.deepcopy(env_cfgs[DENSE].commands.object_pose)
    cfg.half_size = (0.02, 0.02, 0.02)
    return PlaceCommand(cfg, env)


def test_places_are_apart_from_the_cube_as_the_base_sees_it(fake_env, env_cfgs) -> None:
    # At (0.5, -0.05) of the base, whose x is the world's y and whose y is against the world's x.
    command = place_command(fake_env, env_cfgs, torch.tensor([[1.05, 2.5, 0.52, 0.0, 0.0, 0.0, 1.0]] * 500))
    command.reset(None)
    place = command.command[:, :2]
    assert (place - torch.tensor([0.5, -0.05])).norm(dim=1).min() >= 0.1 - 1e-6
    assert 0.4 <= place[:, 0].min() < 0.42
    assert 0.58 < place[:, 0].max() <= 0.6
    assert -0.2 <= place[:, 1].min() < -0.18
    assert 0.18 < place[:, 1].max() <= 0.2


def test_a_cube_was_carried_once_its_lowest_corner_was_3_cm_up(fake_env, env_cfgs) -> None:
    flat, tipped = [0.0, 0.0, 0.0, 1.0], [math.sin(math.pi / 8), 0.0, 0.0, math.cos(math.pi / 8)]
    # The lowest corner is 2 cm below the middle; 2.8 cm below that of a cube on its edge. So 3.1, 2.9 and 2.7 cm up.
    pose = torch.tensor([[1.0, 2.5, 0.551, *flat], [1.0, 2.5, 0.549, *flat], [1.0, 2.5, 0.555, *tipped]])
    command = place_command(fake_env, env_cfgs, pose)
    command.pose_command_b[:, :3] = torch.tensor([0.5, 0.0, 0.02])
    command._update_metrics()
    assert command.carried.tolist() == [True, False, False]
    torch.testing.assert_close(command.metrics["position_error"], torch.tensor([0.031, 0.029, 0.035]))
    # Put down, it was carried all the same; higher, the last is as well.
    pose[:, 2] = torch.tensor([0.52, 0.52, 0.6])
    command._update_metrics()
    assert command.carried.tolist() == [True, False, True]
    # Another episode begins in the first environment alone.
    command.reset(torch.tensor([0]))
    assert command.carried.tolist() == [False, False, True]


# -- on the engines -----------------------------------------------------------------------------------


def to_the_place(cfg) -> None:
    """The script's place, and not where the cube begins."""
    arms_that_obey(cfg)
    ranges = cfg.commands.object_pose.ranges
    ranges.pos_x, ranges.pos_y = (TO[0], TO[0]), (TO[1], TO[1])


def success_of(env) -> list[bool]:
    """What the judge would say if the episodes ended now."""
    (term,) = env.unwrapped.curriculum_manager._term_cfgs
    return term.params["judge"](env.unwrapped, **term.params["params"]).tolist()


@pytest.mark.parametrize("engine", ["mujoco_cpu", "newton_mjwarp", "ovphysx"])
def test_a_place_is_on_the_ground_and_apart_from_the_cube(engine, open_env) -> None:
    with open_env(DENSE, engine, 64) as env, torch.inference_mode():
        unwrapped = env.unwrapped
        term, cube = unwrapped.command_manager.get_term("object_pose"), unwrapped.scene["object"].data
        for _ in range(3):
            env.reset()
            place = term.command[:, :3]
            at = cube.root_pos_w.torch - unwrapped.scene.env_origins
            assert (place - at)[:, :2].norm(dim=1).min() >= 0.1 - 1e-6
            assert (place[:, 0] - 0.5).abs().max() <= 0.1 + 1e-6
            assert place[:, 1].abs().max() <= 0.2 + 1e-6
            torch.testing.assert_close(place[:, 2], torch.full((64,), CUBE / 2, device=place.device))
            assert not term.carried.any()


@pytest.mark.parametrize("engine", ["mujoco_cpu", "ovphysx"])
def test_a_cube_is_placed_once_it_was_carried_is_down_and_is_let_go(engine, open_env) -> None:
    start, above, at = (joints_for(*FROM, height) for height in (0.15, 0.12, CUBE / 2))
    over, there, up = (joints_for(*TO, height) for height in (0.12, CUBE / 2 + 0.003, 0.15))
    with open_env(DENSE, engine, NUM_ENVS, to_the_place) as env, torch.inference_mode():
        env.reset()
        manager = env.unwrapped.reward_manager

        def rates() -> dict[str, float]:
            """What each term gives now, without its weight."""
            weights = [manager.get_term_cfg(name).weight for name in manager.active_terms]
            rows = zip(manager.active_terms, manager._step_reward.mean(dim=0).tolist(), weights, strict=True)
            return {name: value / weight for name, value, weight in rows}

        go(env, start, above, OPEN, 0.5)
        go(env, above, at, OPEN, 0.5)
        assert rates()["near_object"] > 0.85
        assert rates()["grasped"] == 0.0
        go(env, at, at, CLOSE, 0.5)
        held = rates()
        assert held["grasped"] == 1.0
        # On the ground and 15.8 cm away: 15.8 + 2 · 6 cm by way of the air.
        assert held["carry"] == pytest.approx(1.0 - math.tanh((math.hypot(0.05, 0.15) + 0.12) / 0.3), abs=0.02)
        go(env, at, above, CLOSE, 0.6)
        assert env.unwrapped.command_manager.get_term("object_pose").carried.all()
        go(env, above, over, CLOSE, 1.0)
        go(env, over, there, CLOSE, 0.6)
        assert success_of(env) == [False] * NUM_ENVS
        holding = {name: rates()[name] for name in ("carry", "carry_fine", "put_down")}
        assert holding["carry"] > 0.85
        assert holding["carry_fine"] > 0.65
        assert holding["put_down"] == 0.0
        pays = sum(go(env, there, there, CLOSE, 1.0).tolist())
        go(env, there, there, OPEN, 0.3)
        assert success_of(env) == [True] * NUM_ENVS
        assert rates()["put_down"] > 0.8
        assert sum(go(env, there, there, OPEN, 1.0).tolist()) > 1.2 * pays, "to let go pays more than to hold on"
        go(env, there, up, OPEN, 0.5)
        assert success_of(env) == [True] * NUM_ENVS
        # A cube that was never carried, on the same spot; one that was, 6 cm beside it; one in the air.
        command, cube = env.unwrapped.command_manager.get_term("object_pose"), env.unwrapped.scene["object"]
        command.carried[0] = False
        pose = cube.data.root_link_pose_w.torch.clone()
        pose[1, 0] += 0.06
        pose[2, 2] += 0.05
        cube.write_root_link_pose_to_sim_index(root_pose=pose)
        assert success_of(env) == [False, False, False, True]


def test_staged_rewards_are_paid_in_every_step_as_they_are_written(open_env) -> None:
    start, at, up = joints_for(*FROM, 0.15), joints_for(*FROM, CUBE / 2), joints_for(*TO, CUBE / 2 + 0.02)
    with open_env(STAGED, "mujoco_cpu", NUM_ENVS, to_the_place) as env, torch.inference_mode():
        env.reset()
        # The hand holds still, 15 cm above the ground: 12.75 cm above the cube; nothing is grasped.
        paid = go(env, start, start, OPEN, 1.0 / 30.0)
        torch.testing.assert_close(paid, torch.full_like(paid, -0.1 * 0.1275 - 0.1 * 1.0), atol=5e-4, rtol=0.0)
        go(env, start, at, OPEN, 0.8)
        go(env, at, at, CLOSE, 0.5)
        # Grasped: 0.5 a step, and the target is 15.8 cm away.
        paid = go(env, at, at, CLOSE, 1.0 / 30.0)
        expected = torch.full_like(paid, 0.5 - 0.1 * math.hypot(0.05, 0.15))
        torch.testing.assert_close(paid, expected, atol=2e-3, rtol=0.0)
        assert success_of(env) == [False] * NUM_ENVS
        go(env, at, up, CLOSE, 1.0)
        # In the hand, 2 cm above the place, within 5 cm.
        paid = go(env, up, up, CLOSE, 1.0 / 30.0)
        torch.testing.assert_close(paid, torch.full_like(paid, 10.0 + 0.5 - 0.1 * 0.02), atol=3e-3, rtol=0.0)
        assert success_of(env) == [True] * NUM_ENVS
        paid = go(env, up, up, OPEN, 0.5)
        assert go(env, up, up, OPEN, 1.0 / 30.0).max() < 0.0, "what is let go is paid for no more"
        goal = env.unwrapped.cfg.curriculum.success.params["params"]
        assert object_goal_distance(env.unwrapped, goal["command_name"]).max() < goal["position"]
        assert success_of(env) == [False] * NUM_ENVS, "there, but not in the hand"


def test_sparse_rewards_are_one_a_step_while_the_cube_is_placed(open_env) -> None:
    start = joints_for(*FROM, 0.15)
    with open_env(SPARSE, "mujoco_cpu", NUM_ENVS, to_the_place) as env, torch.inference_mode():
        unwrapped = env.unwrapped
        env.reset()
        assert go(env, start, start, OPEN, 0.1).tolist() == [0.0] * NUM_ENVS
        cube, command = unwrapped.scene["object"], unwrapped.command_manager.get_term("object_pose")
        pose = cube.data.root_link_pose_w.torch.clone()
        pose[:, :3] = unwrapped.scene.env_origins + torch.tensor([*TO, CUBE / 2], device=pose.device)
        cube.write_root_link_pose_to_sim_index(root_pose=pose)
        command.carried[1:] = True
        assert go(env, start, start, OPEN, 0.1).tolist() == pytest.approx([0.0, 3.0, 3.0, 3.0])
