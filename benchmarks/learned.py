"""What was learned: trains tasks with several seeds, judges them on every engine, and keeps what came of it.

    python benchmarks/learned.py train --task Gaitway-Reach-Franka --seeds 1 2 3
    python benchmarks/learned.py adopt runs/Gaitway-Reach-Franka/2026-11-21_21-45-18_rsl_rl_sac
    python benchmarks/learned.py draw

``train`` takes the agent and the size that ``gaitway train`` takes on this machine, unless told otherwise; ``adopt``
judges runs that are there already. Both write to ``docs/learned.json``, of which ``docs/make_tables.py`` makes the
tables and ``draw`` the curves. Curves are of the training itself, with its noise and randomisation; the figures at the
end are without. ``--keep`` puts the policy into the package, for ``gaitway play --pretrained TASK``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NOTES = ROOT / "docs/learned.json"
CURVES = ROOT / "docs/images/tasks"
ENGINES = ("mujoco_cpu", "newton_mjwarp", "ovphysx")
POINTS = 60
"""Of a curve that is kept."""


def call(*words: str) -> dict[str, Any]:
    """Run a command of gaitway with ``--json``."""
    command = [sys.executable, "-m", "gaitway", *words, "--json"]
    print(*command[3:], flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(f"gaitway {' '.join(words)} failed")
    return json.loads(done.stdout.splitlines()[-1])


def fingerprint_of(task: str, overrides: list[str]) -> str:
    """Of the task as it is now."""
    code = (
        "import sys; from isaaclab_tasks.utils import resolve_task_config; import gaitway.tasks;"
        "from gaitway.export.changes import fingerprint;"
        "print(fingerprint(resolve_task_config(sys.argv[1], None, overrides=['physics=mujoco_cpu', *sys.argv[2:]])[0]))"
    )
    words = [word for word in overrides if not word.startswith("agent.")]
    done = subprocess.run([sys.executable, "-c", code, task, *words], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()[-1]


def changed(run: Path, task: str) -> list[str]:
    """Settings of a task that are not what they were in a run."""
    code = (
        "import json, sys, pathlib; from gaitway.cli.session import resolve_configs;"
        "from gaitway.export.changes import changed_settings; from gaitway.tasks import find_task;"
        "info = find_task(sys.argv[2]); key = info.recipe_key(sys.argv[3]);"
        "cfg = resolve_configs(info.id, key, sys.argv[4:])[0];"
        "print(json.dumps(changed_settings(pathlib.Path(sys.argv[1]) / 'env.yaml', cfg)))"
    )
    manifest = json.loads((run / "manifest.json").read_text())
    words = [str(run), task, manifest["agent"], *manifest["options"]["overrides"]]
    done = subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def curve_of(run: Path) -> list[list[float | None]]:
    """Steps, minutes, success and return at even distances: means over as many stretches."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    size = max(len(rows) // POINTS, 1)
    points: list[list[float | None]] = []
    for begin in range(0, len(rows), size):
        part = rows[begin : begin + size]
        known = {key: [row[key] for row in part if row.get(key) is not None] for key in ("success_rate", "return_mean")}
        means = [round(sum(values) / len(values), 4) if values else None for values in known.values()]
        points.append([part[-1]["step"], round(part[-1]["seconds"] / 60, 2), *means])
    return points


def note(run: Path, episodes: int, engines: list[str]) -> dict[str, Any]:
    """Judge a run and keep what is known of it."""
    manifest = json.loads((run / "manifest.json").read_text())
    task, options = manifest["task"], manifest["options"]
    if differ := changed(run, task):
        raise SystemExit(f"{run}: the task is another now ({', '.join(differ[:5])}); train it anew.")
    curve = curve_of(run)
    entry: dict[str, Any] = {
        "task": task,
        "agent": manifest["agent"],
        "seed": options["seed"],
        "task_fingerprint": fingerprint_of(task, options["overrides"]),
        "num_envs": options["num_envs"],
        "overrides": options["overrides"],
        "device": options["device"],
        "cpu_cores": manifest["machine"]["cpu_cores"],
        "cpu_instructions": manifest["machine"].get("cpu_instructions"),
        "gpu": manifest["machine"]["gpu"],
        "steps": curve[-1][0],
        "minutes": curve[-1][1],
        "judged": {},
        "curve": curve,
    }
    for engine in engines:
        found = call("evaluate", "--run", str(run), "--episodes", str(episodes), f"physics={engine}")
        keys = ("episodes", "success_rate", "success_low", "success_high", "return_mean")
        entry["judged"][engine] = {key: found[key] for key in keys}
    save(entry)
    print(json.dumps(entry | {"curve": "..."}))
    return entry


