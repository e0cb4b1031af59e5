"""What a policy was trained for, in the contract's words: commands, actions, success, how episodes begin and end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from isaaclab.assets import RigidObjectCfg
from isaaclab.envs.mdp.actions.binary_joint_actions import BinaryJointPositionAction
from isaaclab.envs.mdp.actions.joint_actions import JointPositionAction
from isaaclab.envs.mdp.commands.pose_command import UniformPoseCommand
from isaaclab.envs.mdp.commands.velocity_command import NormalVelocityCommand, UniformVelocityCommand
from isaaclab.sim import GroundPlaneCfg
from isaaclab.terrains import TerrainImporterCfg
from isaaclab.utils.string import resolve_matching_names

from gaitway import mdp
from gaitway.errors import UsageError
from gaitway.mdp.actions import MeasuredJointPositionAction

from .observations import tidy

POSITIONS, QUATERNION = ("pos_x", "pos_y", "pos_z"), ("quat_x", "quat_y", "quat_z", "quat_w")
UNLIMITED = 1.0e9
"""Stands for no limit, since JSON has no infinity."""


def describe_commands(env: Any, train_cfg: Any) -> list[dict[str, Any]]:
    """Describe the commands, with the ranges that they were drawn from in training."""
    manager = env.command_manager
    commands = []
    for name in manager.active_terms:
        term = manager.get_term(name)
        cfg = getattr(train_cfg.commands, name, term.cfg)
        command = {
            "name": name,
            "kind": "other",
            "frame": "base",
            "resample_s": [float(edge) for edge in cfg.resampling_time_range],
            "zero_share": 0.0,
            "euler": None,
            "body": None,
        }
        ranges = getattr(cfg, "ranges", None)
        if isinstance(term, UniformVelocityCommand) and not isinstance(term, NormalVelocityCommand):
            command |= {"kind": "velocity", "zero_share": float(cfg.rel_standing_envs)}
            units = {"lin_vel_x": "m/s", "lin_vel_y": "m/s", "ang_vel_z": "rad/s"}
            command["elements"] = [_element(n, unit, getattr(ranges, n)) for n, unit in units.items()]
        elif hasattr(ranges, "pos_x"):
            command["elements"] = [_element(n, "m", getattr(ranges, n)) for n in POSITIONS]
            command["elements"] += [_element(n, "1", (-1.0, 1.0)) for n in QUATERNION]
            if isinstance(term, UniformPoseCommand):
                angles = {axis: [float(edge) for edge in getattr(ranges, axis)] for axis in ("roll", "pitch", "yaw")}
                command |= {"kind": "pose", "euler": angles, "body": cfg.body_name}
        else:
            width = manager.get_command(name).shape[1]
            names = tuple(getattr(term.cfg, "element_names", None) or ())
            names = names if len(names) == width else tuple(f"element_{i}" for i in range(width))
            command["elements"] = [_element(n, "", (-UNLIMITED, UNLIMITED)) for n in names]
        commands.append(command)
    return commands


def _element(name: str, unit: str, edges: Sequence[float]) -> dict[str, Any]:
    return {"name": name, "unit": unit, "low": float(edges[0]), "high": float(edges[1])}


def describe_actions(env: Any, train_cfg: Any) -> list[dict[str, Any]]:
    """Describe what the policy's output means.

    Raises:
        UsageError: An action is of a kind that a contract cannot say.
    """
    actions = []
    for name in env.action_manager.active_terms:
        term = env.action_manager.get_term(name)
        trained = getattr(train_cfg.actions, name, term.cfg)
        action = {
            "name": name,
            "joints": list(term._joint_names),
            **dict.fromkeys(("scale", "offset", "clip", "open", "close")),
            "delay_s": [float(edge) for edge in getattr(trained, "delay", (0.0, 0.0))],
        }
        if type(term) is BinaryJointPositionAction and term.cfg.clip is None:
            action |= {
                "type": "binary_joint",
                "open": _tidied(term._open_command),
                "close": _tidied(term._close_command),
            }
        elif isinstance(term, JointPositionAction):
            width, relative = term.action_dim, isinstance(term, MeasuredJointPositionAction)
            action |= {
                "type": "relative_joint_position" if relative else "joint_position",
                "scale": _per_joint(term._scale, width),
                "offset": None if relative else _per_joint(term._offset, width),
                "clip": None if term.cfg.clip is None else [_tidied(pair) for pair in term._clip[0]],
            }
        else:
            raise UsageError(
                f"actions.{name}: {type(term).__name__} cannot be put into a contract; joint positions and grippers "
                "that open or close can."
            )
        actions.append(action)
    return actions


def _per_joint(value: Any, width: int) -> list[float]:
    if isinstance(value, torch.Tensor):
        # The first environment's; offsets are the default pose, which all share.
        return _tidied(value[0] if value.dim() == 2 else value)
    return [float(value)] * width


def _tidied(values: torch.Tensor) -> list[float]:
    return [tidy(value) for value in values.clamp(-UNLIMITED, UNLIMITED).tolist()]


def describe_task(env: Any, train_cfg: Any, summary: str, success: str) -> dict[str, Any]:
    """Describe when an episode succeeds and fails, how it begins, and what else is there.

    Args:
        env: The environment.
        train_cfg: Config of the environment that the policy was trained in.
        summary: One line: what the robot is to do.
        success: One line: when an episode is a success.
    """
    return {
        "episode_length_s": float(train_cfg.episode_length_s),
        "summary": summary,
        "success_text": success,
        "success": _success(train_cfg),
        "failures": _failures(env, train_cfg),
        "reset": _reset(env, train_cfg),
        "scene": _scene(train_cfg),
    }


def _success(train_cfg: Any) -> dict[str, Any]:
    term = getattr(train_cfg.curriculum, "success", None)
    judge, params = (None, {}) if term is None else (term.params["judge"], term.params["params"])
    if judge is mdp.kept_velocity:
        return {
            "kind": "kept_velocity",
            "command": params["command_name"],
            "linear": float(params["linear"]),
            "angular": float(params["angular"]),
        }
    if judge is mdp.reached:
        angle = params.get("orientation")
        return {
            "kind": "reached",
            "command": params["command_name"],
            "body": _names(params["asset_cfg"].body_names)[0],
            "position": float(params["position"]),
            "orientation": None if angle is None else float(angle),
        }
    return {"kind": "other"}


def _failures(env: Any, train_cfg: Any) -> list[dict[str, Any]]:
    failures: list[dict[str, Any]] = []
    for term in _terms(train_cfg.terminations):
        if term.time_out or term.func is mdp.physics_broken:
            continue
        if term.func is mdp.bad_orientation:
            failures.append({"kind": "tilt", "limit": float(term.params["limit_angle"])})
        elif term.func is mdp.illegal_contact:
            patterns = _names(term.params["sensor_cfg"].body_names) or [".*"]
            bodies = resolve_matching_names(patterns, env.scene["robot"].body_names)[1]
            failures.append({"kind": "contact", "bodies": bodies, "force": float(term.params["threshold"])})
        else:
            failures.append({"kind": "other"})
    return failures


def _reset(env: Any, train_cfg: Any) -> dict[str, Any]:
    robot = env.scene["robot"]
    joint_pos: dict[str, Any] = {"kind": "none", "low": 0.0, "high": 0.0, "joints": []}
    yaw = [0.0, 0.0]
    kinds = {mdp.reset_joints_by_scale: "scale", mdp.reset_joints_by_offset: "offset"}
    for term in _terms(train_cfg.events):
        entity = term.params.get("asset_cfg")
        if entity is not None and entity.name != "robot":
            continue
        if term.func in kinds:
            low, high = term.params["position_range"]
            patterns = _names(getattr(entity, "joint_names", None)) or [".*"]
            joints = resolve_matching_names(patterns, robot.joint_names)[1]
            joint_pos = {"kind": kinds[term.func], "low": float(low), "high": float(high), "joints": joints}
        elif term.func is mdp.reset_root_state_uniform:
            yaw = [float(edge) for edge in term.params["pose_range"].get("yaw", (0.0, 0.0))]
    return {"joint_pos": joint_pos, "yaw": yaw}


def _scene(train_cfg: Any) -> list[str]:
    """What there is beside the robot: ``ground``, ``terrain``, and objects by name."""
    found = []
    for name, cfg in vars(train_cfg.scene).items():
        if isinstance(cfg, TerrainImporterCfg):
            found.append("ground" if cfg.terrain_type == "plane" else "terrain")
        elif isinstance(getattr(cfg, "spawn", None), GroundPlaneCfg):
            found.append("ground")
        elif isinstance(cfg, RigidObjectCfg):
            found.append(name)
    return sorted(found)


def _terms(group: Any) -> list[Any]:
    return [term for term in vars(group).values() if hasattr(term, "func")]


def _names(value: str | Sequence[str] | None) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)
