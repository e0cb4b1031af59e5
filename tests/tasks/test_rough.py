"""Rough ground: what it is made of, and that robots see it, stand on it and are sent where they belong."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from isaaclab.utils.math import euler_xyz_from_quat, quat_from_euler_xyz
from isaaclab_tasks.utils.preset_cli import enumerate_task_presets

from gaitway.tasks.locomotion.velocity.terrain import ROUGH_TERRAIN_CFG, HeightFieldTerrainGenerator

TASK = "Gaitway-Velocity-Rough-Go2"
NUM_ENVS, ROWS = 20, 3
CELL, TILE = 0.1, 80  # m, and cells a tile
# PhysX collides with the mesh, the others with a height field made of it. Isaac Sim is not here.
ENGINES = [
    name
    for target, names in (enumerate_task_presets(TASK) or {}).items()
    if target.value == "physics"
    for name in names
    if name not in ("default", "isaacsim_physx")
]


def generate(rows: int = ROWS) -> HeightFieldTerrainGenerator:
    """The task's ground."""
    cfg = copy.deepcopy(ROUGH_TERRAIN_CFG)
    cfg.num_rows = rows
    return HeightFieldTerrainGenerator(cfg)


class Heights:
    """Heights of the ground, taken from the vertices of the generator's mesh; none of what engines make of it."""

    def __init__(self, ground: HeightFieldTerrainGenerator):
        rows, cols = ground.cfg.num_rows, ground.cfg.num_cols
        vertices = torch.as_tensor(np.asarray(ground.terrain_mesh.vertices))
        self.origin = torch.tensor([-0.5 * rows * TILE * CELL, -0.5 * cols * TILE * CELL], dtype=vertices.dtype)
        at = ((vertices[:, :2] - self.origin) / CELL).round().long()
        inside = (at >= 0).all(dim=1) & (at <= torch.tensor([rows * TILE, cols * TILE])).all(dim=1)
        self.grid = torch.full((rows * TILE + 1, cols * TILE + 1), torch.nan, dtype=vertices.dtype)
        self.grid[at[inside, 0], at[inside, 1]] = vertices[inside, 2]
        assert bool(self.grid.isfinite().all())

    def __call__(self, xy: torch.Tensor, turned: bool = False) -> torch.Tensor:
        """Heights at points in the world.

        Each cell is two triangles, along its diagonal from low x, y to high; or, ``turned``, along the other.
        """
        at = (xy.double() - self.origin) / CELL
        i, j = at.floor().long().unbind(-1)
        fx, fy = (at - at.floor()).unbind(-1)
        low, east, north, high = self.grid[i, j], self.grid[i + 1, j], self.grid[i, j + 1], self.grid[i + 1, j + 1]
        if turned:
            below = low + fx * (east - low) + fy * (north - low)
            above = high + (1 - fx) * (north - high) + (1 - fy) * (east - high)
            return torch.where(fx + fy <= 1, below, above)
        below = low + fx * (east - low) + fy * (high - east)
        above = low + fy * (north - low) + fx * (high - north)
        return torch.where(fx >= fy, below, above)

    def tile(self, row: int, col: int) -> torch.Tensor:
        """Heights of a tile without its edges, above those. Shape is (cells, cells)."""
        inner = self.grid[row * TILE + 1 : (row + 1) * TILE, col * TILE + 1 : (col + 1) * TILE]
        return inner - self.grid[0, 0]


# -- the ground -------------------------------------------------------------------------------------


def test_the_ground_is_the_same_whatever_was_drawn_before() -> None:
    np.random.seed(7)
    first = generate(rows=1)
    after = np.random.get_state()
    np.random.seed(8)
    second = generate(rows=1)
    assert np.array_equal(first.terrain_mesh.vertices, second.terrain_mesh.vertices)
    np.random.seed(7)
    assert np.array_equal(after[1], np.random.get_state()[1])


def test_the_lowest_point_is_zero_and_lies_where_no_robot_goes() -> None:
    ground = generate()
    heights = Heights(ground)
    assert ground.terrain_mesh.vertices[:, 2].min() == pytest.approx(0.0, abs=1e-9)
    assert heights.grid.min() == pytest.approx(ground.cfg.rim_depth, abs=1e-9)
    # Robots begin on the ground, in the middle of the tiles.
    origins = torch.as_tensor(ground.terrain_origins)
    assert bool((origins[..., 2] - heights(origins[..., :2]) >= -1e-6).all())
    assert bool((origins[..., 2] - heights(origins[..., :2]) < 0.08).all())


