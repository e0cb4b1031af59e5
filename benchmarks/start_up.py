"""Start-up: how long from the command to the end of the first environment step, for Gaitway and for stock Isaac Lab?

    uv run python benchmarks/start_up.py --repeats 3 --output docs/start_up.md

Runs whole commands, one after the other and in turns, so that other work on the machine meets all alike. A first run
of each fills the caches (robots, Warp kernels, bytecode) and does not count. Both sides are watched by the same means:
a ``sitecustomize`` on ``PYTHONPATH`` wraps ``ManagerBasedRLEnv.step`` of Isaac Lab; when the first call returns, it
writes down the time and ends the process. The clock starts before the process does. CPU seconds are those of the
command and all its children until then, which other work disturbs less.

Each is run with bytecode kept (Python's default: modules are compiled once) and with ``PYTHONDONTWRITEBYTECODE=1``, as
many container images set it. Gaitway then keeps it in a cache of its own.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TASKS = ("Gaitway-Reach-Position-Franka", "Gaitway-Velocity-Flat-Go2")
BYTECODE = {"kept": True, "not kept": False}
HOOK = '''
import importlib.util, os, sys, time

MODULE = "isaaclab.envs.manager_based_rl_env"


class Watch:
    """Finds one module, and wraps a method in it when it has been loaded."""

    def find_spec(self, name, path, target=None):
        if name != MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def load_and_wrap(module):
            load(module)
            step = module.ManagerBasedRLEnv.step

            def first_step(*args, **kwargs):
                step(*args, **kwargs)
                with open(os.environ["FIRST_STEP"], "w") as file:
                    file.write(repr(time.time()))
                os._exit(0)

            module.ManagerBasedRLEnv.step = first_step

        spec.loader.exec_module = load_and_wrap
        return spec


sys.meta_path.insert(0, Watch())
'''


def commands(task: str, num_envs: int) -> dict[str, list[str]]:
    """The commands to compare, by name."""
    size = ["--task", task, "--num_envs", str(num_envs), "--device", "cpu", "--max_iterations", "1"]
    programs = Path(sys.executable).parent
    return {
        "gaitway train": [str(programs / "gaitway"), "train", *size],
        # Stock leaves the agent on a GPU that need not be there.
        "isaaclab train": [str(programs / "isaaclab"), "train", "--rl_library", "rsl_rl", *size, "agent.device=cpu"],
    }


def start(command: list[str], folder: Path, bytecode: bool) -> tuple[float, float]:
    """Run a command until its first step has been taken.

    Args:
        command: The command.
        folder: Where to run it; also holds the hook and the bytecode.
        bytecode: Whether compiled modules are kept.

    Returns:
        Wall and CPU seconds.
    """
    hook, mark = folder / "hook", folder / "first_step"
    hook.mkdir(exist_ok=True)
    (hook / "sitecustomize.py").write_text(HOOK)
    mark.unlink(missing_ok=True)
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")}
    env |= {"PYTHONPATH": str(hook), "FIRST_STEP": str(mark)}
    env |= {"PYTHONPYCACHEPREFIX": str(folder / "bytecode")} if bytecode else {"PYTHONDONTWRITEBYTECODE": "1"}
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
    done = subprocess.run(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if not mark.exists():
        raise SystemExit(f"{' '.join(command)} took no step (status {done.returncode}):\n{done.stdout[-2000:]}")
    return float(mark.read_text()) - begin, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(tasks: list[str], num_envs: int, repeats: int, folder: Path) -> list[str]:
    """Run all in turns; return the table's lines."""
    lines = ["| Task | Command | Bytecode | Seconds, median (range) | CPU seconds, median |", "|---|---|---|---|---|"]
    for task in tasks:
        found: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for turn in range(repeats + 1):
            for name, command in commands(task, num_envs).items():
                for kept, bytecode in BYTECODE.items():
                    wall, cpu = start(command, folder, bytecode)
                    print(f"{task}, {name}, bytecode {kept}, turn {turn}: {wall:.1f} s, CPU {cpu:.1f} s", flush=True)
                    if turn > 0:
                        found.setdefault((name, kept), []).append((wall, cpu))
        for (name, kept), runs in found.items():
            walls, cpus = [wall for wall, _ in runs], [cpu for _, cpu in runs]
            spread = f"{statistics.median(walls):.1f} ({min(walls):.1f} to {max(walls):.1f})"
            lines.append(f"| {task} | `{name}` | {kept} | {spread} | {statistics.median(cpus):.1f} |")
    return lines


def main() -> None:
    """Measure all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), help="what to start")
    parser.add_argument("--num_envs", type=int, default=64, help="parallel environments")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each that count")
    parser.add_argument("--output", type=Path, help="also write the table here")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines = measure(args.tasks, args.num_envs, args.repeats, Path(folder))
    text = (
        "# Start-up\n\n"
        f"What `python benchmarks/start_up.py --num_envs {args.num_envs} --repeats {args.repeats}` measured on "
        f"{os.cpu_count()} CPU cores: seconds from the command to the end of the first environment step, caches warm. "
        "Bytecode is kept by default; not kept is `PYTHONDONTWRITEBYTECODE=1`, as many container images set it, with "
        "packages that were not compiled when they were installed; Gaitway then keeps it in a cache of its own.\n\n"
        + "\n".join(lines)
        + "\n"
    )
    print(text)
    if args.output:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(text)


if __name__ == "__main__":
    main()
