"""``gaitway play``."""

from __future__ import annotations

import importlib.util
import itertools
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaitway.errors import UsageError

from .evaluate import open_actor
from .session import check_count, engine_of, reporting, simulation

if TYPE_CHECKING:
    from rich.console import Console

VISUALIZERS = {"newton": "newton_gl", "viser": "viser", "rerun": "rerun"}
VISER_PORT = 8080


def play(
    *,
    run: str | None,
    pretrained: str | None,
    replay: str | None,
    task: str | None,
    speed: float | None,
    viewer: str | None,
    video: str | None,
    seconds: float | None,
    num_envs: int | None,
    device: str | None,
    seed: int,
    runs: str,
    verbose: bool,
    as_json: bool,
    overrides: tuple[str, ...],
) -> None:
    """Watch a run's policy or a recording; the options are those of the command."""
    check_count("--num_envs", num_envs, 1)
    check_count("--seconds", seconds, 0.1)
    if (run or pretrained) and replay:
        option = "--run" if run else "--pretrained"
        raise UsageError(f"{option} and --replay exclude each other: a policy to act, or a recording to show.")
    _check_output(viewer, video)
    if replay:
        if num_envs:
            raise UsageError("--num_envs: a recording is of one environment; leave it out with --replay.")
        if seconds and not viewer:
            raise UsageError("--seconds: a recording has its own length; use --speed with --replay.")
        from .replay import replay as show_recording

        show_recording(
            replay,
            task=task,
            visualizer=VISUALIZERS[viewer] if viewer else None,
            video=video,
            speed=speed,
            seconds=seconds,
            device=device,
            seed=seed,
            verbose=verbose,
            as_json=as_json,
            overrides=overrides,
        )
        return
    if not run and not pretrained:
        raise UsageError(
            "Missing option '--run': name a run to watch its policy, a task to watch the one that ships with "
            "--pretrained, or a recording with --replay."
        )
    for option, value in (("--task", task), ("--speed", speed), ("--json", as_json or None)):
        if value is not None:
            raise UsageError(f"{option}: goes with --replay only; leave it out with a policy.")
    if not viewer and not video:
        viewer = "newton" if _has_display() else "viser"

    actor = open_actor(run, pretrained, runs, device, overrides)
    env_cfg = actor.env_cfg
    env_cfg.scene.num_envs = num_envs or (1 if video else 4)
    env_cfg.seed = seed
    if viewer:
        env_cfg.commands = _with_markers(env_cfg.commands)
    else:
        from gaitway.runs.film import add_camera

        add_camera(env_cfg)
    with reporting(None if verbose else actor.log("play_log.txt"), as_json=False) as console:
        step, policy = actor.load(console.print)
        console.print(f"Playing {actor.name} after {step:,} steps, {engine_of(env_cfg)} ...")
        with simulation(f"{actor.task}-Play", env_cfg, viewer=VISUALIZERS[viewer] if viewer else None) as env:
            if video:
                from gaitway.runs.film import write_film

                length = seconds or 2 * env_cfg.episode_length_s
                frames = write_film(env, policy, Path(video), length)
                console.print(f"Wrote {video}: {frames} frames, {length:g} s.")
                return
            if viewer == "viser":
                announce_page(console)
            _loop(env, policy, seconds)


def announce_page(console: Console) -> None:
    """Say where the page of the viewer ``viser`` is, and see to it that it shows something."""
    from newton.viewer import ViewerViser

    # Isaac Lab 3.0.0 still calls this on Newton's viewer; Newton 1.6 has it no more, and the page stays empty.
    if not hasattr(ViewerViser, "_to_numpy"):
        ViewerViser._to_numpy = staticmethod(_to_numpy)
    console.print(f"Open http://localhost:{VISER_PORT} in a browser; Ctrl-C ends.")


def _to_numpy(array: Any) -> Any:
    import numpy as np

    return array.numpy() if hasattr(array, "numpy") else None if array is None else np.asarray(array)


def _has_display() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _check_output(viewer: str | None, video: str | None) -> None:
    if viewer and video:
        raise UsageError("--viewer and --video exclude each other; give one of them.")
    if viewer == "newton" and not _has_display():
        raise UsageError("--viewer newton: there is no display here; use --viewer viser or --video FILE.mp4.")
    if viewer == "rerun" and importlib.util.find_spec("rerun") is None:
        raise UsageError("--viewer rerun: not installed; 'uv sync --extra rerun' or pip install 'gaitway[rerun]'.")
    if video and Path(video).suffix != ".mp4":
        raise UsageError(f"--video {video}: name a file that ends in .mp4.")
    if video and Path(video).exists():
        raise UsageError(f"--video {video}: exists; name another file or remove it.")
    if video and not Path(video).resolve().parent.is_dir():
        raise UsageError(f"--video {video}: its folder does not exist; make it first.")


def _with_markers(commands: Any) -> Any:
    for term in vars(commands).values():
        if hasattr(term, "debug_vis"):
            term.debug_vis = True
    return commands


def _loop(env: Any, policy: Any, seconds: float | None) -> None:
    import torch

    from gaitway.runs.policy import Player

    step_dt = env.unwrapped.step_dt
    player = Player(policy, env.unwrapped.num_envs, env.unwrapped.device)
    obs, _ = env.reset()
    begin = time.monotonic()
    with torch.inference_mode():
        for step in itertools.count(1):
            obs, _, terminated, truncated, _ = env.step(player.act(obs))
            player.forget(terminated | truncated)
            if seconds and step * step_dt >= seconds:
                return
            time.sleep(max(begin + step * step_dt - time.monotonic(), 0.0))