def test_every_kind_of_ground_grows_harder_with_its_level() -> None:
    heights = Heights(generate(rows=10))
    spans = torch.tensor([[np.ptp(heights.tile(row, col).numpy()) for col in range(10)] for row in range(10)])
    assert bool((spans[9] > 2.5 * spans[0]).all()), spans
    # Chance within a level is smaller than the step to the level after the next.
    assert bool((spans[2:] > spans[:-2]).all()), spans


def test_treads_of_stairs_are_as_deep_as_the_config_says() -> None:
    ground = generate(rows=1)
    kinds = [kind for kind, cfg in ground.cfg.sub_terrains.items() for _ in range(round(10 * cfg.proportion))]
    for kind in ("stairs_up", "stairs_down"):
        side = Heights(ground).tile(0, kinds.index(kind))[:, TILE // 2]
        edges = (side.diff().abs() > 1e-6).nonzero().flatten()
        treads = edges.diff()
        platform = treads.argmax()
        assert set(treads[:platform].tolist()) == {3}


# -- robots on it -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def heights() -> Heights:
    """The ground of the environments below."""
    return Heights(generate())


@pytest.fixture(scope="module", params=ENGINES)
def env(request, open_env) -> Iterator[gym.Env]:
    """Two robots on each kind of ground."""

    def edit(cfg: Any) -> None:
        cfg.scene.terrain.terrain_generator.num_rows = ROWS
        cfg.scene.terrain.max_init_terrain_level = None
        cfg.events.without_randomisation()

    with open_env(TASK, request.param, NUM_ENVS, edit) as made:
        yield made


def act(env: gym.Env, scale: float, steps: int) -> None:
    """Move the joints at random, or stand."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        action = scale * torch.randn(env.action_space.shape, generator=generator)
        result = env.step(action.to(env.unwrapped.device))
    env.result = result


def place(env: gym.Env, positions: torch.Tensor, ids: torch.Tensor, yaw: torch.Tensor | None = None) -> None:
    """Put some robots somewhere, upright and at rest."""
    robot = env.unwrapped.scene["robot"]
    pose = robot.data.root_link_pose_w.torch[ids].clone()
    pose[:, :3] = positions.to(pose.device)
    level = torch.zeros(len(ids))
    pose[:, 3:] = quat_from_euler_xyz(level, level, level if yaw is None else yaw).to(pose.device)
    ids = ids.to(pose.device, torch.int32)
    robot.write_root_link_pose_to_sim_index(root_pose=pose, env_ids=ids)
    robot.write_root_com_velocity_to_sim_index(root_velocity=torch.zeros(len(ids), 6, device=pose.device), env_ids=ids)


def test_a_scan_is_the_ground_around_a_robot(env: gym.Env, heights: Heights) -> None:
    unwrapped = env.unwrapped
    with torch.inference_mode():
        env.reset()
        # Off the flat middle of the tiles, and turned.
        start = unwrapped.scene.env_origins.cpu() + torch.tensor([2.2, 0.7, 0.0])
        start[:, 2] = heights(start[:, :2]) + 0.5
        place(env, start, torch.arange(NUM_ENVS), yaw=torch.linspace(-3.0, 3.0, NUM_ENVS))
        act(env, scale=1.0, steps=15)
        scan = unwrapped.observation_manager.compute_group("critic")[:, -187:].cpu()
        data = unwrapped.scene["robot"].data
        pos, (_, pitch, yaw) = data.root_pos_w.torch.cpu(), euler_xyz_from_quat(data.root_quat_w.torch.cpu())
    # 17 points along x, then the next y.
    x, y = torch.meshgrid(torch.linspace(-0.8, 0.8, 17), torch.linspace(-0.5, 0.5, 11), indexing="xy")
    x, y = x.reshape(1, -1), y.reshape(1, -1)
    cos, sin = yaw.cos()[:, None], yaw.sin()[:, None]
    points = torch.stack([pos[:, :1] + cos * x - sin * y, pos[:, 1:2] + sin * x + cos * y], dim=-1)
    # Newton's rays see the cells of a height field divided along the other diagonal.
    expected, other = ((pos[:, 2:] - heights(points, turned) - 0.5).clamp(-1.0, 1.0) for turned in (False, True))
    assert torch.minimum((scan - expected).abs(), (scan - other).abs()).max() < 1e-4
    # It was not flat, and robots were tilted.
    assert int((expected.std(dim=1) > 0.05).sum()) >= 8
    assert torch.remainder(pitch + torch.pi, 2 * torch.pi).sub(torch.pi).abs().max() > 0.05


def test_the_policy_sees_the_same_with_noise(env: gym.Env) -> None:
    with torch.inference_mode():
        env.reset()
        manager = env.unwrapped.observation_manager
        noise = manager.compute_group("policy")[:, -187:] - manager.compute_group("critic")[:, -187:]
    assert 0.09 < noise.abs().max() <= 0.1 + 1e-6
    assert noise.mean().abs() < 0.01


def test_robots_stand_on_the_ground_that_they_see(env: gym.Env, heights: Heights) -> None:
    unwrapped = env.unwrapped
    robot = unwrapped.scene["robot"]
    feet, _ = robot.find_bodies(".*_foot")
    with torch.inference_mode():
        env.reset()
        act(env, scale=0.0, steps=60)
        # OvPhysX still gives the contacts of the episode before in the first step, and that may end it.
        assert bool((unwrapped.episode_length_buf >= 59).all()), "a standing robot fell"
        at = robot.data.body_pos_w.torch[:, feet].cpu()
    # A foot is a sphere of 22 mm. On an edge, the ground right below it may be lower.
    clearance = at[..., 2] - heights(at[..., :2])
    assert clearance.min() > 0.012
    assert clearance.median() == pytest.approx(0.022, abs=0.006)


def test_no_foot_begins_in_the_ground(env: gym.Env, heights: Heights) -> None:
    unwrapped = env.unwrapped
    robot = unwrapped.scene["robot"]
    feet, _ = robot.find_bodies(".*_foot")
    params = unwrapped.event_manager.get_term_cfg("reset_joints").params
    drawn = params["position_range"]
    try:
        # Legs are longest with the smallest angles.
        params["position_range"] = (drawn[0], drawn[0])
        with torch.inference_mode():
            env.reset()
            at = robot.data.body_pos_w.torch[:, feet].cpu()
    finally:
        params["position_range"] = drawn
    assert (at[..., 2] - heights(at[..., :2])).min() > 0.02


def test_who_gets_far_is_sent_to_harder_ground(env: gym.Env) -> None:
    unwrapped = env.unwrapped
    terrain = unwrapped.scene.terrain
    everyone = torch.arange(NUM_ENVS)
    with torch.inference_mode():
        env.reset()
        terrain.terrain_levels[:] = 1
        terrain.env_origins[:] = terrain.terrain_origins[1, terrain.terrain_types]
        command = unwrapped.command_manager.get_term("base_velocity")
        command.is_heading_env[:] = False
        command.is_standing_env[:] = False
        command.vel_command_b[:] = torch.tensor([1.0, 0.0, 0.0], device=unwrapped.device)
        # Envs 0-9 got 4.5 m far, the others stayed.
        goal = terrain.env_origins.clone().cpu()
        goal[:, 2] += 1.0
        goal[:10, 0] += 4.5
        place(env, goal, everyone)
        unwrapped.episode_length_buf[:] = unwrapped.max_episode_length - 1
        act(env, scale=0.0, steps=1)
        extras = env.result[-1]
        base = unwrapped.scene["robot"].data.root_pos_w.torch
        assert terrain.terrain_levels.tolist() == [2] * 10 + [0] * 10
        assert float(extras["log"]["Curriculum/terrain_levels"]) == pytest.approx(1.0)
        # That is where they are now.
        assert (
            base[:, :2] - terrain.terrain_origins[terrain.terrain_levels, terrain.terrain_types, :2]
        ).abs().max() < 1


def test_an_episode_ends_before_the_ground_does(env: gym.Env) -> None:
    unwrapped = env.unwrapped
    ground = unwrapped.scene.terrain.cfg.terrain_generator
    half = torch.tensor([ground.num_rows, ground.num_cols]) * 0.5 * TILE * CELL + ground.border_width
    with torch.inference_mode():
        env.reset()
        positions = unwrapped.scene.env_origins.clone().cpu()[:4]
        positions[:, :2] = torch.stack([half, -half, half, -half]) + torch.tensor(
            [[-0.9, -5.0], [5.0, 0.9], [-1.1, -5.0], [5.0, 1.1]]
        )
        positions[:, 2] = heights_of_border(unwrapped) + 0.34
        place(env, positions, torch.arange(4))
        act(env, scale=0.0, steps=1)
        _, _, terminated, truncated, _ = env.result
    assert truncated[:4].tolist() == [True, True, False, False]
    assert not terminated[:4].any()


def heights_of_border(env: Any) -> float:
    """Height of the flat border, which is that of the obstacles' platforms."""
    kinds = list(env.scene.terrain.cfg.terrain_generator.sub_terrains)
    return float(env.scene.terrain.terrain_origins[0, -2, 2]) if kinds[-2] == "obstacles" else float("nan")
