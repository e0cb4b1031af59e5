"""Kills a training run again and again, at random moments, and resumes it each time.

    uv run python benchmarks/kill_test.py --kills 20

Prints a line a kill and exits with status 1 if the run was ever lost or damaged: afterwards every checkpoint must be
whole, none of the finished iterations before the newest checkpoint may be missing from the metrics, and the run must
finish and export.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gaitway.runs import Run


def gaitway(*words: str) -> subprocess.Popen[str]:
    """Start a command of ours in a process group of its own, so that all of it can be killed."""
    return subprocess.Popen(
        [sys.executable, "-m", "gaitway", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def main() -> None:
    """Kill, resume, look."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=45.0, help="kill within this many seconds of the start")
    args = parser.parse_args()
    draw = random.Random(args.seed)
    runs = Path(tempfile.mkdtemp(prefix="gaitway-kill-"))
    options = ["--runs", str(runs), "--num_envs", "16", "--iterations", "1000000", "--device", "cpu"]
    run: Run | None = None
    before = 0
    for kill in range(1, args.kills + 1):
        words = ["--resume", str(run.path), "--runs", str(runs)] if run else options
        process = gaitway("train", "--checkpoint_seconds", "0.2", *words)
        wait = draw.uniform(1.0, args.longest)
        try:
            output, _ = process.communicate(timeout=wait)
            sys.exit(f"kill {kill}: the run ended by itself, status {process.returncode}:\n{output}")
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        manifests = list(runs.glob("*/*/manifest.json"))
        if not manifests:
            print(f"kill {kill:2}: after {wait:4.1f} s, before there was a run", flush=True)
            continue
        run = Run.open(manifests[0].parent)
        iteration = check(run)
        print(f"kill {kill:2}: after {wait:4.1f} s, newest whole checkpoint after iteration {iteration}", flush=True)
        if iteration < before:
            sys.exit(f"kill {kill}: progress was lost, {before} -> {iteration}")
        before = iteration
    assert run is not None
    started = time.monotonic()
    for words in (
        ["train", "--resume", str(run.path), "--runs", str(runs), "--iterations", str(before + 3)],
        ["export", "--run", str(run.path), "--output", str(runs / "exported")],
    ):
        process = gaitway(*words)
        output, _ = process.communicate()
        if process.returncode:
            sys.exit(f"after the kills, {words[0]} failed:\n{output}")
    rows = [row["iteration"] for row in run.metrics()]
    if rows != list(range(1, before + 4)):
        sys.exit(f"the metrics have gaps or repetitions: {len(rows)} rows up to iteration {before + 3}")
    print(f"{args.kills} kills, none lost, none damaged; finished and exported in {time.monotonic() - started:.0f} s")


def check(run: Run) -> int:
    """The newest checkpoint must be whole, and nothing but whole ones may be there under their names."""
    damaged: list[str] = []
    folders = sorted(p for p in run.checkpoints.folder.glob("*") if p.name.isdigit() and not p.is_symlink())
    if not folders:
        return 0
    newest = run.checkpoints.newest(warn=damaged.append)
    if damaged or newest.path != folders[-1]:
        sys.exit(f"damaged: {damaged}")
    state = newest.load("cpu")
    last = run.checkpoints.folder / "last"
    # A kill between the two renames leaves the link one checkpoint behind; it must never point nowhere.
    if last.is_symlink() and not last.resolve().is_dir():
        sys.exit(f"{last} points nowhere")
    json.dumps(run.manifest)
    assert state["learner"]
    return newest.iteration


if __name__ == "__main__":
    main()
