"""What holds for the rewards of every task, checked on a running environment.

Rewards are computed anew on the same environment as it would be somewhere else in the world: all that is given in the
world frame, of robots, objects, sensors, commands and the origins of environments, is turned about z and shifted. The
ground stays level and where it is.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import math
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import torch
from isaaclab.utils.math import quat_apply, quat_mul, wrap_to_pi

from ..waits import NeverWaits

YAW, SHIFT = 2.0, (3.0, -2.0, 0.0)
BOUND_TO_THE_WORLD: dict[str, str] = {"turned_away": "the edge to jump across runs along the world's y axis"}
"""Rewards, by name of the function, that may depend on which way a robot looks in the world, and why. These are still
to be the same when all is only shifted."""
WAITING: dict[str, str] = {}
"""Rewards, by name of the function, that wait for the device, and why."""


_yaw = YAW


@contextlib.contextmanager
def turned_by(yaw: float) -> Iterator[None]:
    """Turn by another angle meanwhile."""
    global _yaw
    _yaw, before = yaw, _yaw
    try:
        yield
    finally:
        _yaw = before


def _turn(like: torch.Tensor) -> torch.Tensor:
    return like.new_tensor([0.0, 0.0, math.sin(_yaw / 2), math.cos(_yaw / 2)])


def _vectors(value: torch.Tensor) -> torch.Tensor:
    """Turn vectors; several one after the other in the last dimension."""
    parts = value.unflatten(-1, (-1, 3))
    return quat_apply(_turn(value).expand(*parts.shape[:-1], 4), parts).flatten(-2)


def _points(value: torch.Tensor) -> torch.Tensor:
    return _vectors(value) + value.new_tensor(SHIFT)


def _quats(value: torch.Tensor) -> torch.Tensor:
    return quat_mul(_turn(value).expand_as(value), value)


def _pose(value: torch.Tensor) -> torch.Tensor:
    return torch.cat([_points(value[..., :3]), _quats(value[..., 3:])], dim=-1)


RULES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "pos_w": _points,
    "hits_w": _points,
    "origins": _points,
    "place": _points,  # where a jump is to end
    "quat_w": _quats,
    "quat_command_w": _quats,
    "pos_command_w": _points,
    "pos_command_e": _vectors,  # from the environment's origin
    "pose_w": _pose,
    "vel_w": _vectors,
    "acc_w": _vectors,
    "forces_w": _vectors,
    "force_w": _vectors,
    "forces_w_history": _vectors,
    "matrix_w": _vectors,
    "heading_w": lambda value: wrap_to_pi(value + _yaw),
    "state_w": lambda value: torch.cat([_pose(value[..., :7]), _vectors(value[..., 7:])], dim=-1),
}
"""How to move what is given in the world frame, by the end of its name."""


def moved_value(name: str, value: Any) -> Any:
    """A value of this name, elsewhere in the world."""
    tensor = value.torch if hasattr(value, "torch") else value
    if not torch.is_tensor(tensor):
        return value
    rule = next((rule for end, rule in RULES.items() if name.endswith(end)), None)
    if rule is None:
        assert not name.endswith("_w"), f"no rule says how to move {name}"
        return value
    return SimpleNamespace(torch=rule(tensor)) if hasattr(value, "torch") else rule(tensor)


def moved_command(term: Any) -> torch.Tensor:
    """What a command says, elsewhere in the world: most say it in the base frame, Isaac Lab's in-hand ones do not."""
    value = term.command
    if not hasattr(term, "quat_command_w"):
        return value
    return torch.cat([_vectors(value[..., :3]), _quats(value[..., 3:])], dim=-1)


class Moved:
    """An asset, a sensor, their data or a command, elsewhere in the world."""

    def __init__(self, real: Any):
        self._real = real

    def __getattr__(self, name: str) -> Any:
        if name == "command":
            return moved_command(self._real)
        value = getattr(self._real, name)
        return Moved(value) if name == "data" else moved_value(name, value)


class MovedScene:
    """A scene, elsewhere in the world."""

    def __init__(self, real: Any):
        self._real = real
        self.sensors = {name: Moved(sensor) for name, sensor in real.sensors.items()}
        self.env_origins = _points(real.env_origins)

    def __getitem__(self, name: str) -> Any:
        return Moved(self._real[name])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class MovedEnv:
    """An environment, elsewhere in the world."""

    def __init__(self, real: Any):
        self._real = real
        self.scene = MovedScene(real.scene)
        self.before_step: list[Any] = []
        commands = real.command_manager
        self.command_manager = SimpleNamespace(
            get_command=lambda name: moved_command(commands.get_term(name)),
            get_term=lambda name: Moved(commands.get_term(name)),
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def rewards_of(env: Any) -> Iterator[tuple[str, Any, Callable[[Any], torch.Tensor]]]:
    """Name of each reward, its function or class, and what computes it in a given environment.

    A term that is a class is made anew for that, and remembers nothing.
    """
    manager = env.reward_manager
    for name in manager.active_terms:
        cfg = manager.get_term_cfg(name)
        made = not inspect.isroutine(cfg.func)
        kind = type(cfg.func) if made else cfg.func

        def compute(where: Any, cfg: Any = cfg, made: bool = made, kind: Any = kind) -> torch.Tensor:
            if not made:
                return kind(where, **cfg.params)
            fresh = copy.copy(cfg)
            fresh.func = kind
            return kind(fresh, where)(where, **cfg.params)

        yield name, kind, compute


def check_rewards_are_the_same_elsewhere(env: Any) -> None:
    """Rewards do not depend on where in the world a robot is and which way it looks.

    Args:
        env: The environment, not wrapped.
    """
    differ = {}
    for name, kind, compute in rewards_of(env):
        here = compute(env).clone()
        with turned_by(0.0 if kind.__name__ in BOUND_TO_THE_WORLD else YAW):
            there = compute(MovedEnv(env))
        if not torch.allclose(here, there, atol=1e-4, rtol=1e-3):
            differ[name] = (here.tolist(), there.tolist())
    assert differ == {}, f"other values elsewhere in the world: {differ}"


def check_rewards_never_wait(env: Any) -> None:
    """Rewards do nothing that would wait for a GPU.

    Args:
        env: The environment, not wrapped.
    """
    manager = env.reward_manager
    for name in manager.active_terms:
        cfg = manager.get_term_cfg(name)
        kind = cfg.func if inspect.isroutine(cfg.func) else type(cfg.func)
        if kind.__name__ in WAITING:
            continue
        cfg.func(env, **cfg.params)  # what is computed lazily and once is not the term's
        with NeverWaits():
            value = cfg.func(env, **cfg.params)
        assert value.shape == (env.num_envs,), name
        assert bool(value.isfinite().all()), name
