"""The engines, each in a process of its own: no two simulators fit into one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from gaitway.errors import UsageError

from .schedule import Schedule
from .traces import Traces

PRESETS = {"newton": "newton_mjwarp", "physx": "ovphysx", "mujoco": None, "mujoco_cpu": "mujoco_cpu"}
"""Engines by the name that a user gives, and what Isaac Lab calls them (``physics=NAME``). ``mujoco`` is plain MuJoCo,
on a model made from the bundle's URDF: Isaac Lab has no part in it."""


@dataclass
class Outcome:
    """What an engine's process left behind."""

    engine: str
    traces: Traces | None
    """None if it failed."""
    error: str | None
    start_s: float
    """From the process's start to the first control step. Unit: s."""


def parse_engines(text: str) -> list[str]:
    """Read a list of engines with commas between.

    Raises:
        UsageError: One is unknown, or none is given.
    """
    names = list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    for name in names:
        check_engine(name, "--engines")
    if not names:
        raise UsageError(f"--engines '{text}': names no engine; there are {', '.join(PRESETS)}.")
    return names


def check_engine(name: str, option: str) -> None:
    """Refuse an engine that there is not.

    Raises:
        UsageError: There is no such engine.
    """
    if name not in PRESETS:
        raise UsageError(f"{option} {name}: no such engine; there are {', '.join(PRESETS)}.")


def run_engines(
    bundle: Path,
    engines: Sequence[str],
    schedule: Schedule,
    folder: Path,
    say: Callable[[str], None],
    *,
    safety: bool = True,
    verbose: bool = False,
) -> list[Outcome]:
    """Run the same episodes in each engine, two engines at a time.

    What an engine prints goes to ``ENGINE_log.txt``, what happened to ``ENGINE.npz`` in the folder. An engine that
    fails does not hold up the others.

    Args:
        bundle: The bundle's path.
        engines: Names, as in :data:`PRESETS`.
        schedule: The episodes.
        folder: Where traces and logs go.
        say: Called with lines of progress.
        safety: Whether the safety rules of the runtime are on.
        verbose: Leave what engines print on the terminal.
    """
    schedule.save(folder / "schedule.npz")

    def run(engine: str) -> Outcome:
        return _run_engine(bundle, engine, folder, say, [] if safety else ["--no-safety"], verbose=verbose)

    with ThreadPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        return list(pool.map(run, engines))


def _run_engine(
    bundle: Path, engine: str, folder: Path, say: Callable[[str], None], more: Sequence[str], *, verbose: bool
) -> Outcome:
    traces = folder / f"{engine}.npz"
    traces.unlink(missing_ok=True)
    begin, started = time.monotonic(), [0.0]

    def report(text: str, step: int) -> None:
        if step == 0:
            started[0] = time.monotonic() - begin
        say(f"{engine}: {text}")

    say(f"{engine}: starting ...")
    error = start_worker(bundle, engine, folder, traces, more, report, verbose=verbose)
    if error is None:
        return Outcome(engine, Traces.load(traces), None, started[0])
    return Outcome(engine, None, error, started[0])


def start_worker(
    bundle: Path,
    engine: str,
    folder: Path,
    output: Path,
    more: Sequence[str],
    report: Callable[[str, int], None],
    *,
    verbose: bool,
) -> str | None:
    """Run :mod:`.worker` on the schedule in a folder, and wait for it.

    Args:
        bundle: The bundle's path.
        engine: Name of the engine.
        folder: Has ``schedule.npz``, and gets ``ENGINE_log.txt``.
        output: What it is to write.
        more: Further words of its command line.
        report: Called with lines of progress and how far it is.
        verbose: Leave what the engine prints on the terminal.

    Returns:
        What went wrong, or None.
    """
    log = folder / f"{engine}_log.txt"
    command = [sys.executable, "-m", "gaitway.transfer.worker", "--bundle", str(bundle), "--engine", engine]
    command += ["--schedule", str(folder / "schedule.npz"), "--output", str(output), *more]
    error = ""
    with log.open("w", encoding="utf-8") as file:
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=None if verbose else file,
            stdin=subprocess.DEVNULL,
            text=True,
            env=_environment(),
        ) as process:
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    message = json.loads(line)
                    error = message.get("error", error)
                    if "step" in message:
                        report(_progress(message), message["step"])
            except BaseException:
                process.terminate()
                raise
    if process.returncode == 0 and output.exists():
        return None
    return f"{error or f'its process ended with status {process.returncode}'} (log: {log})"


def _progress(message: dict[str, float]) -> str:
    step, steps, seconds = message["step"], message["steps"], message["seconds"]
    if step == 0:
        return f"started, {message['episodes']:.0f} episodes"
    left = seconds / step * (steps - step)
    return f"{100 * step / steps:.0f} % after {seconds:.0f} s" + (f", {left:.0f} s to go" if left > 0.5 else "")


def _environment() -> dict[str, str]:
    """Of a process that starts as fast as this one: compiled modules are where ours are."""
    environment = dict(os.environ)
    if sys.pycache_prefix is not None:
        environment["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment
