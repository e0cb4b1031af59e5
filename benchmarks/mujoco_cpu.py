"""How fast native MuJoCo steps a task: against Isaac Lab's stock engine, and against the limit.

    uv run python benchmarks/mujoco_cpu.py --json mujoco_cpu.json --chart mujoco_cpu.png

The sides take turns, each in a process of its own, for each number of environments:

- ``mujoco_cpu``: the task on native MuJoCo; with the share of the step that is not physics;
- ``newton_mjwarp``: the same task on Isaac Lab's Newton engine, MuJoCo-Warp on the CPU;
- ``limit``: MuJoCo alone, without Isaac Lab. ``mujoco.rollout`` steps the same model on all cores, from states and
  under controls recorded from the task, with the same substeps. The same work is also given to ``mj_step`` in a pool of
  Python threads with one ``MjData`` a world, and to the engine's own loop.

Ratios are those of each side's best number of environments. See ``stepping.py`` for how one side is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from stepping import add_protocol, alternate, command_for, open_task, own_stdout, peak_memory, serve, task_facts

TASK = "Gaitway-Velocity-Flat-Go2"
RECORDED = 16
"""Steps of the task whose states and controls the limit is measured on, in turn."""
SIDES = ("mujoco_cpu", "newton_mjwarp", "limit")


def serve_share(args: argparse.Namespace) -> None:
    """The task on native MuJoCo, with the time in native stepping counted."""
    spent = {"native": 0.0, "step": 0.0}

    def timed(function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*words: Any) -> Any:
            begin = time.perf_counter()
            result = function(*words)
            spent[name] += time.perf_counter() - begin
            return result

        return call

    def facts(env: Any) -> dict[str, Any]:
        from isaaclab_newton.physics.newton_manager import NewtonManager

        worlds, inner = NewtonManager._solver.worlds, env.unwrapped
        worlds.step, inner.step = timed(worlds.step, "native"), timed(inner.step, "step")
        return {**task_facts(env), "worker_threads": worlds.num_threads}

    def state(env: Any) -> dict[str, Any]:
        share = 1.0 - spent["native"] / spent["step"]
        spent.update(native=0.0, step=0.0)
        return {"share_not_physics": share}

    serve(
        lambda: open_task(args.task, "mujoco_cpu", args.num_envs[0], args.device, args.overrides),
        warmup=args.warmup,
        seconds=args.seconds,
        facts=facts,
        state=state,
    )


def serve_limit(args: argparse.Namespace) -> None:
    """MuJoCo alone on what the task does."""
    import mujoco
    import numpy as np
    import torch
    from mujoco import rollout

    num_envs = args.num_envs[0]
    with own_stdout() as write, open_task(args.task, "mujoco_cpu", num_envs, "cpu", args.overrides) as env:
        from isaaclab_newton.physics.newton_manager import NewtonManager

        env.reset()
        solver = NewtonManager._solver
        shape = (num_envs, env.unwrapped.action_manager.total_action_dim)
        generator = torch.Generator().manual_seed(0)
        bank = []
        for i in range(args.warmup + RECORDED):
            data = solver.mjw_data
            before = {name: getattr(data, name).numpy().astype(float) for name in ("qpos", "qvel", "qacc_warmstart")}
            env.step(2 * torch.rand(shape, generator=generator) - 1)
            if i >= args.warmup:
                bank.append({**before, "ctrl": data.ctrl.numpy().astype(float)})
        worlds, decimation = solver.worlds, env.unwrapped.cfg.decimation
        model, threads = worlds._models[0], worlds.num_threads
        dt = env.unwrapped.physics_dt
        for entry in bank:
            entry["state"] = np.concatenate([np.zeros((num_envs, 1)), entry["qpos"], entry["qvel"]], axis=1)
            entry["control"] = np.repeat(entry["ctrl"][:, None], decimation, axis=1)
        states = np.zeros((num_envs, decimation, bank[0]["state"].shape[1]))
        runner = rollout.Rollout(nthread=threads)
        datas = [mujoco.MjData(model) for _ in range(threads)]
        own = [mujoco.MjData(model) for _ in range(num_envs)]
        pool = ThreadPoolExecutor(threads)

        def by_rollout(entry: dict[str, Any]) -> None:
            runner.rollout(
                model,
                datas,
                entry["state"],
                entry["control"],
                control_spec=mujoco.mjtState.mjSTATE_CTRL.value,
                nstep=decimation,
                initial_warmstart=entry["qacc_warmstart"],
                state=states,
            )

        def by_threads(entry: dict[str, Any]) -> None:
            def part(first: int) -> None:
                for i in range(first, num_envs, threads):
                    data = own[i]
                    data.qpos[:], data.qvel[:], data.ctrl[:] = entry["qpos"][i], entry["qvel"][i], entry["ctrl"][i]
                    data.qacc_warmstart[:] = entry["qacc_warmstart"][i]
                    mujoco.mj_step(model, data, decimation)

            list(pool.map(part, range(threads)))

        def by_engine(entry: dict[str, Any]) -> None:
            for name in ("qpos", "qvel", "qacc_warmstart", "ctrl"):
                getattr(solver.mjw_data, name).numpy()[:] = entry[name]
            worlds.step(decimation, dt)

        def rate(way: Callable[[dict[str, Any]], None]) -> float:
            way(bank[0])
            done, begin = 0, time.perf_counter()
            while time.perf_counter() - begin < args.seconds / 3 or done < 2:
                way(bank[done % RECORDED])
                done += 1
            return done * num_envs / (time.perf_counter() - begin)

        write({"versions": {"mujoco": mujoco.mj_versionString()}, "worker_threads": threads})
        for _ in sys.stdin:
            rates = {"rollout": rate(by_rollout), "threads": rate(by_threads), "engine": rate(by_engine)}
            write({"env_steps_per_s": rates["rollout"], "by_way": rates, "peak_memory_mb": peak_memory()})


def command_of(side: str, num_envs: int, args: argparse.Namespace) -> list[str]:
    """The command of a side's process."""
    if side == "newton_mjwarp":
        return command_for(args.task, side, num_envs, args, args.overrides)
    words = ["--serve", side, "--task", args.task, "--num_envs", num_envs, "--seconds", args.seconds]
    return [
        sys.executable,
        str(Path(__file__).resolve()),
        *map(str, [*words, "--warmup", args.warmup, *args.overrides]),
    ]


