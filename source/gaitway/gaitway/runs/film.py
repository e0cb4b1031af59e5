"""Films of a policy or a recording, drawn on whatever there is: Newton's ray tracer needs neither display nor GPU."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw

from .policy import Player, Policy

WIDTH, HEIGHT = 640, 480
FOCAL_LENGTH, APERTURE = 24.0, 20.955  # mm; Isaac Lab's pinhole camera
GOAL_COLOR, ACTUAL_COLOR = (60, 200, 80), (70, 130, 240)
GROUND_COLOR = (0.53, 0.56, 0.61)


def add_camera(env_cfg: Any) -> None:
    """Put a camera into each environment of a config."""
    import isaaclab.sim as sim_utils
    from isaaclab.sensors import CameraCfg
    from isaaclab_newton.renderers import NewtonWarpRendererCfg

    env_cfg.scene.film_camera = CameraCfg(
        prim_path="{ENV_REGEX_NS}/FilmCamera",
        update_period=0.0,
        width=WIDTH,
        height=HEIGHT,
        data_types=["rgb"],
        renderer_cfg=NewtonWarpRendererCfg(enable_shadows=True),
        spawn=sim_utils.PinholeCameraCfg(
            focal_length=FOCAL_LENGTH, horizontal_aperture=APERTURE, clipping_range=(0.05, 50.0)
        ),
        update_latest_camera_pose=True,
    )


def _prepare(camera: Any) -> None:
    """Leave colliders out of pictures, and give generated ground the colour that flat ground has.

    Isaac Lab's ray casters have colliders in the tree of shapes that the camera looks into too. A height scanner sees
    the ground alone, which is visible.
    """
    from newton import GeoType

    backend = camera._renderer.backend
    model = backend.model
    model.bvh_build_shapes(backend.state_0)
    colors = model.shape_color.numpy()
    colors[model.shape_type.numpy() == GeoType.HFIELD] = GROUND_COLOR
    model.shape_color.assign(colors)


def write_film(env: Any, policy: Policy, path: Path, seconds: float) -> int:
    """Film the first environment while a policy acts.

    The camera stands where the task's viewer does and follows a robot that walks. What the command asks for is drawn
    in green.

    Args:
        env: The Gymnasium environment, whose config went through :func:`add_camera`.
        policy: The policy.
        path: The mp4 to write, whole or not at all.
        seconds: Length of the film.

    Returns:
        Frames written.
    """
    unwrapped = env.unwrapped
    camera = unwrapped.scene["film_camera"]
    _prepare(camera)
    fps = 1.0 / unwrapped.step_dt
    frames = max(round(seconds * fps), 1)
    player = Player(policy, unwrapped.num_envs, unwrapped.device)
    with _film_file(path, fps) as add_frame:
        obs, _ = env.reset()
        with torch.inference_mode():
            for _ in range(frames):
                eye, target = _viewpoint(unwrapped)
                camera.set_world_poses_from_view(eye, target)
                obs, _, terminated, truncated, _ = env.step(player.act(obs))
                player.forget(terminated | truncated)
                image = _picture(camera)
                _draw_command(image, unwrapped, eye[0], target[0])
                add_frame(image)
    return frames


def picture(env: Any, policy: Policy | None, seconds: float) -> Image.Image:
    """A picture of the first environment after a while.

    Args:
        env: The Gymnasium environment, whose config went through :func:`add_camera`.
        policy: Who acts; None for actions of zero.
        seconds: How long, in simulated time.
    """
    unwrapped = env.unwrapped
    camera = unwrapped.scene["film_camera"]
    _prepare(camera)
    player = Player(policy, unwrapped.num_envs, unwrapped.device) if policy else None
    obs, _ = env.reset()
    idle = torch.zeros(unwrapped.num_envs, unwrapped.action_manager.total_action_dim, device=unwrapped.device)
    with torch.inference_mode():
        for _ in range(max(round(seconds / unwrapped.step_dt), 1)):
            eye, target = _viewpoint(unwrapped)
            camera.set_world_poses_from_view(eye, target)
            obs, *_ = env.step(player.act(obs) if player else idle)
        image = _picture(camera)
        _draw_command(image, unwrapped, eye[0], target[0])
    return image


def write_film_of_states(env: Any, states: Iterable[str], path: Path, fps: float) -> int:
    """Film the first environment in states that are not simulated.

    Args:
        env: The Gymnasium environment, whose config went through :func:`add_camera`.
        states: Brings the environment into the next state whenever it is asked for an item, which is the line to
            write over that frame.
        path: The mp4 to write, whole or not at all.
        fps: Frames a second.

    Returns:
        Frames written.
    """
    unwrapped = env.unwrapped
    camera = unwrapped.scene["film_camera"]
    _prepare(camera)
    frames = 0
    with _film_file(path, fps) as add_frame, torch.inference_mode():
        for line in states:
            # A robot that is thrown up stays in the picture.
            lift = (_height(unwrapped) - 0.5).clamp(min=0.0)
            eye, target = (point + lift for point in _viewpoint(unwrapped))
            camera.set_world_poses_from_view(eye, target)
            camera.update(unwrapped.step_dt, force_recompute=True)
            image = _picture(camera)
            ImageDraw.Draw(image).text((10, 10), line, fill=(20, 20, 20), font_size=16)
            add_frame(image)
            frames += 1
    return frames


@contextlib.contextmanager
def _film_file(path: Path, fps: float) -> Iterator[Callable[[Image.Image], None]]:
    """Give a function that adds a frame to an mp4; the file appears, whole, when the block ends without an error."""
    import imageio_ffmpeg

    scratch = path.with_name(f".{path.stem}.{os.getpid()}.mp4")
    writer = imageio_ffmpeg.write_frames(
        str(scratch),
        (WIDTH, HEIGHT),
        fps=fps,
        codec="libx264",
        quality=7,
        macro_block_size=16,
        ffmpeg_log_level="error",
    )
    writer.send(None)
    try:
        yield lambda image: writer.send(np.ascontiguousarray(np.asarray(image)))
        writer.close()
        scratch.replace(path)
    finally:
        writer.close()
        scratch.unlink(missing_ok=True)


def _picture(camera: Any) -> Image.Image:
    return Image.fromarray(camera.data.output["rgb"].torch[0, ..., :3].cpu().numpy())


def _viewpoint(env: Any) -> tuple[torch.Tensor, torch.Tensor]:
    origin = env.scene["robot"].data.root_pos_w.torch.clone()
    origin[:, 2] = env.scene.env_origins[:, 2]
    viewer = env.cfg.viewer
    return origin + origin.new_tensor(viewer.eye), origin + origin.new_tensor(viewer.lookat)


def _height(env: Any) -> torch.Tensor:
    """Height of the roots above the environments' origins, as a vector. Shape is (num_envs, 3). Unit: m."""
    return (env.scene["robot"].data.root_pos_w.torch - env.scene.env_origins) * env.scene.env_origins.new_tensor(
        [0, 0, 1]
    )


