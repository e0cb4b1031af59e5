"""Steps a task with random actions and counts: environment steps a second.

    uv run python benchmarks/stepping.py --task Gaitway-Velocity-Flat-Go2 --physics newton_mjwarp --num_envs 64 256

Prints a line per number of environments, and with ``--json FILE`` writes an object per line; ``-`` is standard output.

Other benchmarks put the same measurement to other simulators: the process that steps calls ``serve``, the process that
compares calls ``alternate``. Importing this needs nothing but the standard library, so that an environment without
Gaitway can do it.

A process steps one number of environments. It resets, spreads the episodes over their length as RSL-RL does before it
learns, takes the steps of the warm-up, and then measures once each time it is asked. Actions are uniform in [-1, 1],
drawn beforehand from one seed, so every side gets the same ones.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

DRAWN = 64
"""Random actions that are drawn beforehand, and then taken in turn."""


def random_steps(env: Any, actions: Any, *, steps: int = 0, seconds: float = 0.0) -> dict[str, float]:
    """Step with random actions until both so many steps are done and so many seconds have passed.

    Args:
        env: The environment; its ``step`` returns Gymnasium's five, batched.
        actions: What to do, in turn. Shape is (drawn, num_envs, actions).
        steps: Least number of steps.
        seconds: Least wall time.
    """
    import torch

    _, num_envs, _ = actions.shape
    on_gpu = actions.device.type == "cuda"
    done, ended, busy, start = 0, 0, time.process_time(), time.perf_counter()
    with torch.inference_mode():
        while done < steps or time.perf_counter() - start < seconds:
            _, _, terminated, truncated, _ = env.step(actions[done % len(actions)])
            ended += int((terminated | truncated).sum())
            done += 1
        if on_gpu:
            torch.cuda.synchronize()
    wall = time.perf_counter() - start
    return {
        "steps": done,
        "seconds": wall,
        "env_steps_per_s": done * num_envs / wall,
        # A side that uses one core only can be run several times at once; one that uses all cannot.
        "cores": (time.process_time() - busy) / wall,
        "episodes_ended_per_env_step": ended / (done * num_envs),
    }


def peak_memory() -> float:
    """Most memory that this process ever held. Unit: MB."""
    # Not getrusage: what it says includes the process that this one was forked from.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1e3


@contextlib.contextmanager
def own_stdout() -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Keep standard output for JSON lines; what libraries print there goes to standard error."""
    sys.stdout.flush()
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def write(line: Mapping[str, Any]) -> None:
        print(json.dumps(line), file=lines, flush=True)

    with lines:
        yield write


def serve(
    open_env: Callable[[], contextlib.AbstractContextManager[Any]],
    *,
    warmup: int,
    seconds: float,
    facts: Callable[[Any], Mapping[str, Any]],
    state: Callable[[Any], Mapping[str, Any]] = lambda env: {},
) -> None:
    """Warm an environment up, say what it is, and then measure once for each line on standard input.

    Args:
        open_env: Makes the environment and closes it: a manager-based one, of Isaac Lab or built alike.
        warmup: Steps before anything is measured.
        seconds: Length of one measurement.
        facts: What to say of the environment once it is warm.
        state: What to say of it after each measurement, outside the time that counts.
    """
    import torch

    with own_stdout() as write, open_env() as env:
        inner = env.unwrapped
        shape = (DRAWN, inner.num_envs, inner.action_manager.total_action_dim)
        actions = (2 * torch.rand(shape, generator=torch.Generator().manual_seed(0)) - 1).to(inner.device)
        with torch.inference_mode():
            env.reset()
            inner.episode_length_buf = torch.randint_like(inner.episode_length_buf, high=int(inner.max_episode_length))
        random_steps(env, actions, steps=warmup)
        write({"torch": torch.__version__, "threads": torch.get_num_threads(), **facts(env)})
        for _ in sys.stdin:
            measured = random_steps(env, actions, steps=1, seconds=seconds)
            write({**measured, **state(env), "peak_memory_mb": peak_memory()})


class Side:
    """A process that calls ``serve``, as seen from the one that compares."""

    def __init__(self, name: str, command: Sequence[str]):
        """Start it and wait until it is warm.

        Raises:
            RuntimeError: It ended instead; the message ends with what it printed last.
        """
        self.name = name
        # As the command line does: torch's idle threads would keep the cores from the simulator.
        env = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
        self._log = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 (close() closes it)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True, env=env
        )
        self.facts = self._read()
        self.repeats: list[dict[str, Any]] = []

    def measure(self) -> None:
        """Let it measure once."""
        assert self._process.stdin
        self._process.stdin.write("measure\n")
        self._process.stdin.flush()
        self.repeats.append(self._read())

    def close(self) -> None:
        """Let it end; a process that will not is stopped."""
        assert self._process.stdin
        assert self._process.stdout
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout
        if line := self._process.stdout.readline():
            return json.loads(line)
        code = self._process.wait()
        self._log.seek(0)
        tail = "".join(self._log.readlines()[-15:])
        self.close()
        raise RuntimeError(f"{self.name} ended with status {code}:\n{tail}")

    def result(self) -> dict[str, Any]:
        """The best of its measurements, and all of them."""
        best = max(self.repeats, key=lambda repeat: repeat["env_steps_per_s"])
        return {
            **self.facts,
            **best,
            "peak_memory_mb": self.repeats[-1]["peak_memory_mb"],
            "repeats": [repeat["env_steps_per_s"] for repeat in self.repeats],
        }


