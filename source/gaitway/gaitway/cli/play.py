"""``gaitway play``."""

from __future__ import annotations

import importlib.util
import itertools
import os
import time
from pathlib import Path
from typing import Any

from gaitway.errors import UsageError

from .evaluate import newest_policy, open_policy
from .session import check_count, engine_of, reporting, simulation

VISUALIZERS = {"newton": "newton_gl", "viser": "viser", "rerun": "rerun"}
VISER_PORT = 8080


def play(
    *,
    run: str,
    viewer: str | None,
    video: str | None,
    seconds: float | None,
    num_envs: int | None,
    device: str | None,
    seed: int,
    runs: str,
    verbose: bool,
    overrides: tuple[str, ...],
) -> None:
    """Watch a run's policy; the options are those of the command."""
    check_count("--num_envs", num_envs, 1)
    check_count("--seconds", seconds, 0.1)
    if viewer and video:
        raise UsageError("--viewer and --video exclude each other; give one of them.")
    display = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if not viewer and not video:
        viewer = "newton" if display else "viser"
    if viewer == "newton" and not display:
        raise UsageError("--viewer newton: there is no display here; use --viewer viser or --video FILE.mp4.")
    if viewer == "rerun" and importlib.util.find_spec("rerun") is None:
        raise UsageError("--viewer rerun: not installed; 'uv sync --extra rerun' or pip install 'gaitway[rerun]'.")
    if video and Path(video).suffix != ".mp4":
        raise UsageError(f"--video {video}: name a file that ends in .mp4.")
    if video and Path(video).exists():
        raise UsageError(f"--video {video}: exists; name another file or remove it.")
    if video and not Path(video).resolve().parent.is_dir():
        raise UsageError(f"--video {video}: its folder does not exist; make it first.")

    opened, env_cfg, agent_cfg, device = open_policy(run, runs, device, overrides)
    env_cfg.scene.num_envs = num_envs or (1 if video else 4)
    env_cfg.seed = seed
    if viewer:
        env_cfg.commands = _with_markers(env_cfg.commands)
    else:
        from gaitway.runs.film import add_camera

        add_camera(env_cfg)
    with reporting(None if verbose else opened.path / "play_log.txt", as_json=False) as console:
        checkpoint, policy = newest_policy(opened, agent_cfg, device, console.print)
        console.print(f"Playing {opened.path} after {checkpoint.step:,} steps, {engine_of(env_cfg)} ...")
        with simulation(f"{opened.task}-Play", env_cfg, viewer=VISUALIZERS[viewer] if viewer else None) as env:
            if video:
                from gaitway.runs.film import write_film

                length = seconds or 2 * env_cfg.episode_length_s
                frames = write_film(env, policy, Path(video), length)
                console.print(f"Wrote {video}: {frames} frames, {length:g} s.")
                return
            if viewer == "viser":
                console.print(f"Open http://localhost:{VISER_PORT} in a browser; Ctrl-C ends.")
            _loop(env, policy, seconds)


def _with_markers(commands: Any) -> Any:
    for term in vars(commands).values():
        if hasattr(term, "debug_vis"):
            term.debug_vis = True
    return commands


def _loop(env: Any, policy: Any, seconds: float | None) -> None:
    import torch

    step_dt = env.unwrapped.step_dt
    obs, _ = env.reset()
    begin = time.monotonic()
    with torch.inference_mode():
        for step in itertools.count(1):
            obs, *_ = env.step(policy(obs["policy"]))
            if seconds and step * step_dt >= seconds:
                return
            time.sleep(max(begin + step * step_dt - time.monotonic(), 0.0))
