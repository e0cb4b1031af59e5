"""What a policy observes, term by term, in the contract's words."""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from isaaclab.utils.noise import GaussianNoiseCfg, UniformNoiseCfg

from gaitway import mdp
from gaitway.errors import UsageError


@dataclass(frozen=True)
class _Meaning:
    """What the numbers of a term are."""

    unit: str
    frame: str
    source: str
    """The sensor that must give it."""
    description: str


_ENCODERS, _IMU, _ESTIMATOR = "joint_encoders", "imu", "state_estimator"
_KINDS: dict[Any, tuple[str, _Meaning]] = {
    mdp.joint_pos_rel: ("joint_pos", _Meaning("rad", "joint", _ENCODERS, "Joint positions less the default pose.")),
    mdp.joint_pos: ("joint_pos", _Meaning("rad", "joint", _ENCODERS, "Joint positions.")),
    mdp.joint_vel_rel: ("joint_vel", _Meaning("rad/s", "joint", _ENCODERS, "Joint velocities.")),
    mdp.joint_vel: ("joint_vel", _Meaning("rad/s", "joint", _ENCODERS, "Joint velocities.")),
    mdp.base_lin_vel: (
        "base_lin_vel",
        _Meaning("m/s", "base", _ESTIMATOR, "Velocity of the base link's centre of mass (offset, in its frame)."),
    ),
    mdp.base_ang_vel: ("base_ang_vel", _Meaning("rad/s", "base", _IMU, "Angular velocity of the base.")),
    mdp.projected_gravity: (
        "projected_gravity",
        _Meaning("1", "base", _IMU, "Direction of gravity, a unit vector: (0, 0, -1) when upright."),
    ),
    mdp.generated_commands: ("command", _Meaning("", "base", "command", "What the robot is asked to do.")),
    mdp.last_action: (
        "last_action",
        _Meaning("1", "policy", "policy", "What the policy answered a step ago, as it came out of the network."),
    ),
}
"""Terms that a robot's computer can build from what every driver gives; all others must be given as they are."""

_EXTERNAL = {
    "height_scan": _Meaning(
        "m",
        "points of a grid that turns with the base's yaw",
        "height map of the ground",
        "Height of the base above the ground at each point of a grid, less a fixed height.",
    ),
    "object_position_in_robot_root_frame": _Meaning("m", "base", "object tracking", "Position of the object."),
    "object_quat_b": _Meaning("1", "base", "object tracking", "Orientation (x, y, z, w) of the object."),
    "object_velocity": _Meaning("m/s, rad/s", "base", "object tracking", "Linear and angular velocity of the object."),
    "commanded_position": _Meaning("m", "base", "command", "Commanded position, without its orientation."),
    "hand_to_object": _Meaning("m", "base", "object tracking", "From where the hand grasps to the object."),
    "ee_pose_error": _Meaning(
        "m, rad", "base", "forward kinematics", "From the body's pose to the commanded one: shift and rotation vector."
    ),
    "foot_contacts": _Meaning("1", "feet", "contact sensors of the feet", "Whether each foot bears weight: 0 or 1."),
    "base_pos_z": _Meaning("m", "world", _ESTIMATOR, "Height of the base."),
    "remaining_time_s": _Meaning("s", "episode", "clock", "Time that is left of the episode."),
}
"""Terms that a driver must give as they are, by the name of their function."""


def describe_observations(
    env: Any, groups: Sequence[str], train_cfg: Any, robot: dict[str, Any], commands: list[dict[str, Any]], com: Any
) -> list[dict[str, Any]]:
    """Describe the terms that a policy observes, in the order in which they are concatenated.

    Args:
        env: The environment, without noise and delay.
        groups: Groups of observations, in the policy's order.
        train_cfg: Config of the environment it was trained in: there is the noise and the latency.
        robot: The robot, as the contract has it.
        commands: The commands, as the contract has them.
        com: Centre of mass of the base link in its frame. Shape is (3,). Unit: m.

    Raises:
        UsageError: A term cannot be carried out of the simulator: one with modifiers, say. The message names it.
    """
    manager = env.observation_manager
    joint_units = {joint["name"]: joint["unit"] for joint in robot["joints"]}
    command_units = {command["name"]: [part["unit"] for part in command["elements"]] for command in commands}
    found: list[dict[str, Any]] = []
    names: set[str] = set()
    for group in groups:
        _check_layout(manager, group)
        train_group = getattr(train_cfg.observations, group, None)
        for name, shape, cfg in zip(
            manager.active_terms[group],
            manager.group_obs_term_dim[group],
            manager._group_obs_term_cfgs[group],
            strict=True,
        ):
            label = f"{group}.{name}" if name in names else name
            names.add(label)
            size = int(torch.Size(shape).numel())
            trained = getattr(train_group, name, cfg)
            place = f"observations.{group}.{name}"
            term = {"name": label, **_describe(env, cfg, size, place)}
            if term["kind"] == "base_lin_vel":
                term["offset"] = [float(x) for x in com]
            elif term["kind"] == "command":
                term["unit"] = ", ".join(command_units[term["command"]])
            elif term["joints"] and {joint_units[joint] for joint in term["joints"]} == {"m"}:
                term["unit"] = term["unit"].replace("rad", "m")
            term["noise"] = _noise(train_group, trained, place)
            term["latency_s"] = [trained.delay_min_lag * env.step_dt, trained.delay_max_lag * env.step_dt]
            found.append(term)
    return found


