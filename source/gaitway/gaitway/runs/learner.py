"""What a learning library must offer to be trained by Gaitway."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch

from .meter import EpisodeStats


@dataclass(frozen=True)
class Iteration:
    """What an iteration brought."""

    number: int
    """Iterations done, this one included."""
    episodes: EpisodeStats
    losses: dict[str, float] = field(default_factory=dict)


class StopTraining(Exception):
    """Raised by the callback when training is to end."""


class Learner(Protocol):
    """An agent of some library, at work in an environment."""

    steps_per_iteration: int
    """Environment steps an iteration takes, over all environments."""
    notes: list[str]
    """What the agent says of itself before it learns, such as the memory that it takes."""

    def learn(self, on_iteration: Callable[[Iteration], None]) -> None:
        """Train until the callback raises :class:`StopTraining`; it is called after each iteration."""

    def observations(self, count: int) -> torch.Tensor:
        """What the policy saw in the last rollout, its groups concatenated, drawn at random. Shape is (count, n)."""

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs: weights, optimisers, normalisers, counters."""

    def restore(self, state: dict[str, Any], iteration: int) -> None:
        """Put back what :meth:`state` returned after an iteration.

        Raises:
            UsageError: The state is that of another network or library.
        """


def draw(rows: torch.Tensor, count: int) -> torch.Tensor:
    """Rows drawn at random, with replacement, without touching the generators that training uses.

    Args:
        rows: Shape is (..., n).
        count: How many.

    Returns:
        On the CPU. Shape is (count, n).
    """
    rows = rows.flatten(0, -2)
    picks = torch.randint(len(rows), (count,), generator=torch.Generator().manual_seed(0))
    return rows[picks.to(rows.device)].clone().cpu()


def discount_of(agent_cfg: Any) -> float | None:
    """The discount of a step that a recipe learns with; None for one that has none, such as a distillation.

    Args:
        agent_cfg: The resolved recipe.
    """
    if isinstance(agent_cfg, dict):
        return agent_cfg["agent"].get("discount_factor")
    return getattr(agent_cfg.algorithm, "gamma", None)


def make_learner(library: str, env: Any, agent_cfg: Any) -> Learner:
    """The learner of a library.

    Args:
        library: ``rsl_rl`` or ``skrl``.
        env: The Gymnasium environment, not wrapped.
        agent_cfg: The resolved recipe.
    """
    if library == "rsl_rl":
        from .learn_rsl_rl import RslRlLearner

        return RslRlLearner(env, agent_cfg)
    from .learn_skrl import SkrlLearner

    return SkrlLearner(env, agent_cfg)
