"""``gaitway list`` and ``gaitway doctor``."""

from __future__ import annotations

import importlib.util
import os
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gaitway.errors import UsageError

from .terminal import library_output_to, print_json, show


def list_tasks(as_json: bool) -> None:
    """Show the tasks; the option is that of the command."""
    with library_output_to(Path(os.devnull), as_json=as_json):
        tasks = _describe_tasks()
    if as_json:
        print_json({"tasks": tasks})
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("What it is to do", "Engines", "Agents", show_lines=True)
    for task in tasks:
        table.add_row(
            f"{task['task']}\n{task['robot']}. {task['summary']}\nSuccess: {task['success']}",
            "\n".join(task["engines"]),
            "\n".join(task["agents"]),
        )
    Console().print(table)
    print("Each has a '-Play' variant without noise and randomisation. The first agent is the default.")


def _describe_tasks() -> list[dict[str, Any]]:
    from isaaclab_tasks.utils.preset_cli import enumerate_task_presets

    from gaitway.tasks import find_task, task_ids

    tasks = []
    for task_id in task_ids():
        info = find_task(task_id)
        presets = {target.value: names for target, names in (enumerate_task_presets(task_id) or {}).items()}
        tasks.append(
            {
                "task": info.id,
                "play": f"{info.id}-Play",
                "robot": info.robot,
                "summary": info.summary,
                "success": info.success,
                "engines": presets.get("physics", []),
                "agents": list(info.agents),
                "default_agent": {"cpu": info.default_agent("cpu"), "cuda": info.default_agent("cuda")},
            }
        )
    return tasks


def _package(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def examine(as_json: bool) -> None:
    """Say what this machine can do; the option is that of the command."""
    import torch

    from gaitway.robots.assets import cache_dir, robot_data_dir

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    try:
        robots: str | None = f"descriptions in {robot_data_dir()}"
    except (PackageNotFoundError, UsageError):
        # A machine that was set up from an offline pack has them converted.
        packed = sorted(folder.name for folder in cache_dir().glob("*-*") if folder.is_dir())
        robots = f"converted: {', '.join(packed)}" if packed else None
    disk = shutil.disk_usage(Path.cwd()).free / 1e9
    cache = cache_dir()
    probe = next(p for p in [cache, *cache.parents] if p.exists())
    checks: list[tuple[str, bool, str, str]] = [
        # name, works, what was found, what to do where it does not
        ("Train on a GPU", gpu is not None, gpu or "torch finds no CUDA device",
         "Not needed: all works on the CPU. With an NVIDIA GPU, install its driver (CUDA 13)."),
        ("Train on the CPU", True, f"{os.cpu_count()} cores", ""),
        ("Newton engine", _package("newton") is not None, f"newton {_package('newton')}", "Reinstall gaitway."),
        ("PhysX engine", _package("ovphysx") is not None, f"ovphysx {_package('ovphysx')}",
         "pip install 'isaaclab[ovphysx]'"),
        ("Isaac Sim", importlib.util.find_spec("isaacsim") is not None, "for physics=isaacsim_physx",
         "Not needed: physics=ovphysx is PhysX without it."),
        ("Robots", robots is not None, robots or "none", "Reinstall the package 'example-robot-data'."),
        ("Robot cache", os.access(probe, os.W_OK), str(cache), "Set GAITWAY_CACHE to a folder that can be written."),
        ("Window viewer", bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")), "play --viewer newton",
         "No display here: use play --viewer viser (a web page) or --video FILE.mp4."),
        ("Web viewer", _package("viser") is not None, "play --viewer viser", "pip install viser"),
        ("Rerun viewer", _package("rerun-sdk") is not None, "play --viewer rerun", "pip install 'gaitway[rerun]'"),
        ("Film", _package("imageio-ffmpeg") is not None, "play --video FILE.mp4", "Reinstall gaitway."),
        ("Disk", disk > 1.0, f"{disk:.1f} GB free here", "Runs take some megabytes each; free at least 1 GB."),
    ]  # fmt: skip
    if as_json:
        print_json(
            {
                "gpu": gpu,
                "cpu_cores": os.cpu_count(),
                "versions": {n: _package(n) for n in ("gaitway", "isaaclab", "newton", "ovphysx", "torch", "skrl")},
                "checks": [
                    {"name": name, "ok": works, "found": found, "remedy": "" if works else remedy}
                    for name, works, found, remedy in checks
                ],
            }
        )
        return
    for name, works, found, remedy in checks:
        show(f"{'yes' if works else 'no ':3}  {name:18} {found}", as_json=False)
        if not works:
            show(f"     {'':18} {remedy}", as_json=False)
