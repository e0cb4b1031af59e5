"""Draw a picture of every task, with the policy that ships for it at work where there is one.

uv run python docs/make_pictures.py                        # those that are missing or show an older policy
uv run python docs/make_pictures.py Gaitway-Lift-Franka    # these, anew
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

FOLDER = Path(__file__).resolve().parent / "images/tasks"
SECONDS = 2.0
"""After which a picture is taken: long enough for a policy to be at work."""
POLICY = "gaitway.policy"
"""Key of the PNG's text that says which policy is shown."""


def shown_policy(task: str) -> str:
    """Which policy a picture is to show: a hash of the network that ships for a task, or ``none``."""
    from gaitway.export.contract import MODEL
    from gaitway.export.pretrained import find_pretrained, pretrained_tasks

    if task not in pretrained_tasks():
        return "none"
    return hashlib.sha256(find_pretrained(task).files[MODEL]).hexdigest()[:16]


def draw(task: str, seconds: float) -> None:
    """Draw one task; a process can hold one simulation."""
    from isaaclab_tasks.utils import resolve_task_config

    from gaitway.cli.session import simulation
    from gaitway.export.pretrained import find_pretrained, pretrained_tasks
    from gaitway.runs.film import add_camera, picture
    from gaitway.tasks import find_task

    task = find_task(task).id
    env_cfg, _ = resolve_task_config(f"{task}-Play", None, overrides=[])
    env_cfg.scene.num_envs = 1
    env_cfg.seed = 1
    add_camera(env_cfg)
    if getattr(env_cfg.scene, "terrain", None) is not None:
        show_stairs(env_cfg)
    policy = find_pretrained(task).policy() if task in pretrained_tasks() else None
    with simulation(f"{task}-Play", env_cfg) as env:
        image = picture(env, policy, seconds)
    FOLDER.mkdir(parents=True, exist_ok=True)
    said = PngInfo()
    said.add_text(POLICY, shown_policy(task))
    image.resize((480, 360)).quantize(128).save(FOLDER / f"{task}.png", optimize=True, pnginfo=said)


def is_current(task: str) -> bool:
    """Whether there is a picture, of the policy that ships now."""
    file = FOLDER / f"{task}.png"
    if not file.exists():
        return False
    with Image.open(file) as image:
        return image.info.get(POLICY) == shown_policy(task)


def show_stairs(env_cfg: Any) -> None:
    """Put the robot on top of steep stairs, and the camera where one sees them."""
    ground = env_cfg.scene.terrain.terrain_generator
    ground.sub_terrains = {"stairs_down": ground.sub_terrains["stairs_down"]}
    ground.num_rows, ground.num_cols, ground.difficulty_range = 1, 1, (0.8, 0.8)
    eye, lookat = env_cfg.viewer.eye, env_cfg.viewer.lookat
    env_cfg.viewer.eye = tuple(2.2 * edge for edge in eye)
    env_cfg.viewer.lookat = (lookat[0], lookat[1], 0.0)


def main() -> None:
    """Draw what is asked for, or what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.here:
        draw(args.tasks[0], args.seconds)
        return
    from gaitway.tasks import task_ids

    for task in args.tasks or [task for task in task_ids() if not is_current(task)]:
        command = [sys.executable, __file__, "--here", "--seconds", str(args.seconds), task]
        done = subprocess.run(command, capture_output=True, text=True)
        print(f"{task}: {'drawn' if done.returncode == 0 else done.stderr.strip().splitlines()[-1]}", flush=True)


if __name__ == "__main__":
    main()
