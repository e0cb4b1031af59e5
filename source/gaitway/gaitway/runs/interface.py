"""What goes into a policy and what comes out: names, orders, units of an environment, for whoever runs it elsewhere."""

from __future__ import annotations

from typing import Any

import torch
from isaaclab.envs.mdp.actions.binary_joint_actions import BinaryJointAction
from isaaclab.utils.string import resolve_matching_names_values


def describe_interface(env: Any) -> dict[str, Any]:
    """Describe the observations and actions of an Isaac Lab environment.

    Args:
        env: A manager-based environment with one articulation named ``robot``.

    Returns:
        Plain values only. Joint quantities are lists in the order of ``joint_names``.
    """
    robot = env.scene["robot"]
    data = robot.data
    manager = env.observation_manager
    groups = {
        group: [
            {
                "name": name,
                "size": int(torch.Size(shape).numel()),
                "scale": _plain(cfg.scale),
                "clip": _plain(cfg.clip),
                "history": cfg.history_length,
            }
            for name, shape, cfg in zip(
                manager.active_terms[group],
                manager.group_obs_term_dim[group],
                manager._group_obs_term_cfgs[group],
                strict=True,
            )
        ]
        for group in manager.active_terms
    }
    actions = []
    for name in env.action_manager.active_terms:
        term = env.action_manager.get_term(name)
        if isinstance(term, BinaryJointAction):
            # Targets of the joints where the one number is not negative, and where it is.
            targets = {"open": term._open_command.tolist(), "close": term._close_command.tolist()}
        else:
            targets = {
                "scale": _per_joint(term._scale, term.action_dim),
                "offset": _per_joint(term._offset, term.action_dim),
            }
        actions.append(
            {
                "name": name,
                "type": type(term).__name__,
                "size": term.action_dim,
                "joint_names": list(term._joint_names),
                **targets,
            }
        )
    return {
        "control_dt": env.step_dt,
        "physics_dt": env.physics_dt,
        "observations": groups,
        "actions": actions,
        "joint_names": list(robot.joint_names),
        "default_joint_pos": data.default_joint_pos.torch[0].tolist(),
        "joint_pos_limits": data.joint_pos_limits.torch[0].tolist(),
        "joint_vel_limits": data.joint_vel_limits.torch[0].tolist(),
        "joint_effort_limits": data.joint_effort_limits.torch[0].tolist(),
        "joint_stiffness": _nominal(robot, "stiffness"),
        "joint_damping": _nominal(robot, "damping"),
        "joint_armature": _nominal(robot, "armature"),
    }


def _nominal(robot: Any, name: str) -> list[float | None]:
    """A property of the actuators as configured, since the simulator's own is randomised; None where it is not set."""
    values: list[float | None] = [None] * len(robot.joint_names)
    for actuator in robot.cfg.actuators.values():
        setting = getattr(actuator, name)
        if setting is None:
            continue
        if not isinstance(setting, dict):
            setting = dict.fromkeys(actuator.joint_names_expr, setting)
        ids, _, found = resolve_matching_names_values(setting, robot.joint_names)
        for index, value in zip(ids, found, strict=True):
            values[index] = float(value)
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value


def _per_joint(value: Any, size: int) -> list[float]:
    if isinstance(value, torch.Tensor):
        # The first environment's; offsets are the default pose, which all share.
        return (value[0] if value.dim() == 2 else value).tolist()
    return [float(value)] * size
