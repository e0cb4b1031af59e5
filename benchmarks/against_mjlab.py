"""Steps our Go2 and mjlab's Go1 on the CPU, walking on flat ground, and compares: environment steps a second.

    uv run python benchmarks/against_mjlab.py --physics mujoco_cpu --num_envs 16 64 256 1024 --json mjlab.json

mjlab comes from the Python package index, in one pinned version, into an environment of its own in the user's cache
folder or in ``--env``; the torch there is the version that is here. Both sides take the same random actions, after the
same number of steps to warm up, and measure in turn, each in a process of its own (``benchmarks/stepping.py``).

mjlab ships no Go2. Its Go1 is a robot of the same build: twelve joints and four feet. Its task is not the same as ours;
as shipped it has elliptic cones, feet that roll and spin with friction, collisions of the robot with itself, and room
for 300 constraint rows. Unless ``--no-matched`` is given, a second mjlab takes part that has our solver settings, our
kind of contacts and none of the robot with itself. The ratio to that one compares engines more than settings; what
remains is that their Go1 has other colliders, and that the terms of the tasks differ. A rate comes with the number of
cores that were busy: MuJoCo-Warp uses one on the CPU, so that several mjlabs could run at once.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stepping import add_protocol, alternate, command_for, serve

OURS = "Gaitway-Velocity-Flat-Go2"
THEIRS = "Mjlab-Velocity-Flat-Unitree-Go1"
PINS = {"mjlab": "1.6.0", "mujoco": "3.11.0", "mujoco-warp": "3.11.0", "warp-lang": "1.19.0"}


def ready_python(folder: Path) -> Path:
    """Make mjlab's environment, unless it is there; return its Python.

    Raises:
        SystemExit: There is no uv, or it could not install.
    """
    python, pins = folder / "bin" / "python", [f"{name}=={version}" for name, version in PINS.items()]
    # One torch on both sides, so that it is not what is compared. A local label (+cpu) is not in the index.
    pins.append(f"torch=={importlib.metadata.version('torch').partition('+')[0]}")
    done = folder / "pins.json"
    if python.exists() and done.exists() and json.loads(done.read_text()) == pins:
        return python
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise SystemExit("uv is not on the PATH; run this with 'uv run', or 'pip install uv'.")
    print(f"Making an environment with {pins[0]} in {folder}", file=sys.stderr, flush=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # uv works in a folder outside the repository, else the versions that pyproject.toml pins would hold for mjlab too;
    # it starts inside, where a version manager picks the project's.
    for words in (
        ["venv", "--quiet", "--allow-existing", "--python", sys.executable, str(folder)],
        ["pip", "install", "--quiet", "--python", str(python), *pins],
    ):
        command = [uv, "--directory", tempfile.gettempdir(), *words]
        failed = subprocess.run(command, cwd=Path(__file__).parent, stdout=sys.stderr).returncode
        if failed:
            raise SystemExit(f"uv {' '.join(words[:2])} failed; the lines above say why.")
    done.write_text(json.dumps(pins))
    return python


def default_env() -> Path:
    """Where mjlab's environment is kept: ``$GAITWAY_CACHE``, else the user's cache folder."""
    from platformdirs import user_cache_path

    return Path(os.environ.get("GAITWAY_CACHE") or user_cache_path("gaitway")) / f"mjlab-{PINS['mjlab']}"


@contextlib.contextmanager
def open_mjlab(num_envs: int, matched: bool) -> Iterator[Any]:
    """mjlab's task; runs in mjlab's environment."""
    import mjlab.tasks  # noqa: F401
    from mjlab.envs import ManagerBasedRlEnv
    from mjlab.tasks.registry import load_env_cfg

    cfg = load_env_cfg(THEIRS)
    cfg.scene.num_envs = num_envs
    cfg.seed = 1
    if matched:
        match_ours(cfg)
    env = ManagerBasedRlEnv(cfg, device="cpu")
    try:
        yield env
    finally:
        env.close()


def match_ours(cfg: Any) -> None:
    """Give mjlab's task the solver settings and the kind of contacts that our MuJoCo-Warp preset has."""
    from mjlab.utils.spec_config import CollisionCfg

    cfg.sim.njmax, cfg.sim.nconmax = 80, 30
    cfg.sim.mujoco.cone, cfg.sim.mujoco.impratio = "pyramidal", 1.0
    cfg.sim.mujoco.iterations = cfg.sim.mujoco.ls_iterations = 50
    cfg.sim.mujoco.tolerance = 1e-6
    # Against the ground only, with friction in the tangent plane.
    cfg.scene.entities["robot"].collisions = (
        CollisionCfg(geom_names_expr=(r".*_collision\d*",), contype=0, conaffinity=1, condim=3, priority=0),
    )


