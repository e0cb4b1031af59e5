"""Left and right: what a legged robot sees and does, as in a mirror.

A legged robot and its mirror image obey the same laws, so each transition that is seen is worth two (Mittal et al.,
"Symmetry Considerations for Learning Task Symmetric Robot Policies", ICRA 2024). The mirror is the plane of x and z.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from weakref import WeakKeyDictionary

import torch
from isaaclab.managers import SceneEntityCfg
from tensordict import TensorDict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isaaclab.envs import ManagerBasedRLEnv

_VECTOR = (1.0, -1.0, 1.0)  # a velocity or a direction
_ROTATION = (-1.0, 1.0, -1.0)  # a rate about each axis
_COMMAND = (1.0, -1.0, -1.0)  # velocity along x and y, and rate about z
_SIGNS = {
    "base_lin_vel": _VECTOR,
    "base_ang_vel": _ROTATION,
    "projected_gravity": _VECTOR,
    "velocity_commands": _COMMAND,
    "base_height": (1.0,),
    "base_mass": (1.0,),
    "motor_delay": (1.0,),
}
"""Terms that stay in place, and the sign of each of their elements."""

_PAIRS = (("FL", "FR"), ("RL", "RR"), ("LF", "RF"), ("LH", "RH"), ("left", "right"))
_OTHER_SIDE = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])}
"""What the names of legs and arms begin with, and what they begin with on the other side."""
_IN_THE_MIDDLE = re.compile("waist_(yaw|roll|pitch)_joint")
"""Joints that are on no side."""
_TURNS_ROUND = re.compile(".*(_hip_joint|_HAA|_roll_joint|_yaw_joint)")
"""Joints about x or z, which turn the other way round in a mirror; those about y do not."""


class Mirror(NamedTuple):
    """A mirror for rows of numbers: ``x[:, index] * sign``."""

    index: torch.Tensor
    """Where each element comes from. Shape is (elements,)."""
    sign: torch.Tensor
    """1 or -1. Shape is (elements,)."""

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """Append the mirror images. Shapes are (rows, elements) and (2 · rows, elements)."""
        # An agent may learn on another device than its environment's.
        return torch.cat([rows, rows[:, self.index.to(rows.device)] * self.sign.to(rows.device)])


class _Mirrors(NamedTuple):
    """The mirrors of an environment."""

    groups: dict[str, Mirror]
    actions: Mirror


_CACHE: WeakKeyDictionary[Any, _Mirrors] = WeakKeyDictionary()


@torch.no_grad()
def mirror_left_right(
    env: Any, obs: TensorDict | None, actions: torch.Tensor | None
) -> tuple[TensorDict | None, torch.Tensor | None]:
    """Append to observations and actions their mirror images, as RSL-RL wants its ``data_augmentation_func``.

    Args:
        env: A velocity environment, in whatever wrappers.
        obs: Groups of observations. Shapes are (rows, elements of the group).
        actions: Shape is (rows, action elements).

    Returns:
        The same with twice the rows, originals first.

    Raises:
        ValueError: If the environment has a term that has no known mirror image.
    """
    unwrapped = env.unwrapped
    mirrors = _CACHE.get(unwrapped)
    if mirrors is None:
        mirrors = _CACHE[unwrapped] = _make_mirrors(unwrapped)
    if obs is not None:
        doubled = {group: mirrors.groups[group](cast("torch.Tensor", rows)) for group, rows in obs.items()}
        obs = TensorDict(doubled, batch_size=[2 * obs.batch_size[0]], device=obs.device)
    return obs, None if actions is None else mirrors.actions(actions)


def _make_mirrors(env: ManagerBasedRLEnv) -> _Mirrors:
    manager = env.observation_manager
    groups = {}
    for group, names in manager.active_terms.items():
        if not manager.group_obs_concatenate[group]:
            raise ValueError(f"Observation group '{group}' is not concatenated, so it cannot be mirrored.")
        parts = [
            _frames(env, name, cfg, torch.Size(shape).numel())
            for name, cfg, shape in zip(
                names, manager._group_obs_term_cfgs[group], manager.group_obs_term_dim[group], strict=True
            )
        ]
        groups[group] = _join(parts, env.device)
    return _Mirrors(groups, _join(_actions(env), env.device))


def _join(parts: Sequence[tuple[list[int], list[float]]], device: str) -> Mirror:
    """One mirror from those of its terms, one after the other."""
    index: list[int] = []
    sign: list[float] = []
    for part_index, part_sign in parts:
        index += [len(sign) + source for source in part_index]
        sign += part_sign
    return Mirror(torch.tensor(index, device=device), torch.tensor(sign, device=device))


def _frames(env: ManagerBasedRLEnv, name: str, cfg: Any, width: int) -> tuple[list[int], list[float]]:
    """Index and sign of one observation term with all the frames of its history."""
    frames = max(cfg.history_length, 1)
    index, sign = _observation(env, name, cfg.params, width // frames)
    return [len(index) * frame + source for frame in range(frames) for source in index], sign * frames


def _observation(env: ManagerBasedRLEnv, name: str, params: dict, width: int) -> tuple[list[int], list[float]]:
    """Index and sign of one observation term."""
    if name in _SIGNS:
        index, sign = list(range(len(_SIGNS[name]))), list(_SIGNS[name])
    elif name in ("joint_pos", "joint_vel"):
        asset_cfg = params.get("asset_cfg", SceneEntityCfg("robot"))
        index, sign = _joints(name, _chosen(env.scene[asset_cfg.name].joint_names, asset_cfg.joint_ids))
    elif name in ("motor_stiffness", "motor_damping", "motor_strength"):
        asset_cfg = params.get("asset_cfg", SceneEntityCfg("robot"))
        index, sign = _parts(name, _chosen(env.scene[asset_cfg.name].joint_names, asset_cfg.joint_ids))
    elif name == "foot_friction":
        asset_cfg = params["asset_cfg"]
        index, sign = _parts(name, _chosen(env.scene[asset_cfg.name].body_names, asset_cfg.body_ids))
    elif name == "actions":
        parts = _join(_actions(env), "cpu")
        index, sign = parts.index.tolist(), parts.sign.tolist()
    elif name == "foot_contacts":
        sensor_cfg = params["sensor_cfg"]
        index, sign = _parts(name, _chosen(env.scene.sensors[sensor_cfg.name].body_names, sensor_cfg.body_ids))
    elif name == "height_scan":
        index, sign = _grid(name, env.scene.sensors[params["sensor_cfg"].name].cfg)
    else:
        raise ValueError(f"Observation term '{name}' has no known mirror image.")
    if len(index) != width:
        raise ValueError(f"Observation term '{name}' has {width} elements; {len(index)} can be mirrored.")
    return index, sign


def _actions(env: ManagerBasedRLEnv) -> list[tuple[list[int], list[float]]]:
    """Index and sign of each action term."""
    terms = {name: env.action_manager.get_term(name) for name in env.action_manager.active_terms}
    for name, term in terms.items():
        if not hasattr(term, "_joint_names"):
            raise ValueError(f"Action term '{name}' has no known mirror image.")
    return [_joints(name, term._joint_names) for name, term in terms.items()]


def _chosen(names: Sequence[str], ids: Sequence[int] | slice) -> list[str]:
    return list(names[ids]) if isinstance(ids, slice) else [names[i] for i in ids]


def _parts(term: str, names: Sequence[str]) -> tuple[list[int], list[float]]:
    """Swap what is on the left with what is on the right."""
    index = []
    for name in names:
        side, _, part = name.partition("_")
        other = name if _IN_THE_MIDDLE.fullmatch(name) else f"{_OTHER_SIDE.get(side)}_{part}"
        if other not in names:
            raise ValueError(f"Term '{term}' has no known mirror image: '{name}' has no counterpart.")
        index.append(list(names).index(other))
    return index, [1.0] * len(index)


def _joints(term: str, names: Sequence[str]) -> tuple[list[int], list[float]]:
    """Swap left and right, and turn round what turns about another axis than y."""
    index, _ = _parts(term, names)
    return index, [-1.0 if _TURNS_ROUND.fullmatch(name) else 1.0 for name in names]


def _grid(term: str, scanner: Any) -> tuple[list[int], list[float]]:
    """Swap the rays of a scanner: each with the one that starts and points as its mirror image does."""
    start, direction = scanner.pattern_cfg.func(scanner.pattern_cfg, "cpu")
    rays = torch.cat([start + torch.tensor(scanner.offset.pos), direction], dim=-1)
    near, index = torch.cdist(rays * torch.tensor(_VECTOR * 2), rays).min(dim=-1)
    if near.max() > 1e-3 or scanner.ray_alignment == "world":
        raise ValueError(f"Observation term '{term}' has no known mirror image: left and right rays differ.")
    return index.tolist(), [1.0] * len(index)
