"""Rewards, observations, terminations and judges on numbers worked out by hand.

The numbers are in the modules ``cases_*.py`` beside this one, which are found by themselves.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from isaaclab.managers import RewardTermCfg

from gaitway import mdp
from gaitway.tasks.randomisation import variants

from ..tasks.reward_checks import BOUND_TO_THE_WORLD, YAW, MovedEnv, turned_by
from ..waits import NeverWaits
from .case import HALF, Case, compute, prepare

MODULES = [
    importlib.import_module(f".{file.stem}", __package__) for file in sorted(Path(__file__).parent.glob("cases_*.py"))
]
REWARDS, OBSERVATIONS, TERMINATIONS = (
    [case for module in MODULES for case in getattr(module, kind, [])]
    for kind in ("REWARDS", "OBSERVATIONS", "TERMINATIONS")
)
APART = {term: where for module in MODULES for term, where in getattr(module, "APART", {}).items()}
"""Terms that are tried elsewhere, and where."""
ALL = REWARDS + OBSERVATIONS + TERMINATIONS


def named(case: Case) -> str:
    return case.term.__name__


CASES = pytest.mark.parametrize("case", ALL, ids=named)


@CASES
def test_the_value_is_that_worked_out_by_hand(case: Case, fake_env) -> None:
    value = compute(case, fake_env)
    expected = torch.tensor(case.expected)
    assert case not in TERMINATIONS or expected.dtype == torch.bool
    if expected.dtype == torch.bool:
        assert value.tolist() == case.expected
    else:
        torch.testing.assert_close(value, expected.float(), atol=1e-5, rtol=1e-5)


@CASES
def test_there_is_one_value_an_environment(case: Case, fake_env) -> None:
    value = compute(case, fake_env)
    count = len(case.expected)
    assert count >= 2
    assert value.shape[0] == count
    assert value.dtype == torch.tensor(case.expected).dtype
    if case in OBSERVATIONS:
        assert value.ndim == 2
    else:
        assert value.shape == (count,)


@CASES
def test_environments_do_not_see_each_other(case: Case, fake_env) -> None:
    value = compute(case, fake_env)
    order = [len(value) - 1, *range(len(value) - 1)]
    torch.testing.assert_close(compute(case, fake_env, order), value[order])
    torch.testing.assert_close(compute(case, fake_env, [1]), value[1:2])


@pytest.mark.parametrize("case", REWARDS, ids=named)
def test_a_reward_is_the_same_elsewhere_in_the_world(case: Case, fake_env) -> None:
    here, term, params = prepare(case, fake_env)
    with turned_by(0.0 if case.term.__name__ in BOUND_TO_THE_WORLD else YAW):
        there = MovedEnv(here)
        if inspect.isclass(case.term):
            term = case.term(RewardTermCfg(func=case.term, weight=1.0, params=params), there)
        value = term(there, **params)
    torch.testing.assert_close(value.float(), torch.tensor(case.expected).float(), atol=1e-4, rtol=1e-4)


def test_joint_accelerations_are_those_since_the_last_step(fake_env) -> None:
    env = fake_env(joint_vel=torch.tensor([[1.0, 2.0], [0.0, 0.0]]))
    joint_vel = env.scene["robot"].data.joint_vel
    term = mdp.JointAccL2(RewardTermCfg(func=mdp.JointAccL2, weight=1.0), env)
    # In 0.02 s by 0.02 and -0.04 rad/s, so at 1 and -2 rad/s²; the second robot by 0 and 0.06.
    joint_vel.torch = torch.tensor([[1.02, 1.96], [0.0, 0.06]])
    torch.testing.assert_close(term(env), torch.tensor([5.0, 9.0]), atol=1e-3, rtol=0.0)
    joint_vel.torch = torch.tensor([[-1.0, 0.0], [0.0, 0.08]])
    term.reset([0])
    torch.testing.assert_close(term(env), torch.tensor([0.0, 1.0]), atol=1e-3, rtol=0.0)


def test_a_state_that_is_not_finite_ends_the_episode(fake_env) -> None:
    nan, inf = float("nan"), float("inf")
    env = fake_env(
        joint_pos=torch.tensor([[0.0, 1.0], [nan, 0.0], [0.0, 0.0], [0.0, 0.0]]),
        joint_vel=torch.tensor([[9.0, -9.0], [0.0, 0.0], [0.0, inf], [0.0, 0.0]]),
        root_pos_w=torch.tensor([[1.0, 0.0, 0.0], [0.0] * 3, [0.0] * 3, [0.0, 0.0, -inf]]),
    )
    env.sim.physics_manager = None
    assert mdp.physics_broken(env).tolist() == [False, True, True, True]
    # An engine that marks them itself is believed.
    env.sim.physics_manager = SimpleNamespace(broken_envs=lambda: torch.tensor([True, False, False, False]))
    assert mdp.physics_broken(env).tolist() == [True, False, False, False]


# -- all of them ------------------------------------------------------------------------------------


def names(terms: Any) -> set[str]:
    """Functions by module and name: two may share the latter."""
    return {f"{term.__module__}.{term.__qualname__}" for term in terms}


def is_ours(term: Any) -> bool:
    return term.__module__.startswith("gaitway.")


TRIED = names([case.term for case in ALL]) | names(APART)


def test_every_reward_of_a_task_is_tried_here(env_cfgs: dict[str, Any]) -> None:
    used = [term.func for cfg in env_cfgs.values() for term in vars(cfg.rewards).values() if hasattr(term, "weight")]
    assert len(names(used)) >= 14
    assert names(used) - names([case.term for case in REWARDS]) - names(APART) == set()


def test_every_judge_of_a_task_is_tried_here(env_cfgs: dict[str, Any]) -> None:
    judges = [cfg.curriculum.success.params["judge"] for cfg in env_cfgs.values()]
    assert names(judges) - names([case.term for case in TERMINATIONS]) - names(APART) == set()


def test_all_terms_of_ours_that_tasks_use_are_tried_here(env_cfgs: dict[str, Any]) -> None:
    used = []
    for cfg in env_cfgs.values():
        groups = [
            cfg.rewards,
            cfg.terminations,
            *(g for part in vars(cfg.observations).values() for g in variants(part)),
        ]
        used += [term.func for group in groups for term in vars(group).values() if hasattr(term, "func")]
    assert names(term for term in used if is_ours(term)) - TRIED == set()
    shared = [term for term in vars(mdp).values() if inspect.isfunction(term) and is_ours(term)]
    assert names(shared) - TRIED == set()


def test_terms_that_are_tried_apart_are_tried_there() -> None:
    tests = {file.name for file in Path(__file__).parent.parent.rglob("test_*.py")}
    assert {Path(where).name for where in APART.values()} <= tests


# -- on the device ----------------------------------------------------------------------------------


OURS = [case for case in ALL if is_ours(case.term) and not inspect.isclass(case.term)]


@pytest.mark.parametrize("case", OURS, ids=named)
def test_our_terms_never_wait_for_the_device(case: Case, fake_env) -> None:
    # Tensors on torch's meta device have no values: whoever asks for one, to decide or to copy it, fails.
    value = compute(case, fake_env, device="meta")
    assert value.device.type == "meta"
    assert value.shape == torch.tensor(case.expected).shape


@CASES
def test_no_term_does_what_waits_for_a_device(case: Case, fake_env) -> None:
    compute(case, fake_env, within=NeverWaits())


@pytest.mark.parametrize(
    "waits",
    [
        lambda x: x.sum().item(),
        lambda x: x if x.any() else -x,
        lambda x: x[x > 0],
        lambda x: (x > 0).nonzero(),
        lambda x: x.cpu(),
        lambda x: x.tolist(),
        lambda x: x.numpy(),
    ],
    ids=["item", "if", "mask", "nonzero", "cpu", "tolist", "numpy"],
)
def test_waiting_for_the_device_would_be_noticed(waits: Callable[[torch.Tensor], Any]) -> None:
    with pytest.raises((RuntimeError, NotImplementedError, TypeError)):
        waits(torch.ones(3, device="meta"))


@pytest.mark.parametrize(
    "waits",
    [
        lambda x: x.sum().item(),
        lambda x: x if x.any() else -x,
        lambda x: x[x > 0],
        lambda x: x.index_put((x > 0,), torch.zeros(())),
        lambda x: x.masked_select(x > 0),
        lambda x: (x > 0).nonzero(),
        lambda x: x.to("meta"),
        lambda x: x[torch.zeros((), dtype=torch.long)],
        lambda x: x + torch.tensor([1.0, 2.0, 3.0]),
        lambda x: x[[0, 2]],
    ],
    ids=["item", "if", "mask", "put", "select", "nonzero", "to", "index", "tensor", "list"],
)
def test_what_waits_for_a_device_would_be_noticed_on_the_cpu(waits: Callable[[torch.Tensor], Any]) -> None:
    x = torch.ones(3)
    with pytest.raises(AssertionError), NeverWaits():
        waits(x)


# -- at the limits ----------------------------------------------------------------------------------

TURNS = [
    [0.0, 0.0, 0.0, 1.0],
    [0.0, 0.0, 0.0, -1.0],
    [1.0, 0.0, 0.0, 0.0],
    [0.0, -1.0, 0.0, 0.0],
    [0.0, 0.0, 1.0, 0.0],
    [0.0, HALF, HALF, 0.0],
    [1e-8, 0.0, 0.0, 1.0],
]
"""No turn, both ways; half turns; and one that is smaller than what a float can tell."""


def at_limit(name: str, values: Any, kind: str, turn: int) -> Any:
    """A case's tensor with all its numbers at a limit; the shape stays."""
    tensor = torch.tensor(values)
    if tensor.dtype != torch.float32:
        return values
    if name.endswith("quat_w"):
        tensor[:] = torch.tensor(TURNS[turn])
    elif kind == "huge":
        tensor = torch.where(tensor < 0, -1e6, 1e6)
    elif kind == "zero":
        tensor = torch.zeros_like(tensor)
    if name.startswith("command") and tensor.shape[-1] == 7:
        tensor[..., 3:] = torch.tensor(TURNS[(turn + 1) % len(TURNS)])
    return tensor.tolist()


