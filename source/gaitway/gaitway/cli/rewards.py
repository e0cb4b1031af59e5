"""``gaitway rewards``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaitway.errors import UsageError

from .evaluate import MOST_ENVS, open_actor
from .session import check_count, engine_of, pick_device, reporting, resolve_configs, simulation
from .terminal import print_json

if TYPE_CHECKING:
    import torch
    from rich.console import Console

    from gaitway.runs.rewards import Contributions


def rewards(
    *,
    task: str | None,
    run: str | None,
    pretrained: str | None,
    actions: str | None,
    episodes: int,
    num_envs: int | None,
    device: str | None,
    seed: int,
    output: str | None,
    runs: str,
    verbose: bool,
    as_json: bool,
    overrides: tuple[str, ...],
) -> None:
    """Show what each reward contributes; the options are those of the command."""
    check_count("--episodes", episodes, 1)
    check_count("--num_envs", num_envs, 1)
    if (run or pretrained) and actions:
        raise UsageError("--actions: a run or a pretrained policy acts by itself; leave it out.")
    if not (run or pretrained or task):
        raise UsageError("Missing option '--task': name a task, a run with --run, or --pretrained.")
    from gaitway.tasks import find_task

    info = find_task(task) if task else None
    actor = None
    if run or pretrained:
        actor = open_actor(run, pretrained, runs, device, overrides)
        if info is not None and info.name != actor.task:
            raise UsageError(f"--task {task}: the policy is of {actor.task}; leave --task out.")
        info, env_cfg = find_task(actor.task), actor.env_cfg
    else:
        assert info is not None
        env_cfg, _ = resolve_configs(f"{info.id}-Play", None, overrides)
        env_cfg.sim.device = pick_device(device)
    folder = actor.folder if actor else None
    picture = _picture(output, folder / "rewards.png" if folder else Path(f"rewards_{info.id}.png"))
    env_cfg.scene.num_envs = min(num_envs or MOST_ENVS, episodes)
    env_cfg.seed = seed
    log = folder / "rewards_log.txt" if folder else picture.with_suffix(".log")
    with reporting(None if verbose else log, as_json=as_json) as console:
        policy, rows, step = None, [], None
        if actor is not None:
            step, policy = actor.load(console.print)
            if actor.run:
                from gaitway.runs import Run

                rows = Run.open(Path(actor.run)).metrics()
            who = f"{Path(actor.name).name if actor.run else actor.name} after {step:,} steps"
        else:
            who = f"{actions or 'random'} actions"
        console.print(f"{info.id}: {who}, {episodes} episodes, {engine_of(env_cfg)} ...")
        from gaitway.runs.rewards import draw, record, warn_of_episodes, warn_of_training

        with simulation(f"{info.id}-Play", env_cfg) as env:
            found = record(env, *_actor(env, policy, actions or "random", seed), episodes)
            base = env.unwrapped
            funcs = {name: base.reward_manager.get_term_cfg(name).func for name in found.terms}
            episode_s = base.max_episode_length_s
        draw(picture, f"{info.id}, {who}", found, rows, episode_s)
        warnings = warn_of_episodes(found) + warn_of_training(rows)
        table = _table(found, funcs)
        _show(console, found, table)
        if rows:
            _show_training(console, found, rows, episode_s)
        if found.success.all() or not found.success.any():
            word = "succeeded" if found.success.all() else "failed"
            console.print(f"All episodes {word}, so that success and return cannot be compared over episodes.")
        for line in warnings:
            console.print(f"Warning: {line}")
        console.print(f"Picture: {picture}")
    if as_json:
        print_json(
            {
                "task": info.id,
                "run": actor.run if actor else None,
                "actions": None if actor else actions or "random",
                "engine": engine_of(env_cfg),
                "step": step,
                "seed": seed,
                "episodes": len(found.totals),
                "return_mean": float(found.returns.mean()),
                "success_rate": float(found.success.mean()),
                "length_mean": float(found.lengths.mean()),
                "terms": table,
                "training": _training(rows, episode_s),
                "warnings": warnings,
                "picture": str(picture),
            }
        )


def _picture(output: str | None, default: Path) -> Path:
    path = Path(output) if output else default
    if path.suffix != ".png":
        raise UsageError(f"--output {path}: name a file that ends in .png.")
    if not path.resolve().parent.is_dir():
        raise UsageError(f"--output {path}: its folder does not exist; make it first.")
    return path


def _actor(env: Any, policy: Any, actions: str, seed: int) -> tuple[Any, Any]:
    """What acts, and what is told of episodes' ends."""
    import torch

    base = env.unwrapped
    if policy is not None:
        from gaitway.runs.policy import Player

        player = Player(policy, base.num_envs, base.device)
        return player.act, player.forget
    space = base.single_action_space
    low, high = (torch.as_tensor(edge, device=base.device) for edge in (space.low, space.high))
    generator = torch.Generator(device=base.device).manual_seed(seed)

    def act(_obs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        drawn = torch.rand(base.num_envs, len(low), generator=generator, device=base.device)
        return (2.0 * drawn - 1.0).clamp(low, high) * (actions == "random")

    return act, lambda ended: None


def _table(found: Contributions, funcs: Mapping[str, Any]) -> list[dict[str, Any]]:
    from gaitway.mdp.rewards import describe

    table = []
    for i, name in enumerate(found.terms):
        func = funcs[name]
        said = describe(func if hasattr(func, "__name__") else type(func))
        table.append(
            {
                "name": name,
                "group": said.group,
                "weight": found.weights[i],
                "unit": said.unit,
                "mean": float(found.means[i]),
                "share": float(found.shares[i]),
                "least": float(found.low[i]),
                "most": float(found.high[i]),
            }
        )
    return table


def _training(rows: list[dict[str, Any]], episode_s: float) -> list[dict[str, Any]]:
    """The run's metrics, twenty lines of them at most, with what an episode added by term."""
    import numpy as np

    from gaitway.runs.rewards import terms_of_training

    if not rows:
        return []
    added = terms_of_training(rows, episode_s)
    picked = sorted({round(i) for i in np.linspace(0, len(rows) - 1, min(20, len(rows)))})
    return [
        {
            **{key: rows[i].get(key) for key in ("step", "return_mean", "success_rate")},
            "terms": {name: None if np.isnan(values[i]) else float(values[i]) for name, values in added.items()},
        }
        for i in picked
    ]


def _show(console: Console, found: Contributions, table: list[dict[str, Any]]) -> None:
    width = max(len(row["name"]) for row in table)
    console.print(f"{'Term':{width}}  For         Weight   An episode   Share   A step, least to most")
    for row in sorted(table, key=lambda row: -row["share"]):
        console.print(
            f"{row['name']:{width}}  {row['group']:8}  {row['weight']:8.3g}   {row['mean']:10.4g}  {row['share']:6.1%}"
            f"   {row['least']:.3g} to {row['most']:.3g}"
        )
    console.print(
        f"Return {found.returns.mean():.4g}, success {found.success.mean():.1%}, length {found.lengths.mean():.0f} "
        f"steps, means of {len(found.totals)} episodes. Shares are of all that is paid and charged, signs aside."
    )


def _show_training(console: Console, found: Contributions, rows: list[dict[str, Any]], episode_s: float) -> None:
    from gaitway.runs.rewards import parts_of_training

    steps, values = parts_of_training(rows, episode_s)
    shares = dict(zip(found.terms, found.shares, strict=True))
    said = {"return_mean": "Return", "success_rate": "Success"}
    names = [*sorted(values.keys() - said.keys(), key=lambda name: -shares.get(name, 0.0)), *said]
    width = max(len(said.get(name, name)) for name in names)
    console.print(
        f"\nOver training, what an episode added: means of {len(steps)} parts, the last step of each above it."
    )
    console.print(f"{'Term':{width}}" + "".join(f"{step:13,}" for step in steps))
    for name in names:
        cells = (f"{value:13.1%}" if name == "success_rate" else f"{value:13.4g}" for value in values[name])
        console.print(f"{said.get(name, name):{width}}" + "".join(cells))
