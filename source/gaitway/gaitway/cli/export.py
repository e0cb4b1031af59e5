"""``gaitway export``."""

from __future__ import annotations

import datetime
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaitway import __version__
from gaitway.errors import UsageError

from .session import check_count, engine_of, pick_device, reporting, resolve_configs, simulation
from .terminal import print_json

if TYPE_CHECKING:
    from gaitway.runs import Checkpoint, Run

DEFAULT_EPISODES = 100
FEWEST_ENVS, MOST_ENVS = 8, 256
"""Of a few environments that begin alike, one may stay up for the whole recording even of a poor policy."""


def export(
    *,
    run: str | None,
    pretrained: str | None,
    output: str,
    episodes: int | None,
    runs: str,
    verbose: bool,
    as_json: bool,
) -> None:
    """Export a policy as a bundle; the options are those of the command."""
    check_count("--episodes", episodes, 0)
    from gaitway.export import check_free, make_bundle

    target = Path(output)
    check_free(target)
    if bool(run) == bool(pretrained):
        raise UsageError("Name either a run with --run, or a task whose policy ships with --pretrained.")
    if pretrained:
        if episodes is not None:
            raise UsageError("--episodes: a policy that ships was judged already; leave it out with --pretrained.")
        _export_pretrained(pretrained, target, as_json=as_json)
        return
    episodes = DEFAULT_EPISODES if episodes is None else episodes

    from gaitway.runs import find_run
    from gaitway.tasks import find_task

    opened = find_run(str(run), Path(runs))
    opened.interface()
    info = find_task(opened.task)
    trained_in = trained_engine(opened)
    words = opened.options["overrides"]
    if trained_in and not any(word.startswith("physics=") for word in words):
        words = [*words, f"physics={trained_in}"]
    train_cfg, agent_cfg = resolve_configs(info.id, info.recipe_key(opened.agent), words)
    env_cfg, _ = resolve_configs(f"{info.id}-Play", None, [w for w in words if not w.startswith("agent.")])

    from gaitway.tasks.randomisation import without_randomisation

    without_randomisation(env_cfg)
    engine = engine_of(train_cfg)
    env_cfg.sim.device = "cpu" if engine == "mujoco_cpu" else pick_device(None)
    env_cfg.scene.num_envs = min(max(episodes, FEWEST_ENVS), MOST_ENVS)
    env_cfg.seed = 0
    with reporting(None if verbose else opened.path / "export_log.txt", as_json=as_json) as console:
        from gaitway.export.changes import changed_settings
        from gaitway.export.policy_bundle import export_policy

        from .evaluate import newest_policy

        checkpoint, policy = newest_policy(opened, agent_cfg, "cpu", console.print)
        made_by = {
            "gaitway": __version__,
            "task": opened.task,
            "agent": opened.agent,
            "step": checkpoint.step,
            "engine": engine,
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        }
        changed = changed_settings(opened.path / "env.yaml", train_cfg)
        if changed:
            console.print(
                f"Warning: the task is not the one this run was trained in; {len(changed)} settings differ, such as "
                f"{', '.join(changed[:5])}. The bundle describes the task as it is now; better train anew."
            )
        judged = f", judging it over {episodes} episodes" if episodes else ""
        console.print(f"Exporting {opened.path} after {checkpoint.step:,} steps{judged}, {engine} ...")
        began = time.monotonic()
        with simulation(f"{info.id}-Play", env_cfg) as env:
            seen = checkpoint.load("cpu")["observations"]
            training = _training(opened, checkpoint) | {"changed": changed}
            made = export_policy(env, policy, seen, train_cfg, info, made_by, training, episodes)
        measured = make_bundle(made.files, target)
        took = time.monotonic() - began
        size = measured.bytes / 1e6
        console.print(f"Wrote {target}: {measured.files} files, {size:.1f} MB, in {took:.0f} s, and checked them.")
        console.print(f"ONNX differs from the trained network by at most {made.onnx_difference:.1e}.")
        console.print(
            f"{made.recorded_steps} recorded steps, through the robot's own code: observations differ by at most "
            f"{measured.episode_max_diff:.1e}, joint targets by {measured.episode_targets_max_diff:.1e}."
        )
        if made.verdict:
            low, high = 100 * made.verdict.success_low, 100 * made.verdict.success_high
            console.print(
                f"Success  {100 * made.verdict.success_rate:.1f} %  (95 % interval {low:.1f} to {high:.1f} %)"
            )
        console.print(f"Look at it:  gaitway inspect {target}")
        console.print(f"Try it:      gaitway transfer --bundle {target}")
    if as_json:
        verdict = made.verdict
        print_json(
            {
                "run": str(opened.path),
                "task": opened.task,
                "agent": opened.agent,
                "step": checkpoint.step,
                "engine": engine,
                "bundle": str(target),
                "files": measured.files,
                "bytes": measured.bytes,
                "max_abs_diff": made.onnx_difference,
                "episode_steps": made.recorded_steps,
                "episode_max_diff": measured.episode_max_diff,
                "targets_max_diff": measured.episode_targets_max_diff,
                "episodes": verdict.episodes if verdict else 0,
                "success_rate": verdict.success_rate if verdict else None,
                "seconds": round(took, 1),
            }
        )


def _export_pretrained(task: str, target: Path, *, as_json: bool) -> None:
    from gaitway.export import make_bundle
    from gaitway.export.pretrained import find_pretrained, whole_bundle

    found = find_pretrained(task)
    env_cfg, _ = resolve_configs(f"{found.task}-Play", None, [])
    with reporting(None, as_json=as_json) as console:
        measured = make_bundle(whole_bundle(found, env_cfg), target)
        console.print(f"Wrote {target}: {measured.files} files, {measured.bytes / 1e6:.1f} MB, and checked them.")
        console.print(f"Look at it:  gaitway inspect {target}")
        console.print(f"Try it:      gaitway transfer --bundle {target}")
    if as_json:
        print_json({"task": found.task, "bundle": str(target), "files": measured.files, "bytes": measured.bytes})


def trained_engine(run: Run) -> str | None:
    """The engine that a run was trained in, by its config as written; None where that does not say."""
    try:
        text = (run.path / "env.yaml").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"^  physics:\n    class_type: (\S+)", text, re.MULTILINE)
    names = {"mujoco_cpu": "mujoco_cpu", "ovphysx": "ovphysx", "newton": "newton_mjwarp", "physx": "isaacsim_physx"}
    where = found[1].lower() if found else ""
    return next((engine for part, engine in names.items() if part in where), None)


def _training(run: Run, checkpoint: Checkpoint) -> dict[str, Any]:
    machine = run.manifest.get("machine", {})
    gpu = machine.get("gpu")
    level = next((w.partition("=")[2] for w in run.options["overrides"] if w.startswith("presets=")), "standard")
    return {
        "steps": checkpoint.step,
        "iterations": checkpoint.iteration,
        "seconds": checkpoint.seconds,
        "environments": run.options["num_envs"],
        "device": run.options["device"],
        "machine": f"{machine.get('cpu_cores')} CPU cores" + (f", {gpu}" if gpu else ""),
        "randomisation": level,
        "options": ", ".join(f"`{word}`" for word in run.options["overrides"]),
        "versions": run.manifest.get("versions", {}),
    }
