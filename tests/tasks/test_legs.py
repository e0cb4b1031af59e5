"""Legged robots: the grip of their feet, and what is special to each robot's task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import pytest
import torch
from isaaclab.utils.math import quat_apply, yaw_quat

from gaitway.tasks.locomotion.velocity.velocity_env_cfg import EventsCfg

# -- grip -------------------------------------------------------------------------------------------


def feet_of(friction: float | None) -> Callable[[Any], None]:
    """An edit of a config: robots that begin in their default pose, on feet of a friction, or on what is nominal."""

    def edit(cfg: Any) -> None:
        cfg.events.reset_joints.params["position_range"] = (1.0, 1.0)
        if hasattr(cfg.scene, "terrain"):
            # One row of what is easiest.
            cfg.scene.terrain.terrain_generator.num_rows = 1
            cfg.scene.terrain.terrain_generator.difficulty_range = (0.0, 0.0)
        if friction is not None:
            cfg.events.foot_friction = EventsCfg().foot_friction
            for kind in ("static", "dynamic"):
                cfg.events.foot_friction.params[f"{kind}_friction_range"] = (friction, friction)

    return edit


def slide(env: gym.Env) -> torch.Tensor:
    """How far feet get on the average, of robots that stand and are kicked forwards at 0.5 m/s.

    Returns:
        Unit: m. Shape is (num_envs,).
    """
    unwrapped = env.unwrapped
    robot = unwrapped.scene["robot"]
    feet, _ = robot.find_bodies(".*(?i:foot)")
    stay = torch.zeros_like(unwrapped.action_manager.action)
    kick = torch.zeros(unwrapped.num_envs, 6, device=unwrapped.device)
    with torch.inference_mode():
        env.reset()
        for _ in range(25):
            env.step(stay)
        before = robot.data.body_pos_w.torch[:, feet, :2].clone()
        yaw = yaw_quat(robot.data.root_quat_w.torch)
        kick[:, :3] = quat_apply(yaw, torch.tensor([[0.5, 0.0, 0.0]], device=yaw.device).expand(len(yaw), 3))
        robot.write_root_com_velocity_to_sim_index(root_velocity=kick)
        for _ in range(15):
            env.step(stay)
        assert bool((unwrapped.episode_length_buf == 40).all()), "a robot fell"
        return (robot.data.body_pos_w.torch[:, feet, :2] - before).norm(dim=-1).mean(dim=-1).cpu()


@pytest.mark.parametrize(
    ("task", "engine"),
    [
        ("Gaitway-Velocity-Flat-AnymalC-Play", "mujoco_cpu"),
        ("Gaitway-Velocity-Flat-AnymalC-Play", "ovphysx"),
        ("Gaitway-Velocity-Rough-Go2-Play", "mujoco_cpu"),
        ("Gaitway-Velocity-Rough-Go2-Play", "ovphysx"),
    ],
)
def test_a_slippery_robot_slides_and_a_sticky_one_does_not(open_env: Any, task: str, engine: str) -> None:
    with open_env(task, engine, 4, feet_of(0.2)) as env:
        slippery = slide(env)
    with open_env(task, engine, 4, feet_of(None)) as env:
        sticky = slide(env)
    # A block would slide by v² / 2 μ g: 6 cm with a friction of 0.2, and 1 cm with that of 1 which is nominal.
    assert slippery.min() > 0.02
    assert slippery.min() > 2.0 * sticky.max()


@pytest.mark.parametrize("engine", ["mujoco_cpu", "newton_mjwarp", "ovphysx"])
def test_without_randomisation_all_engines_have_the_same_floor(open_env: Any, engine: str) -> None:
    with open_env("Gaitway-Velocity-Student-Go2-Play", engine, 2) as env, torch.inference_mode():
        env.reset()
        manager = env.unwrapped.observation_manager
        widths = [shape[0] for shape in manager.group_obs_term_dim["teacher"]]
        seen = dict(
            zip(manager.active_terms["teacher"], env.unwrapped.obs_buf["teacher"].split(widths, dim=-1), strict=True)
        )
        torch.testing.assert_close(seen["foot_friction"], torch.ones_like(seen["foot_friction"]))
        assert seen["foot_friction"].shape == (2, 4)


# -- G1 ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["mujoco_cpu", "ovphysx"])
def g1_env(request, open_env: Any) -> Iterator[gym.Env]:
    with open_env("Gaitway-Velocity-Flat-G1-Play", request.param, 2) as made:
        yield made


def test_g1_stands_on_its_feet_for_a_while_when_nothing_acts(g1_env: gym.Env) -> None:
    unwrapped = g1_env.unwrapped
    robot = unwrapped.scene["robot"]
    stay = torch.zeros_like(unwrapped.action_manager.action)
    with torch.inference_mode():
        g1_env.reset()
        for _ in range(40):
            observations, *_ = g1_env.step(stay)
    assert bool((unwrapped.episode_length_buf == 40).all()), "it fell within 0.8 s"
    assert observations["critic"][:, -2:].tolist() == [[1.0, 1.0]] * 2
    assert robot.data.root_pos_w.torch[:, 2].min() > 0.68


def test_an_episode_of_g1_ends_when_anything_but_a_foot_touches_the_ground(g1_env: gym.Env) -> None:
    unwrapped = g1_env.unwrapped
    robot = unwrapped.scene["robot"]
    names = unwrapped.scene.sensors["contact_forces"].body_names
    bodies = unwrapped.termination_manager.get_term_cfg("base_contact").params["sensor_cfg"].body_ids
    chosen = {names[i] for i in bodies}
    assert {"pelvis", "torso_link", "left_knee_link", "right_rubber_hand", "left_wrist_yaw_link"} <= chosen
    assert not {name for name in chosen if "ankle" in name}
    with torch.inference_mode():
        g1_env.reset()
        # One robot kneels: shanks level, knees on the ground.
        pose = robot.data.root_link_pose_w.torch.clone()
        joints = robot.data.default_joint_pos.torch.clone()
        for side in ("left", "right"):
            for part, angle in (("hip_pitch", 0.0), ("knee", 1.571), ("ankle_pitch", 0.5)):
                joints[1, robot.joint_names.index(f"{side}_{part}_joint")] = angle
        pose[1, 2] = 0.48
        robot.write_root_link_pose_to_sim_index(root_pose=pose)
        robot.write_joint_position_to_sim_index(position=joints)
        action = (joints - robot.data.default_joint_pos.torch) / unwrapped.action_manager.get_term("joint_pos")._scale
        terminated = torch.zeros(2, dtype=torch.bool)
        for _ in range(15):
            _, _, now, _, _ = g1_env.step(action)
            terminated |= now.cpu()
    assert terminated.tolist() == [False, True]
