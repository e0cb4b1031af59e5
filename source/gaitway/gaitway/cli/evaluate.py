"""``gaitway evaluate``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .session import check_count, engine_of, pick_device, reporting, resolve_configs, simulation
from .terminal import print_json

if TYPE_CHECKING:
    from gaitway.runs import Checkpoint, Run
    from gaitway.runs.policy import Policy

MOST_ENVS = 256


def open_policy(name: str, runs: str, device: str | None, overrides: tuple[str, ...]) -> tuple[Run, Any, Any, str]:
    """Open a run for playing.

    Returns:
        The run, the config of its task's ``-Play`` variant, its recipe, and the device.
    """
    from gaitway.runs import find_run
    from gaitway.tasks import find_task

    run = find_run(name, Path(runs))
    info = find_task(run.task)
    run.interface()
    words = played_overrides(run.options["overrides"], overrides)
    env_cfg, agent_cfg = resolve_configs(f"{info.id}-Play", info.recipe_key(run.agent), words)
    env_cfg.sim.device = pick_device(device)
    return run, env_cfg, agent_cfg, env_cfg.sim.device


def played_overrides(kept: Sequence[str], given: Sequence[str]) -> list[str]:
    """Overrides of a run, but for those that are given anew.

    How much is left to chance is not taken over: a policy that was trained with ``presets=hard`` is judged as all
    others are, and any with ``presets=hard`` where that is asked for. Other presets stay.
    """
    from gaitway.tasks.randomisation import LEVELS

    chosen = {word.partition("=")[0] for word in given}
    names = [name for word in given if word.startswith("presets=") for name in word.removeprefix("presets=").split(",")]
    words = []
    for word in kept:
        key, _, value = word.partition("=")
        if key == "presets":
            if set(names) <= set(LEVELS):
                names += [name for name in value.split(",") if name not in LEVELS]
        elif key not in chosen:
            words.append(word)
    words += [word for word in given if not word.startswith("presets=")]
    return [*words, f"presets={','.join(names)}"] if names else words


def newest_policy(run: Run, agent_cfg: Any, device: str, warn) -> tuple[Checkpoint, Policy]:
    """The policy of a run's newest whole checkpoint."""
    from gaitway.runs.policy import load_policy

    checkpoint = run.checkpoints.newest(warn=warn)
    return checkpoint, load_policy(run, checkpoint, agent_cfg, device)


def evaluate(
    *,
    run: str,
    episodes: int,
    num_envs: int | None,
    device: str | None,
    seed: int,
    runs: str,
    verbose: bool,
    as_json: bool,
    overrides: tuple[str, ...],
) -> None:
    """Judge a run's policy; the options are those of the command."""
    check_count("--episodes", episodes, 1)
    check_count("--num_envs", num_envs, 1)

    opened, env_cfg, agent_cfg, device = open_policy(run, runs, device, overrides)
    env_cfg.scene.num_envs = min(num_envs or MOST_ENVS, episodes)
    env_cfg.seed = seed
    task_id = f"{opened.task}-Play"
    with reporting(None if verbose else opened.path / "evaluate_log.txt", as_json=as_json) as console:
        checkpoint, policy = newest_policy(opened, agent_cfg, device, console.print)
        console.print(
            f"Judging {opened.path} after {checkpoint.step:,} steps, {episodes} episodes, {engine_of(env_cfg)} ..."
        )
        with simulation(task_id, env_cfg) as env:
            from gaitway.runs.judge import judge

            verdict = judge(env, policy, episodes)
        low, high = 100 * verdict.success_low, 100 * verdict.success_high
        console.print(f"Success  {100 * verdict.success_rate:.1f} %  (95 % interval {low:.1f} to {high:.1f} %)")
        console.print(f"Return   {verdict.return_mean:.3f} ± {verdict.return_std:.3f}")
        console.print(f"Length   {verdict.length_mean:.0f} steps")
        for name, value in verdict.metrics.items():
            console.print(f"{name}  {value:.3f}")
    if as_json:
        print_json(
            {
                "task": opened.task,
                "run": str(opened.path),
                "engine": engine_of(env_cfg),
                "step": checkpoint.step,
                "seed": seed,
                **vars(verdict),
            }
        )