def mjlab_facts(env: Any) -> dict[str, Any]:
    """What mjlab's task computes in a step."""
    import mujoco

    model = env.sim.mj_model
    collides = (model.geom_contype | model.geom_conaffinity) > 0
    on_robot = collides & (model.geom_bodyid > 0) & (model.geom_type != mujoco.mjtGeom.mjGEOM_PLANE)
    return {
        "versions": {name: importlib.metadata.version(name) for name in PINS},
        "dt": model.opt.timestep,
        "decimation": env.cfg.decimation,
        "observations": {name: shape[-1] for name, shape in env.observation_manager.group_obs_dim.items()},
        "rewards": len(env.reward_manager.active_terms),
        "iterations": model.opt.iterations,
        "ls_iterations": model.opt.ls_iterations,
        "tolerance": model.opt.tolerance,
        "cone": mujoco.mjtCone(model.opt.cone).name,
        "condim": sorted({int(n) for n in model.geom_condim[on_robot]}),
        "impratio": model.opt.impratio,
        "integrator": mujoco.mjtIntegrator(model.opt.integrator).name,
        "njmax": env.sim.wp_data.njmax,
        "nconmax": env.sim.wp_data.naconmax // env.num_envs,
        "colliders": int(on_robot.sum()),
        "self_collisions": bool(((model.geom_contype & model.geom_conaffinity)[on_robot] > 0).any()),
    }


def mjlab_state(env: Any) -> dict[str, Any]:
    """What mjlab's solver had to do in its last step, on average over the environments."""
    data = env.sim.wp_data
    return {
        "contacts": float(data.nacon.numpy()[0]) / env.num_envs,
        "constraint_rows": float(data.nefc.numpy().mean()),
        "solver_iterations": float(data.solver_niter.numpy().mean()),
    }


def mjlab_command(python: Path, num_envs: int, args: argparse.Namespace, *flags: str) -> list[str]:
    """The command of a process that steps mjlab's task."""
    words = ["--serve", "--num_envs", num_envs, "--seconds", args.seconds, "--warmup", args.warmup, *flags]
    return [str(python), str(Path(__file__).resolve()), *map(str, words)]


def main() -> None:
    """Measure all sides in turn, for each number of environments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--physics", nargs="+", default=["mujoco_cpu"], help="engines of ours; the first is compared")
    parser.add_argument(
        "--matched",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="also mjlab with our solver settings and contacts",
    )
    parser.add_argument("--env", type=Path, help="folder of mjlab's environment, made if need be")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    add_protocol(parser)
    args = parser.parse_args()
    if args.device != "cpu":
        parser.error("--device: this compares on the CPU.")
    if args.serve:
        serve(
            lambda: open_mjlab(args.num_envs[0], args.matched),
            warmup=args.warmup,
            seconds=args.seconds,
            facts=mjlab_facts,
            state=mjlab_state,
        )
        return
    python = ready_python((args.env or default_env()).resolve())
    theirs = ["mjlab", *(["mjlab matched"] if args.matched else [])]
    sides = [*args.physics, *theirs]
    to_file = args.json not in (None, "-")
    table = sys.stderr if args.json == "-" else sys.stdout
    ratios = [f"{args.physics[0]} / {name}" for name in theirs]
    print(f"Environment steps a second, best of {args.repeats} times {args.seconds:g} s (cores busy)", file=table)
    print(f"| Environments | {' | '.join([*sides, *ratios])} |", file=table)
    print(f"|---|{'---|' * len([*sides, *ratios])}", file=table, flush=True)
    measured = []
    for num_envs in args.num_envs:
        commands = {name: command_for(OURS, name, num_envs, args) for name in args.physics}
        commands["mjlab"] = mjlab_command(python, num_envs, args, "--no-matched")
        if args.matched:
            commands["mjlab matched"] = mjlab_command(python, num_envs, args, "--matched")
        found = alternate(commands, args.repeats)
        rates = {name: found[name]["env_steps_per_s"] for name in sides}
        ratio = {name: rates[args.physics[0]] / rates[name] for name in theirs}
        cells = [f"{rates[name]:,.0f} ({found[name]['cores']:.1f})" for name in sides] + [
            f"{ratio[name]:.1f}" for name in theirs
        ]
        print(f"| {num_envs} | {' | '.join(cells)} |", file=table, flush=True)
        measured.append({"num_envs": num_envs, "ratio": ratio, "sides": found})
    whole = {
        "ours": OURS,
        "theirs": THEIRS,
        "physics": args.physics[0],
        "seconds": args.seconds,
        "repeats": args.repeats,
        "warmup": args.warmup,
        "cpus": len(os.sched_getaffinity(0)),
        "measured": measured,
    }
    if to_file:
        Path(args.json).write_text(json.dumps(whole, indent=1) + "\n")
    elif args.json:
        print(json.dumps(whole))


if __name__ == "__main__":
    main()