@pytest.mark.parametrize("kind", ["as it is", "zero", "huge"])
@pytest.mark.parametrize("case", REWARDS, ids=named)
def test_a_reward_is_finite_at_the_limits(case: Case, kind: str, fake_env) -> None:
    for turn in range(len(TURNS)):
        tensors = {name: at_limit(name, values, kind, turn) for name, values in case.tensors.items()}
        value = compute(replace(case, tensors=tensors), fake_env)
        assert bool(value.isfinite().all()), (turn, value)


# -- what is said of them ---------------------------------------------------------------------------


def test_the_library_says_of_each_reward_what_it_is() -> None:
    for name in mdp.rewards.__all__:
        term = getattr(mdp.rewards, name)
        if name in ("GROUPS", "Description", "describe", "set_discount"):
            continue
        said = mdp.rewards.describe(term)
        assert said.group in mdp.rewards.GROUPS, name
        assert said.summary, name
        assert said.unit, name
        assert said.range, name
        assert said.source, name
        assert getattr(mdp, name) is term


def test_every_reward_of_a_task_says_what_it_is_and_is_on_the_page(env_cfgs: dict[str, Any]) -> None:
    page = (Path(__file__).parents[2] / "docs/rewards.md").read_text()
    used = {term.func for cfg in env_cfgs.values() for term in vars(cfg.rewards).values() if hasattr(term, "weight")}
    for term in used:
        said = mdp.rewards.describe(term)
        assert said.summary, term
        assert said.unit, f"{term}: say its unit, 'Unit: m.'"
        assert said.range, f"{term}: say its range, 'In [0, 1].'"
        assert said.source, f"{term}: say where it comes from, 'Source: ours.'"
        assert f"| `{said.name}` |" in page, f"{said.name}: run benchmarks/rewards.py"


def test_units_and_ranges_are_read_from_docstrings() -> None:
    power = mdp.rewards.describe(mdp.joint_power)
    assert (power.group, power.unit, power.range) == ("effort", "W", "[0, inf)")
    near = mdp.rewards.describe(mdp.pose_error_tanh)
    assert (near.group, near.unit, near.range) == ("track", "1", "[0, 1]")
    stock = mdp.rewards.describe(mdp.action_rate_l2)
    assert (stock.group, stock.unit, stock.source) == ("smooth", "1", "Isaac Lab")