def load() -> list[dict[str, Any]]:
    """All that is kept."""
    return json.loads(NOTES.read_text()) if NOTES.exists() else []


def save(entry: dict[str, Any]) -> None:
    """Keep an entry in the place of an older one of the same task, agent and seed."""
    import filelock

    def key(row: dict[str, Any]) -> tuple:
        return row["task"], row["agent"], row["seed"]

    with filelock.FileLock(f"{NOTES}.lock"):
        rows = [row for row in load() if key(row) != key(entry)]
        text = ",\n".join(json.dumps(row) for row in sorted([*rows, entry], key=key))
        scratch = NOTES.with_suffix(".new")
        scratch.write_text(f"[\n{text}\n]\n")
        scratch.replace(NOTES)
    Path(f"{NOTES}.lock").unlink(missing_ok=True)


def draw() -> None:
    """A picture for every task: success over steps, a line a seed, and under it the return where all lines have it."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    CURVES.mkdir(parents=True, exist_ok=True)
    rows = load()
    for task in dict.fromkeys(row["task"] for row in rows):
        ours = [row for row in rows if row["task"] == task]
        # Returns were not kept at first.
        panels = 2 if all(len(point) == 4 for row in ours for point in row["curve"]) else 1
        figure, axes = plt.subplots(panels, figsize=(6.0, 0.8 + 2.0 * panels), dpi=100, sharex=True, squeeze=False)
        agents = list(dict.fromkeys(row["agent"] for row in ours))
        for row in ours:
            color = f"C{agents.index(row['agent'])}"
            label = f"{row['agent']}, seed {row['seed']}, {row['minutes']:.0f} min"
            style = ("-", "--", ":", "-.")[row["seed"] % 4]
            for panel, number in zip(axes[:, 0], (2, 3), strict=False):
                points = [(point[0] / 1e6, point[number]) for point in row["curve"] if point[number] is not None]
                panel.plot(*zip(*points, strict=True), style, color=color, label=label)
        for panel, name in zip(axes[:, 0], ("success", "return"), strict=False):
            panel.set_ylabel(f"{name}, with exploration", fontsize=9)
        axes[-1, 0].set_xlabel("million steps of training")
        axes[0, 0].set_ylim(-0.02, 1.02)
        axes[-1, 0].legend(fontsize=8)
        axes[0, 0].set_title(task, fontsize=10)
        figure.tight_layout()
        figure.savefig(CURVES / f"{task}-curve.png")
        plt.close(figure)
        print(CURVES / f"{task}-curve.png")


def keep(run: Path) -> None:
    """Put a run's policy into the package."""
    code = "import sys; from gaitway.export.pretrained import keep; print(keep(*sys.argv[1:]))"
    subprocess.run([sys.executable, "-c", code, str(run)], check=True)


def main() -> None:
    """Train, judge, keep, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="train and judge")
    training.add_argument("--task", required=True)
    training.add_argument("--agent")
    training.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    training.add_argument("--minutes", type=float, help="instead of the task's own length")
    training.add_argument("--runs", type=Path, default=Path("runs/learned"))
    adopting = commands.add_parser("adopt", help="judge runs that are there")
    adopting.add_argument("run", type=Path, nargs="+")
    for part in (training, adopting):
        part.add_argument("--episodes", type=int, default=100)
        part.add_argument("--engines", nargs="+", default=list(ENGINES))
        part.add_argument("--keep", action="store_true", help="put the best policy into the package")
    commands.add_parser("draw", help="draw the curves")
    args = parser.parse_args()
    if args.command == "draw":
        draw()
        return
    found: dict[Path, dict[str, Any]] = {}
    if args.command == "adopt":
        found = {run: note(run, args.episodes, args.engines) for run in args.run}
    else:
        for seed in args.seeds:
            words = ["train", "--task", args.task, "--seed", str(seed), "--runs", str(args.runs)]
            words += ["--agent", args.agent] if args.agent else []
            words += ["--minutes", str(args.minutes)] if args.minutes else []
            run = Path(call(*words)["run"])
            found[run] = note(run, args.episodes, args.engines)
    if args.keep:
        keep(max(found, key=lambda run: min(row["success_rate"] for row in found[run]["judged"].values())))


if __name__ == "__main__":
    main()