def best(results: Sequence[dict[str, Any]], side: str) -> tuple[float, int]:
    """A side's best rate and the number of environments it was reached with."""
    return max((entry[side]["env_steps_per_s"], entry["num_envs"]) for entry in results if side in entry)


def draw(results: Sequence[dict[str, Any]], task: str, path: Path) -> None:
    """Draw rates over the number of environments."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7.0, 4.2), layout="constrained")
    words = {"limit": "MuJoCo alone", "mujoco_cpu": "mujoco_cpu", "newton_mjwarp": "newton_mjwarp (stock)"}
    for side, text in words.items():
        points = [(e["num_envs"], e[side]["env_steps_per_s"]) for e in results if side in e]
        axes.plot(*zip(*points, strict=True), marker="o", label=text, linestyle="--" if side == "limit" else "-")
    counts = [entry["num_envs"] for entry in results]
    axes.set_xscale("log", base=2)
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("environments")
    axes.set_ylabel("env-steps / s")
    axes.set_title(f"{task}, {os.cpu_count()} cores, no GPU")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure all sides, one number of environments after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default=TASK, help="task id")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=SIDES, help="what to measure")
    parser.add_argument("--serve", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--chart", metavar="FILE", help="draw the rates there")
    parser.add_argument("overrides", nargs="*", help="settings of the environment, as env.KEY=VALUE")
    add_protocol(parser)
    parser.set_defaults(num_envs=[64, 256, 512, 1024])
    args = parser.parse_intermixed_args()
    if args.serve:
        {"mujoco_cpu": serve_share, "limit": serve_limit}[args.serve](args)
        return

    results = []
    print(f"{'environments':>12s}" + "".join(f"{side:>16s}" for side in args.sides) + f"{'not physics':>14s}")
    for num_envs in args.num_envs:
        found = alternate({side: command_of(side, num_envs, args) for side in args.sides}, args.repeats)
        results.append({"num_envs": num_envs, **found})
        cells = "".join(f"{found[side]['env_steps_per_s']:16,.0f}" for side in args.sides)
        share = found["mujoco_cpu"]["share_not_physics"] if "mujoco_cpu" in found else float("nan")
        print(f"{num_envs:12d}{cells}{share:14.1%}", flush=True)
    if "mujoco_cpu" in args.sides:
        ours, count = best(results, "mujoco_cpu")
        for side in args.sides[1:]:
            theirs, their_count = best(results, side)
            print(f"mujoco_cpu with {count} : {side} with {their_count} = {ours / theirs:.2f}")
    if args.json:
        Path(args.json).write_text(json.dumps({"task": args.task, "results": results}, indent=1) + "\n")
    if args.chart:
        draw(results, args.task, Path(args.chart))


if __name__ == "__main__":
    main()