class _Projector:
    """World points to pixels, as the pinhole camera sees them."""

    def __init__(self, eye: torch.Tensor, target: torch.Tensor):
        self.eye = eye
        forward = torch.nn.functional.normalize(target - eye, dim=0)
        right = torch.nn.functional.normalize(torch.linalg.cross(forward, forward.new_tensor([0.0, 0.0, 1.0])), dim=0)
        self.axes = torch.stack([right, torch.linalg.cross(forward, right), forward])
        self.focal = FOCAL_LENGTH / APERTURE * WIDTH

    def __call__(self, point: torch.Tensor) -> tuple[float, float]:
        x, y, depth = (self.axes @ (point - self.eye)).tolist()
        depth = max(depth, 1e-3)
        return WIDTH / 2 + self.focal * x / depth, HEIGHT / 2 + self.focal * y / depth


def _draw_command(image: Image.Image, env: Any, eye: torch.Tensor, target: torch.Tensor) -> None:
    pixel, draw = _Projector(eye, target), ImageDraw.Draw(image)
    for name in env.command_manager.active_terms:
        term = env.command_manager.get_term(name)
        if hasattr(term, "pose_command_w"):
            term._update_metrics()  # brings the goal into the world frame
            goal = term.pose_command_w[0, :3]
            what = "object" if hasattr(term, "object") else "hand"
            if what == "object":
                actual = term.object.data.root_pos_w.torch[0]
            else:
                actual = term.robot.data.body_pos_w.torch[0, term.body_idx]
            _dot(draw, pixel(goal), GOAL_COLOR, 9)
            _dot(draw, pixel(actual), ACTUAL_COLOR, 5)
            distance = 100 * torch.linalg.norm(goal - actual).item()
            draw.text((10, 10), f"goal (green) to {what} (blue): {distance:.1f} cm", fill=(20, 20, 20), font_size=16)
        elif hasattr(term, "vel_command_b"):
            data = term.robot.data
            base = data.root_pos_w.torch[0] + data.root_pos_w.torch.new_tensor([0.0, 0.0, 0.3])
            heading = data.heading_w.torch[0].item()
            wanted, moving = term.vel_command_b[0], data.root_lin_vel_b.torch[0]
            _arrow(draw, pixel, base, wanted[:2].tolist(), heading, GOAL_COLOR)
            _arrow(draw, pixel, base, moving[:2].tolist(), heading, ACTUAL_COLOR)
            vx, vy, wz = wanted.tolist()
            ax, ay = moving[:2].tolist()
            az = data.root_ang_vel_b.torch[0, 2].item()
            draw.text(
                (10, 10), f"told (green) {vx:+.2f} {vy:+.2f} m/s {wz:+.2f} rad/s", fill=(20, 20, 20), font_size=16
            )
            draw.text(
                (10, 30), f"does (blue)  {ax:+.2f} {ay:+.2f} m/s {az:+.2f} rad/s", fill=(20, 20, 20), font_size=16
            )


def _dot(draw: ImageDraw.ImageDraw, at: tuple[float, float], color: tuple[int, int, int], radius: int) -> None:
    x, y = at
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=color, width=3)


def _arrow(
    draw: ImageDraw.ImageDraw,
    pixel: _Projector,
    base: torch.Tensor,
    velocity: list[float],
    heading: float,
    color: tuple[int, int, int],
) -> None:
    cos, sin = math.cos(heading), math.sin(heading)
    vx, vy = velocity
    tip = base + base.new_tensor([cos * vx - sin * vy, sin * vx + cos * vy, 0.0]) * 0.5
    draw.line((*pixel(base), *pixel(tip)), fill=color, width=4)
    _dot(draw, pixel(tip), color, 3)
