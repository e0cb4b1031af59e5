"""Which agent learns a task first? Trains agents side by side in turn and draws their curves.

    python benchmarks/learning.py --task Gaitway-Reach-Franka --agents rsl_rl_sac rsl_rl_ppo --minutes 8 --seeds 0 1 2
    python benchmarks/learning.py --task Gaitway-Velocity-Flat-Go2 --agents rsl_rl_sac rsl_rl_ppo --minutes 15 \\
        --threshold 0.25 --metric base_velocity/error_vel_xy

Each run has the machine to itself; curves are of the training itself, with the noise of exploration, of sensors and
randomisation; the policy at the end is judged without (``gaitway evaluate``). A run that is in ``--runs`` already is
not trained again. ``--num_envs`` and overrides (``agent.algorithm.n_step=1``) go to every run. Writes a table and a
picture next to it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

WINDOW = 20.0
"""Over which curves are averaged. Unit: s."""


def call(*words: str) -> dict[str, Any]:
    """Run a command of gaitway with ``--json``."""
    command = [sys.executable, "-m", "gaitway", *words, "--json"]
    print(*command[3:], flush=True)
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output.splitlines()[-1])


def run_of(args: argparse.Namespace, agent: str, seed: int) -> dict[str, Any]:
    """Train and judge once, or find what was found before."""
    note = args.runs / f"{args.task}_{agent}_{seed}.json"
    asked = [args.minutes, args.num_envs, args.episodes, *args.overrides]
    if note.exists() and json.loads(note.read_text())["asked"] != asked:
        raise SystemExit(f"{note} is of other settings; name another folder with --runs, or remove it.")
    if not note.exists():
        words = ["train", "--task", args.task, "--agent", agent, "--seed", str(seed), "--minutes", str(args.minutes)]
        words += ["--runs", str(args.runs), *args.overrides]
        if args.num_envs:
            words += ["--num_envs", str(args.num_envs)]
        trained = call(*words)
        judged = call("evaluate", "--run", trained["run"], "--episodes", str(args.episodes))
        note.write_text(json.dumps({"asked": asked, "train": trained, "evaluate": judged}))
    found = json.loads(note.read_text())
    metrics = Path(found["train"]["run"]) / "metrics.jsonl"
    return found | {"curve": [json.loads(line) for line in metrics.read_text().splitlines()]}


def series(args: argparse.Namespace, curve: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Seconds and the figure, where it is known."""
    name = f"Metrics/{args.metric}" if args.metric else "success_rate"
    points = [(row["seconds"], row[name]) for row in curve if row.get(name) is not None]
    if not points:
        raise SystemExit(f"No episode ended in {args.minutes:g} minutes; train longer.")
    seconds, values = np.array(points).T
    # A mean over the last seconds takes out what single episodes do; it begins when there is as much to average.
    window = np.searchsorted(seconds, seconds - WINDOW)
    total = np.concatenate(([0.0], np.cumsum(values)))
    ends = np.arange(1, len(values) + 1)
    whole = seconds >= WINDOW
    return seconds[whole], ((total[ends] - total[window]) / (ends - window))[whole]


def reached(args: argparse.Namespace, seconds: np.ndarray, values: np.ndarray) -> float:
    """Seconds until the threshold, or infinity."""
    good = values <= args.threshold if args.metric else values >= args.threshold
    return float(seconds[np.argmax(good)]) if good.any() else float("inf")


def minutes(seconds: float) -> str:
    """As one reads it."""
    return f"{seconds / 60:.1f}" if np.isfinite(seconds) else "not reached"


def draw(args: argparse.Namespace, curves: dict[str, list[tuple[np.ndarray, np.ndarray]]], path: Path) -> None:
    """Mean over the seeds, and a band from the least to the largest."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.0, 3.6), dpi=120)
    grid = np.linspace(0.0, 60.0 * args.minutes, 200)
    for (agent, found), color in zip(curves.items(), ("tab:blue", "tab:orange", "tab:green", "tab:red"), strict=False):
        rows = np.array([np.interp(grid, s, v, left=np.nan) for s, v in found])
        axes.plot(grid / 60, rows.mean(0), color=color, label=f"{agent}, {len(found)} seeds")
        axes.fill_between(grid / 60, rows.min(0), rows.max(0), color=color, alpha=0.2, lw=0)
    axes.axhline(args.threshold, color="black", lw=0.8, ls=":")
    axes.set_xlabel("minutes of training")
    axes.set_ylabel(args.metric or "success")
    axes.set_title(args.task)
    axes.set_ylim(bottom=0.0)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def main() -> None:
    """Train, judge, draw, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", required=True)
    parser.add_argument("--agents", nargs="+", default=["rsl_rl_sac", "rsl_rl_ppo"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--minutes", type=float, default=10.0, help="length of each run")
    parser.add_argument("--num_envs", type=int, help="instead of each agent's own")
    parser.add_argument("--metric", help="a logged metric that is to fall, instead of the success rate that is to rise")
    parser.add_argument("--threshold", type=float, default=0.9)
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--runs", type=Path, default=Path("runs/learning"))
    parser.add_argument("--output", type=Path, help="the table, as Markdown; the picture has its name")
    parser.add_argument("overrides", nargs="*")
    args = parser.parse_args()
    args.runs.mkdir(parents=True, exist_ok=True)
    output = args.output or args.runs / f"{args.task}.md"

    lines = [
        "| Agent | Seed | Environments | Steps | Steps/s | Updates/s | Memory | Minutes to threshold | Success, judged "
        "(95 % interval) | Metrics, judged |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    curves: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for seed in args.seeds:
        for agent in args.agents:
            found = run_of(args, agent, seed)
            seconds, values = series(args, found["curve"])
            curves.setdefault(agent, []).append((seconds, values))
            manifest = json.loads((Path(found["train"]["run"]) / "manifest.json").read_text())
            judged = found["evaluate"]
            updates = found["curve"][-1].get("Loss/updates")
            cells = (
                agent,
                seed,
                manifest["options"]["num_envs"],
                f"{found['train']['steps']:,}",
                f"{found['train']['steps_per_second']:,.0f}",
                f"{updates / found['train']['seconds']:.0f}" if updates else "",
                f"{found['train']['memory_gb']:.1f} GB" if "memory_gb" in found["train"] else "",
                minutes(reached(args, seconds, values)),
                f"{judged['success_rate']:.2f} ({judged['success_low']:.2f} to {judged['success_high']:.2f})",
                ", ".join(f"{name} {value:.3f}" for name, value in judged["metrics"].items()),
            )
            lines.append(f"| {' | '.join(map(str, cells))} |")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text("\n".join(lines) + "\n")
    draw(args, curves, output.with_suffix(".png"))
    print(output.read_text())


if __name__ == "__main__":
    main()
