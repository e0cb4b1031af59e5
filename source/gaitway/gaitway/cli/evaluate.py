"""``gaitway evaluate``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaitway.errors import UsageError

from .session import check_count, engine_of, pick_device, reporting, resolve_configs, simulation
from .terminal import print_json

if TYPE_CHECKING:
    from gaitway.runs import Checkpoint, Run
    from gaitway.runs.policy import Policy

MOST_ENVS = 256


@dataclass(frozen=True)
class Actor:
    """A policy that is to act in its task, of a run or of the package."""

    name: str
    """What to call it in a line."""
    task: str
    run: str | None
    """Folder of its run, if it is of one."""
    env_cfg: Any
    """Of the task's ``-Play`` variant."""
    device: str
    folder: Path | None
    """Where logs go."""
    load: Callable[[Callable[[str], None]], tuple[int, Policy]]
    """Given a function to warn with, gives the steps it was trained for and the policy itself."""

    def log(self, name: str) -> Path | None:
        """Path of a log, if there is a place for one."""
        return self.folder / name if self.folder else None


def open_actor(
    run: str | None, pretrained: str | None, runs: str, device: str | None, overrides: tuple[str, ...]
) -> Actor:
    """Open a run, or a policy that ships with the package, for playing.

    Raises:
        UsageError: Both are given, or neither, or there is no such.
    """
    if run and pretrained:
        raise UsageError("--run and --pretrained exclude each other: a policy of yours, or one that ships.")
    if pretrained:
        return _pretrained_actor(pretrained, device, overrides)
    if not run:
        raise UsageError("Missing option '--run': name a run, or a task with --pretrained.")
    return _actor_of_run(run, runs, device, overrides)


def _actor_of_run(name: str, runs: str, device: str | None, overrides: tuple[str, ...]) -> Actor:
    from gaitway.runs import find_run
    from gaitway.tasks import find_task

    run = find_run(name, Path(runs))
    info = find_task(run.task)
    run.interface()
    words = played_overrides(run.options["overrides"], overrides)
    env_cfg, agent_cfg = resolve_configs(f"{info.id}-Play", info.recipe_key(run.agent), words)
    env_cfg.sim.device = pick_device(device)

    def load(warn: Callable[[str], None]) -> tuple[int, Policy]:
        checkpoint, policy = newest_policy(run, agent_cfg, env_cfg.sim.device, warn)
        return checkpoint.step, policy

    return Actor(str(run.path), run.task, str(run.path), env_cfg, env_cfg.sim.device, run.path, load)


def _pretrained_actor(task: str, device: str | None, overrides: tuple[str, ...]) -> Actor:
    from gaitway.export.pretrained import find_pretrained

    found = find_pretrained(task)
    env_cfg, _ = resolve_configs(f"{found.task}-Play", None, list(overrides))
    env_cfg.sim.device = pick_device(device)

    def load(_warn: Callable[[str], None]) -> tuple[int, Policy]:
        return found.contract.made_by.step, found.policy()

    name = f"the policy that ships for {found.task}"
    return Actor(name, found.task, None, env_cfg, env_cfg.sim.device, None, load)


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
    run: str | None,
    pretrained: str | None,
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

    actor = open_actor(run, pretrained, runs, device, overrides)
    env_cfg = actor.env_cfg
    env_cfg.scene.num_envs = min(num_envs or MOST_ENVS, episodes)
    env_cfg.seed = seed
    log = None if verbose else actor.log("evaluate_log.txt")
    with reporting(log, as_json=as_json) as console:
        step, policy = actor.load(console.print)
        console.print(f"Judging {actor.name} after {step:,} steps, {episodes} episodes, {engine_of(env_cfg)} ...")
        with simulation(f"{actor.task}-Play", env_cfg) as env:
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
                "task": actor.task,
                "run": actor.run,
                "engine": engine_of(env_cfg),
                "step": step,
                "seed": seed,
                **vars(verdict),
            }
        )