def alternate(commands: Mapping[str, Sequence[str]], repeats: int) -> dict[str, dict[str, Any]]:
    """Start a process a side, let them measure in turn, and return the result of each.

    Other work on the machine comes and goes; taking turns, all sides meet about the same of it. While one measures the
    others wait for a line and use no processor. Who begins is drawn anew in each round.
    """
    sides: list[Side] = []
    order = random.Random(0)
    try:
        for name, command in commands.items():
            sides.append(Side(name, command))
        for _ in range(repeats):
            for side in order.sample(sides, len(sides)):
                side.measure()
        return {side.name: side.result() for side in sides}
    finally:
        for side in sides:
            side.close()


def command_for(
    task: str, physics: str, num_envs: int, args: argparse.Namespace, overrides: Sequence[str] = ()
) -> list[str]:
    """The command of a process that steps a task of ours; see ``add_protocol`` for ``args``."""
    words = ["--serve", "--task", task, "--physics", physics, "--num_envs", num_envs, "--device", args.device]
    words += ["--seconds", args.seconds, "--warmup", args.warmup, *overrides]
    return [sys.executable, str(Path(__file__).resolve()), *map(str, words)]


def add_protocol(parser: argparse.ArgumentParser) -> None:
    """Add the options that all sides of a comparison share."""
    parser.add_argument("--num_envs", type=int, nargs="+", default=[16, 64, 256, 1024], help="how many; may be several")
    parser.add_argument("--device", default="cpu", help="where to simulate")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of one measurement")
    parser.add_argument("--repeats", type=int, default=3, help="measurements; the best counts")
    parser.add_argument("--warmup", type=int, default=25, help="steps before the first measurement")
    parser.add_argument("--json", metavar="FILE", help="write what was measured there; - is standard output")


@contextlib.contextmanager
def open_task(task: str, physics: str, num_envs: int, device: str, overrides: Sequence[str]) -> Iterator[Any]:
    """A task of ours as a Gymnasium environment."""
    import gymnasium as gym
    from isaaclab.app import launch_simulation
    from isaaclab_tasks.utils import resolve_task_config

    import gaitway.tasks  # noqa: F401

    cfg, _ = resolve_task_config(task, None, overrides=[f"physics={physics}", *overrides])
    cfg.scene.num_envs = num_envs
    cfg.sim.device = device
    cfg.seed = 1
    with launch_simulation(cfg, {"visualizer": ["none"], "device": device}):
        env = gym.make(task, cfg=cfg)
        try:
            yield env
        finally:
            env.close()


def task_facts(env: Any) -> dict[str, Any]:
    """What a task of ours computes in a step."""
    from importlib.metadata import version

    inner = env.unwrapped
    return {
        "versions": {name: version(name) for name in ("gaitway", "isaaclab", "newton", "mujoco-warp", "warp-lang")},
        "dt": inner.physics_dt,
        "decimation": inner.cfg.decimation,
        "observations": {name: shape[-1] for name, shape in inner.observation_manager.group_obs_dim.items()},
        "rewards": len(inner.reward_manager.active_terms),
    }


def main() -> None:
    """Measure one number of environments after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="Gaitway-Velocity-Flat-Go2", help="task id")
    parser.add_argument("--physics", default="newton_mjwarp", help="engine")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("overrides", nargs="*", help="settings of the environment, as env.KEY=VALUE")
    add_protocol(parser)
    args = parser.parse_intermixed_args()
    if args.serve:
        serve(
            lambda: open_task(args.task, args.physics, args.num_envs[0], args.device, args.overrides),
            warmup=args.warmup,
            seconds=args.seconds,
            facts=task_facts,
        )
        return
    lines = []
    for num_envs in args.num_envs:
        command = command_for(args.task, args.physics, num_envs, args, args.overrides)
        found = alternate({args.physics: command}, args.repeats)[args.physics]
        lines.append(json.dumps({"task": args.task, "physics": args.physics, "num_envs": num_envs, **found}))
        if args.json == "-":
            print(lines[-1], flush=True)
        else:
            rate, memory = found["env_steps_per_s"], found["peak_memory_mb"]
            print(f"{num_envs:6d} environments {rate:12,.0f} env-steps/s {memory:8,.0f} MB", flush=True)
    if args.json and args.json != "-":
        Path(args.json).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
