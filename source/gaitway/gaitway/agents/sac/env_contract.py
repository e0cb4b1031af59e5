"""What SAC needs to know of an environment, asked for by name: nothing is imported from any simulator."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch

from gaitway.errors import Advice, UsageError

WIDE = 50.0
"""Half ranges of actions, in the action's own unit, beyond which a warning is due."""


def action_range(
    env: Any, given: float | Sequence[float] | None, num_actions: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Least and largest value of each action.

    Args:
        env: A vectorised environment, with Gymnasium's ``single_action_space`` or ``action_space``.
        given: Half the range of each action, or of all, in place of the environment's own.
        num_actions: Number of actions.

    Returns:
        Shape of both is (num_actions,).

    Raises:
        UsageError: An action has no limits.
    """
    if given is not None:
        high = torch.as_tensor(given, dtype=torch.float32).expand(num_actions)
        low = -high
    else:
        space = getattr(getattr(env, "unwrapped", env), "single_action_space", None)
        if space is None:
            space = getattr(env, "single_action_space", None) or getattr(env, "action_space", None)
        if space is None:
            raise UsageError("SAC needs the ranges of actions: give the environment an action_space, or action_limits.")
        low, high = (
            torch.as_tensor(edge, dtype=torch.float32).reshape(-1, num_actions)[0] for edge in (space.low, space.high)
        )
    unbounded = [i for i, size in enumerate((high - low).tolist()) if not 0.0 < size < float("inf")]
    if unbounded:
        raise UsageError(
            f"SAC needs a finite range for every action; action(s) {unbounded} have none. Isaac Lab's own environments "
            "have no limits: give action_limits (half the range of each action), or take a Gaitway task."
        )
    widest = float((high - low).max()) / 2
    if widest > WIDE:
        warnings.warn(
            Advice(
                f"An action ranges over ±{widest:.0f}: at the edges of a range this wide tanh is flat and the policy "
                "stays there once it has strayed (SAC is known to fail with ±100). Limit them to what joints can do."
            ),
            stacklevel=2,
        )
    return low, high


def request_final_obs(env: Any) -> None:
    """Have an Isaac Lab environment report observations from before a reset, as ``extras["final_obs"]``.

    An environment that gets them right for observations with a history or a delay says so by ``final_obs_remembers``.

    Raises:
        UsageError: A term of its observations cannot be had from before a reset.
    """
    unwrapped = getattr(env, "unwrapped", env)
    cfg: Any = getattr(unwrapped, "cfg", None)
    if not hasattr(cfg, "compute_final_obs"):
        return
    cfg.compute_final_obs = True
    manager = getattr(unwrapped, "observation_manager", None)
    remembers = getattr(unwrapped, "final_obs_remembers", False)
    for group, terms in getattr(manager, "active_terms", {}).items():
        for name, term in zip(terms, manager._group_obs_term_cfgs[group], strict=True):  # type: ignore[union-attr]
            if memory := _memory_of(term, remembers):
                raise UsageError(
                    f"Observation '{name}' of group '{group}' has {memory}, which Isaac Lab does not advance rightly "
                    "for observations from before a reset: time-outs would be valued wrongly. Train it with PPO."
                )


def _memory_of(term: Any, remembers: bool) -> str | None:
    """What a term remembers of earlier steps that its environment loses at an episode's end, in words; None if nothing.

    Args:
        term: Config of an observation term.
        remembers: Whether the environment keeps histories and delays.
    """
    if term.history_length > 0 and not remembers:
        return f"a history of {term.history_length}"
    if getattr(term, "delay_max_lag", 0) > 0 and not remembers:
        return f"a delay of up to {term.delay_max_lag}"
    for modifier in getattr(term, "modifiers", None) or []:
        # Isaac Lab's modifiers that keep a state (filters, integrators) can be reset; functions cannot.
        if hasattr(modifier.func, "reset"):
            return f"the modifier {getattr(modifier.func, '__name__', type(modifier.func).__name__)}"
    return None
