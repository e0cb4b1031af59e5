"""What a term is given and what it must say, and poses that several cases share.

Modules ``cases_*.py`` beside this one hold lists ``REWARDS``, ``OBSERVATIONS`` and ``TERMINATIONS`` of cases (of the
last also judges of success, which give a yes or no as well), and a dict ``APART`` of terms that are tried elsewhere,
and where. ``test_rewards.py`` tries them all. A case has one row an environment, three of them in general.

Tensors are named as for ``fake_env``. Selections are given by ids, ``SceneEntityCfg("robot", body_ids=[1])``, and
become tensors, as in a simulation. A term that is a class is made and called once on the numbers of the case.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import torch
from isaaclab.managers import ManagerTermBaseCfg, SceneEntityCfg

HALF = math.sqrt(0.5)
HAND = SceneEntityCfg("robot", body_ids=[1])
LOST = [9.0, 9.0, 9.0]


@dataclass(frozen=True)
class Case:
    """A term, what it is given, and what it must say."""

    term: Callable[..., torch.Tensor]
    tensors: dict[str, Any]
    expected: list[Any]
    params: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the configs of commands say, by name of the command."""


def entities(value: Any) -> list[SceneEntityCfg]:
    """All selections in parameters, however deep."""
    if isinstance(value, SceneEntityCfg):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [entity for part in parts for entity in entities(part)]


def prepare(
    case: Case, fake_env: Callable[..., Any], rows: Sequence[int] | None = None, device: str = "cpu"
) -> tuple[Any, Callable[..., torch.Tensor], dict[str, Any]]:
    """Environment, term and arguments for some of the case's environments, in the order given; else for all."""
    picked = list(range(len(case.expected)) if rows is None else rows)
    env = fake_env(**{name: torch.tensor(values, device=device)[picked] for name, values in case.tensors.items()})
    for name, said in case.settings.items():
        env.command_manager.get_term(name).cfg = SimpleNamespace(**said)
    params, term = copy.deepcopy(case.params), case.term
    if inspect.isclass(term):
        term = term(ManagerTermBaseCfg(func=term, params=params), env)
    for entity in entities(params):
        entity.finalize(device)
    return env, term, params


def compute(
    case: Case,
    fake_env: Callable[..., Any],
    rows: Sequence[int] | None = None,
    device: str = "cpu",
    within: contextlib.AbstractContextManager | None = None,
) -> torch.Tensor:
    """The term's answer, for :func:`prepare`'s arguments; the call alone is made ``within`` a context."""
    env, term, params = prepare(case, fake_env, rows, device)
    with within or contextlib.nullcontext():
        return term(env, **params)
