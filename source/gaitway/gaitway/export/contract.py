"""The contract of a policy: all that a robot must know to run it, read off the environment it was trained in."""

from __future__ import annotations

import math
from typing import Any

from isaaclab.actuators import DCMotorCfg, DelayedPDActuatorCfg, IdealPDActuatorCfg, ImplicitActuatorCfg
from isaaclab.utils.string import resolve_matching_names, resolve_matching_names_values

from gaitway.errors import UsageError
from gaitway.robots.assets import RobotAsset
from gaitway.robots.urdf import read_inertial

from .description import COLLIDERS, URDF
from .observations import describe_observations, tidy
from .onnx import OPSET
from .task import describe_actions, describe_commands, describe_task

MODEL = "policy.onnx"
_UNITS = {"revolute": "rad", "continuous": "rad", "prismatic": "m"}


def describe_contract(
    env: Any, policy: Any, train_cfg: Any, asset: RobotAsset, info: Any, made_by: dict[str, Any]
) -> dict[str, Any]:
    """Write the contract of a policy.

    Args:
        env: Isaac Lab's environment, of the task's ``-Play`` variant and without any randomisation: names, orders and
            values are read off what really runs.
        policy: The policy: which groups it observes, and what it remembers.
        train_cfg: Config of the environment that it was trained in: noise, delays and ranges are there.
        asset: The robot's description.
        info: The task as registered: names for people.
        made_by: Where the policy comes from, as the contract has it.

    Returns:
        Plain values, as ``contract.json`` holds them.

    Raises:
        UsageError: Something of the task cannot be said in a contract; the message names it.
    """
    tree = asset.load()
    robot = _describe_robot(env, tree, asset, info.robot)
    base = next(link for link in tree.getroot().findall("link") if link.get("name") == robot["base_link"])
    com = [0.0] * 3 if base.find("inertial") is None else [float(x) for x in read_inertial(base).com]
    commands = describe_commands(env, train_cfg)
    library, _, algorithm = made_by["agent"].rpartition("_")
    physics_dt, decimation = float(env.cfg.sim.dt), int(env.cfg.decimation)
    return {
        "format": "gaitway.contract",
        "version": 1,
        "made_by": made_by,
        "robot": robot,
        "timing": {"control_dt": physics_dt * decimation, "physics_dt": physics_dt, "decimation": decimation},
        "policy": {
            "file": MODEL,
            "input": "obs",
            "output": "actions",
            "state": [dict(item) for item in policy.state],
            "algorithm": algorithm.upper() if len(algorithm) < 5 else algorithm,
            "library": library,
            "opset": OPSET,
        },
        "observations": describe_observations(env, policy.obs_groups, train_cfg, robot, commands, com),
        "commands": commands,
        "actions": describe_actions(env, train_cfg),
        "task": describe_task(env, train_cfg, info.summary, info.success),
    }


def _describe_robot(env: Any, tree: Any, asset: RobotAsset, name: str) -> dict[str, Any]:
    robot = env.scene["robot"]
    root = tree.getroot()
    children = {joint.find("child").get("link") for joint in root.findall("joint")}
    base = next(link.get("name") for link in root.findall("link") if link.get("name") not in children)
    spawn = robot.cfg.spawn
    return {
        "name": name,
        "urdf": URDF,
        "colliders": COLLIDERS,
        "base_link": base,
        "floating_base": asset.floating_base,
        "gravity": [float(x) for x in env.cfg.sim.gravity],
        "gravity_compensated": any(
            getattr(props, "disable_gravity", None) or (getattr(props, "gravcomp", None) or 0.0) >= 1.0
            for props in _listed(spawn.rigid_props)
        ),
        "initial_base_pos": [float(x) for x in robot.cfg.init_state.pos],
        # Isaac Lab's root state is that of the base link's own frame.
        "imu_link": base,
        "self_collision": any(
            getattr(props, flag, None)
            for props in _listed(spawn.articulation_props)
            for flag in ("enabled_self_collisions", "self_collision_enabled")
        ),
        "joints": _describe_joints(env, {j.get("name"): j.get("type") for j in root.findall("joint")}),
    }


def _listed(props: Any) -> list[Any]:
    return props if isinstance(props, list) else [] if props is None else [props]


def _describe_joints(env: Any, types: dict[str, str]) -> list[dict[str, Any]]:
    robot = env.scene["robot"]
    data, names = robot.data, robot.joint_names

    def values(setting: str, simulated: Any) -> list[float]:
        """As configured; what nobody configured, as the description has it."""
        found = [tidy(value) for value in simulated.torch[0].tolist()]
        for actuator in robot.cfg.actuators.values():
            given = getattr(actuator, setting, None)
            if given is None:
                continue
            per_joint = given if isinstance(given, dict) else dict.fromkeys(actuator.joint_names_expr, given)
            ids, _, numbers = resolve_matching_names_values(per_joint, names)
            for index, number in zip(ids, numbers, strict=True):
                found[index] = float(number)
        return found

    models: dict[str, dict[str, Any]] = {}
    for actuator in robot.cfg.actuators.values():
        model = _describe_actuator(actuator, env.physics_dt)
        models |= dict.fromkeys(resolve_matching_names(actuator.joint_names_expr, names)[1], model)
    columns = zip(
        names,
        data.default_joint_pos.torch[0].tolist(),
        data.joint_pos_limits.torch[0].tolist(),
        values("joint_velocity_limit", data.joint_vel_limits),
        values("joint_effort_limit", data.joint_effort_limits),
        values("stiffness", data.joint_stiffness),
        values("damping", data.joint_damping),
        values("armature", data.joint_armature),
        values("friction", data.joint_friction_coeff),
        strict=True,
    )
    return [
        {
            "name": joint,
            "unit": _UNITS[types[joint]],
            "default_pos": tidy(default),
            "pos_limits": None if types[joint] == "continuous" else [tidy(edge) for edge in limits],
            "vel_limit": velocity if 0.0 < velocity < math.inf else None,
            "effort_limit": effort if 0.0 < effort < math.inf else None,
            "stiffness": stiffness,
            "damping": damping,
            "armature": armature,
            "friction": friction,
            "actuator": models[joint],
        }
        for joint, default, limits, velocity, effort, stiffness, damping, armature, friction in columns
    ]


def _describe_actuator(cfg: Any, physics_dt: float) -> dict[str, Any]:
    """How a motor was modelled.

    Raises:
        UsageError: As something that is not a position loop.
    """
    if isinstance(cfg, ImplicitActuatorCfg):
        return {"model": "implicit_pd", "delay_s": [0.0, 0.0]}
    if isinstance(cfg, IdealPDActuatorCfg) and not isinstance(cfg, DCMotorCfg):
        late = isinstance(cfg, DelayedPDActuatorCfg)
        steps = (cfg.min_delay, cfg.max_delay) if late else (0, 0)
        return {"model": "ideal_pd", "delay_s": [count * physics_dt for count in steps]}
    raise UsageError(
        f"The actuator model {type(cfg).__name__} cannot be put into a contract; an implicit, an ideal or a delayed "
        "PD actuator can."
    )
