"""How much is left to chance: ``presets=none``, ``standard`` or ``hard``, for every task."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from isaaclab.managers import EventTermCfg as EventTerm
from isaaclab.managers import ObservationGroupCfg, SceneEntityCfg
from isaaclab_tasks.utils import PresetCfg
from isaaclab_tasks.utils.hydra import preset

from gaitway import mdp

LEVELS = ("none", "standard", "hard")
"""Nothing but where an episode begins; what a well-known robot differs by; and what a badly known one does."""


def by_level[Part](none: Part, standard: Part, hard: Part, default: str = "standard") -> Any:
    """A part of a config that depends on the level, which Isaac Lab's ``presets=`` chooses.

    Args:
        none: The part without randomisation.
        standard: As one trains when nothing is said.
        hard: Wider than ``standard``, of which it contains all.
        default: Which of them it is where none is chosen.
    """
    levels = {"none": none, "standard": standard, "hard": hard}
    return preset(**levels, default=levels[default])


def variants(part: Any) -> list[Any]:
    """All that a part of a config may become: of one by level each level and its default, of others itself."""
    return list(vars(part).values()) if _is_by_level(part) else [part]


def _is_by_level(part: Any) -> bool:
    return isinstance(part, PresetCfg) and set(LEVELS) <= set(vars(part))


def _parts(cfg: Any) -> Iterator[tuple[Any, str, Any]]:
    """Parts of a config that depend on the level: the config each is in, its name and itself."""
    for name, part in list(vars(cfg).items()):
        if _is_by_level(part):
            yield cfg, name, part
        elif hasattr(part, "__dataclass_fields__"):
            yield from _parts(part)


def without_randomisation(env_cfg: Any) -> None:
    """Leave nothing to chance but where an episode begins.

    Where the level is not chosen yet, ``none`` becomes its default, and another can still be asked for by name. Where
    it is, what it brought is taken out.

    Args:
        env_cfg: Config of an environment, with groups ``events``, ``actions`` and ``observations``.
    """
    for parent, name, part in _parts(env_cfg):
        setattr(parent, name, by_level(*(getattr(part, level) for level in LEVELS), default="none"))
    if not _is_by_level(env_cfg.events):
        env_cfg.events.without_randomisation()
    for action in vars(env_cfg.actions).values():
        if hasattr(action, "delay") and not _is_by_level(action.delay):
            action.delay = (0.0, 0.0)
    for group in vars(env_cfg.observations).values():
        if isinstance(group, ObservationGroupCfg):
            exact(group)


def only_resets(events: Any) -> Any:
    """Leave of a task's events those that say where an episode begins, named ``reset_...``; return them.

    Frictions that were drawn become 1, or the geometric mean of a range that 1 is not in: left to itself, PhysX takes
    0.5 and MuJoCo 1, and a policy would be judged on another floor in each.
    """
    for name, term in list(vars(events).items()):
        if term is not None and term.func is mdp.randomize_rigid_body_material:
            low, high = term.params["static_friction_range"]
            nominal = 1.0 if low <= 1.0 <= high else round(math.sqrt(low * high), 6)
            redraw_friction(term, nominal, nominal)
        elif not name.startswith("reset_"):
            setattr(events, name, None)
    return events


def exact(group: Any) -> Any:
    """Take noise and latency out of a group of observations; return it."""
    group.enable_corruption = False
    return late(group, 0)


def late(group: Any, steps: int, but: tuple[str, ...] = ()) -> Any:
    """Have what sensors measure come late by up to as many env-steps, drawn with each episode; return the group.

    What the policy gets from itself or from its user is at hand at once.

    Args:
        group: Config of a group of observations.
        steps: Most env-steps.
        but: Other terms that are at hand at once.
    """
    at_once = {"generated_commands", "last_action", "commanded_position", *but}
    for term in vars(group).values():
        if hasattr(term, "delay_max_lag") and term.func.__name__ not in at_once:
            term.delay_max_lag = steps
    return group


def noisier(group: Any, factor: float) -> Any:
    """Multiply the noise of a group of observations; return the group."""
    for term in vars(group).values():
        if getattr(term, "noise", None) is not None:
            term.noise.n_min, term.noise.n_max = factor * term.noise.n_min, factor * term.noise.n_max
    return group


def drawn_friction(asset: str, low: float, high: float) -> EventTerm:
    """Friction of all bodies of a thing, drawn once, the static and the dynamic one from the same range.

    Args:
        asset: Its name in the scene.
        low: Least coefficient.
        high: Largest coefficient.
    """
    return EventTerm(
        func=mdp.randomize_rigid_body_material,
        mode="startup",
        params={
            "asset_cfg": SceneEntityCfg(asset, body_names=".*"),
            "static_friction_range": (low, high),
            "dynamic_friction_range": (low, high),
            "restitution_range": (0.0, 0.0),
            "num_buckets": 64,
            "make_consistent": True,
        },
    )


def redraw_friction(term: EventTerm, low: float, high: float) -> None:
    """Draw the friction of :func:`drawn_friction` from another range.

    Args:
        term: What draws it.
        low: Least coefficient.
        high: Largest coefficient.
    """
    for kind in ("static", "dynamic"):
        term.params[f"{kind}_friction_range"] = (low, high)