def term_functions(env: Any, groups: Sequence[str]) -> list[tuple[Any, dict[str, Any]]]:
    """Function and parameters of each term, in the order of :func:`describe_observations`."""
    manager = env.observation_manager
    return [(cfg.func, cfg.params) for group in groups for cfg in manager._group_obs_term_cfgs[group]]


def _check_layout(manager: Any, group: str) -> None:
    if group not in manager.active_terms:
        raise UsageError(f"The policy observes the group '{group}', which the environment does not have.")
    if not manager._group_obs_concatenate[group]:
        raise UsageError(f"observations.{group}: its terms are not concatenated; set concatenate_terms=True and train.")
    if manager._group_obs_time_major[group]:
        raise UsageError(
            f"observations.{group}: history_order='time' cannot be put into a contract; train with 'term', in which "
            "each term's history is together."
        )


def _describe(env: Any, cfg: Any, size: int, place: str) -> dict[str, Any]:
    """All of a term that the playing environment knows."""
    if cfg.modifiers:
        raise UsageError(f"{place}: has modifiers, which a contract cannot say; make them part of the term's function.")
    if cfg.history_length > 0 and not cfg.flatten_history_dim:
        raise UsageError(f"{place}: its history is not flattened; set flatten_history_dim=True and train.")
    length = max(cfg.history_length, 1)
    width = size // length
    kind, meaning = _meaning(cfg)
    term = {
        "kind": kind,
        "width": width,
        "unit": meaning.unit,
        "frame": meaning.frame,
        "source": meaning.source,
        "description": meaning.description,
        "scale": _per_element(cfg.scale, width),
        "clip": None if cfg.clip is None else [float(edge) for edge in cfg.clip],
        "history": {"length": length, "layout": "term_major_oldest_first"},
        "joints": None,
        "command": None,
        "offset": None,
    }
    if kind in ("joint_pos", "joint_vel"):
        term |= _joints(env, cfg, kind)
    elif kind == "command":
        term["command"] = cfg.params["command_name"]
    elif kind == "last_action" and width != env.action_manager.total_action_dim:
        raise UsageError(f"{place}: shows a part of the last action, which a contract cannot say; show all of it.")
    return term


def _meaning(cfg: Any) -> tuple[str, _Meaning]:
    entity = cfg.params.get("asset_cfg")
    if cfg.func in _KINDS and (entity is None or entity.name == "robot"):
        return _KINDS[cfg.func]
    function = cfg.func if inspect.isroutine(cfg.func) else type(cfg.func)
    if function.__name__ in _EXTERNAL:
        return "external", _EXTERNAL[function.__name__]
    first_line = (inspect.getdoc(function) or function.__name__).splitlines()[0]
    return "external", _Meaning("", "", f"whatever gives '{function.__name__}'", first_line)


def _joints(env: Any, cfg: Any, kind: str) -> dict[str, Any]:
    robot = env.scene["robot"]
    entity = cfg.params.get("asset_cfg")
    ids = slice(None) if entity is None else entity.joint_ids
    names = np.array(robot.joint_names)[ids if isinstance(ids, slice) else list(ids)].tolist()
    relative = cfg.func in (mdp.joint_pos_rel, mdp.joint_vel_rel)
    default = (robot.data.default_joint_pos if kind == "joint_pos" else robot.data.default_joint_vel).torch[0, ids]
    return {"joints": names, "offset": [tidy(value) for value in default.tolist()] if relative else None}


def _per_element(scale: Any, width: int) -> list[float]:
    if scale is None:
        return [1.0] * width
    values = torch.as_tensor(scale, dtype=torch.float32).flatten().tolist()
    return [tidy(value) for value in (values * width if len(values) == 1 else values)]


def _noise(group: Any, cfg: Any, place: str) -> dict[str, Any] | None:
    """Noise of training. Of a normal distribution, the uniform one with the same mean and variance."""
    noise = cfg.noise
    if noise is None or not getattr(group, "enable_corruption", False):
        return None
    if isinstance(noise, UniformNoiseCfg) and noise.operation == "add":
        low, high = noise.n_min, noise.n_max
    elif isinstance(noise, GaussianNoiseCfg) and noise.operation == "add":
        low, high = noise.mean - math.sqrt(3.0) * noise.std, noise.mean + math.sqrt(3.0) * noise.std
    else:
        raise UsageError(f"{place}: noise of {type(noise).__name__} cannot be put into a contract; add uniform noise.")
    return {"type": "uniform", "low": float(low), "high": float(high)}


def tidy(value: float) -> float:
    """A number that came through float32, as the shortest decimal that means the same there."""
    return float(str(np.float32(value)))
