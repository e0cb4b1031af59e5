"""Short trainings of every agent on every engine that runs without a GPU: does the return rise?

    uv run python benchmarks/short_runs.py --minutes 3 --output docs/short_runs.md

Trains one after the other and writes a table: the return over the first and the last tenth of each run. The runs stay
in ``--runs``; one that is there already, finished, is not trained again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

TASKS = {"Gaitway-Velocity-Flat-Go2": 256, "Gaitway-Reach-Franka": 256}
AGENTS = ("rsl_rl_ppo", "skrl_ppo")
ENGINES = ("newton_mjwarp", "ovphysx")


def train(task: str, agent: str, engine: str, num_envs: int, minutes: float, runs: Path) -> Path:
    """Train once; return the run's folder."""
    done = runs / f"{task}_{agent}_{engine}.json"
    if not done.exists():
        command = [sys.executable, "-m", "gaitway", "train", "--task", task, "--agent", agent, "--runs", str(runs)]
        command += ["--num_envs", str(num_envs), "--minutes", str(minutes), "--device", "cpu", "--json"]
        print(*command[3:], f"physics={engine}", flush=True)
        output = subprocess.run([*command, f"physics={engine}"], check=True, stdout=subprocess.PIPE, text=True).stdout
        done.write_text(output.splitlines()[-1])
    return Path(json.loads(done.read_text())["run"])


def row(run: Path) -> dict[str, float]:
    """What a run's metrics say."""
    metrics = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    returns = [m["return_mean"] for m in metrics if m["return_mean"] is not None]
    lengths = [m["length_mean"] for m in metrics if m["length_mean"] is not None]
    tenth = max(len(returns) // 10, 1)
    return {
        "steps": metrics[-1]["step"],
        "speed": metrics[-1]["steps_per_second"],
        "first": statistics.mean(returns[:tenth]),
        "last": statistics.mean(returns[-tenth:]),
        "first_length": statistics.mean(lengths[:tenth]),
        "last_length": statistics.mean(lengths[-tenth:]),
        "success": metrics[-1]["success_rate"],
    }


def main() -> None:
    """Train all and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3.0, help="length of each run")
    parser.add_argument("--runs", type=Path, default=Path("runs/short"), help="folder of the runs")
    parser.add_argument("--output", type=Path, default=Path("docs/short_runs.md"), help="the table")
    args = parser.parse_args()
    lines = [
        "| Task | Agent | Engine | Steps | Return, first and last tenth | Rises | Episode, first and last tenth "
        "| Success at the end |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for task, num_envs in TASKS.items():
        for agent in AGENTS:
            for engine in ENGINES:
                found = row(train(task, agent, engine, num_envs, args.minutes, args.runs))
                cells = (
                    task,
                    agent,
                    engine,
                    f"{found['steps']:,}",
                    f"{found['first']:.2f}, {found['last']:.2f}",
                    "yes" if found["last"] > found["first"] else "no",
                    f"{found['first_length']:.0f}, {found['last_length']:.0f} steps",
                    f"{100 * found['success']:.0f} %",
                )
                lines.append(f"| {' | '.join(cells)} |")
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(
        "# Short runs\n\n"
        f"What `python benchmarks/short_runs.py --minutes {args.minutes:g}` measured: every agent on both engines that "
        f"need no GPU, {args.minutes:g} minutes of training each, 256 environments, with noise and randomisation. "
        "Returns and lengths are averages over recent whole episodes. Other work ran on the machine meanwhile, so the "
        "steps say nothing about the engines' speed; the runs are too short to learn the task.\n\n"
        + "\n".join(lines)
        + "\n"
    )
    print(args.output.read_text())


if __name__ == "__main__":
    main()
