"""Makes whole bundles of a Go2 and of a Franka, of small random networks that know nothing.

What they hold is true of itself: the observations are worked out here, apart from the package under test, the actions
are the networks', and the robots those of the descriptions. Feet are spheres, all other collision shapes boxes around
their meshes.
"""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import trimesh
from onnx import TensorProto, helper, numpy_helper
from scipy.spatial.transform import Rotation

from gaitway.robots.assets import RobotAsset
from gaitway.robots.urdf import read_inertial, read_origin, write_origin
from gaitway_deploy.bundle import write_bundle
from gaitway_deploy.contract import canonical_json, compact_json
from gaitway_deploy.npz import pack_npz

GO2 = RobotAsset(name="go2", urdf="go2_description/urdf/go2.urdf", floating_base=True)
FRANKA = RobotAsset(
    name="franka",
    urdf="panda_description/urdf/panda.urdf",
    floating_base=False,
    keep_links=frozenset({"panda_hand"}),
)
OPSET = 18


# -- robots -------------------------------------------------------------------------------------------


def robot_files(asset: RobotAsset) -> dict[str, bytes]:
    """Both URDFs and the meshes of a robot."""
    tree = asset.load()
    root = tree.getroot()
    meshes: dict[str, bytes] = {}
    for link in root.findall("link"):
        for visual in link.findall("visual"):
            link.remove(visual)
        for mesh in link.findall("collision/geometry/mesh"):
            source = Path(mesh.get("filename", ""))
            name = f"meshes/{source.stem}.stl"
            meshes[f"robot/{name}"] = trimesh.load(source, force="mesh").export(file_type="stl")
            mesh.set("filename", name)
    description = ET.tostring(root, encoding="utf-8")
    for link in root.findall("link"):
        for collision in link.findall("collision"):
            mesh = collision.find("geometry/mesh")
            if mesh is not None:
                shape = trimesh.load(io.BytesIO(meshes[f"robot/{mesh.get('filename')}"]), file_type="stl", force="mesh")
                _wrap(collision, np.asarray(shape.bounds), ball=link.get("name", "").endswith("_foot"))
    return {"robot/robot.urdf": description, "robot/colliders.urdf": ET.tostring(root, encoding="utf-8"), **meshes}


def _wrap(collision: ET.Element, bounds: np.ndarray, ball: bool) -> None:
    """Put a box or a ball in the place of a mesh."""
    rotation, position = read_origin(collision)
    write_origin(collision, rotation, position + rotation @ bounds.mean(axis=0))
    geometry = collision.find("geometry")
    assert geometry is not None
    geometry.clear()
    size = bounds[1] - bounds[0]
    if ball:
        ET.SubElement(geometry, "sphere", radius=repr(float(size.mean() / 2)))
    else:
        ET.SubElement(geometry, "box", size=" ".join(repr(float(x)) for x in size))


def _joints(asset: RobotAsset, defaults: dict[str, float], motors: dict[str, dict[str, float]]) -> list[dict[str, Any]]:
    """Joints of the contract: limits of the description; default and gains of the first key in the joint's name."""
    found = []
    for joint in asset.load().getroot().findall("joint"):
        limit = joint.find("limit")
        if limit is None or joint.get("type") == "fixed":
            continue
        name = joint.get("name", "")
        motor = next(motor for key, motor in motors.items() if key in name)
        found.append(
            {
                "name": name,
                "unit": "m" if joint.get("type") == "prismatic" else "rad",
                "default_pos": next(value for key, value in defaults.items() if key in name),
                "pos_limits": [float(limit.get("lower", "")), float(limit.get("upper", ""))],
                "vel_limit": float(limit.get("velocity", "")),
                "effort_limit": float(limit.get("effort", "")),
                "friction": 0.0,
                "actuator": {"model": "implicit_pd", "delay_s": [0.0, 0.0]},
                **motor,
            }
        )
    return found


# -- contracts ----------------------------------------------------------------------------------------


def _term(name: str, kind: str, width: int, history: int = 1, **more: Any) -> dict[str, Any]:
    sources = {
        "joint_pos": "joint_encoders",
        "joint_vel": "joint_encoders",
        "base_ang_vel": "imu",
        "command": "command",
    }
    sources.update(projected_gravity="imu", base_lin_vel="state_estimator", last_action="policy")
    return {
        "name": name,
        "kind": kind,
        "width": width,
        "unit": {"base_ang_vel": "rad/s", "joint_vel": "rad/s", "base_lin_vel": "m/s", "joint_pos": "rad"}.get(
            kind, ""
        ),
        "frame": "base" if kind.startswith(("base", "projected")) else "",
        "source": sources[kind],
        "description": f"The {kind.replace('_', ' ')}.",
        "scale": [1.0] * width,
        "clip": None,
        "history": {"length": history, "layout": "term_major_oldest_first"},
        "joints": None,
        "command": None,
        "offset": None,
        "noise": None,
        "latency_s": [0.0, 0.0],
        **more,
    }


def _noise(size: float) -> dict[str, Any]:
    return {"type": "uniform", "low": -size, "high": size}


def _state(recurrent: bool, hidden: int) -> list[dict[str, Any]]:
    return [{"input": "h_in", "output": "h_out", "shape": [1, 1, hidden]}] if recurrent else []


def go2_contract(
    *,
    recurrent: bool = False,
    hidden: int = 64,
    history: int = 1,
    with_lin_vel: bool = False,
    relative: bool = False,
) -> dict[str, Any]:
    """The contract of a Go2 that is to keep a velocity; values of ``gaitway.robots.go2``.

    Args:
        recurrent: Whether the policy remembers.
        hidden: Numbers that it remembers.
        history: Frames of angular velocity and of joint velocities that it sees.
        with_lin_vel: Whether it sees the base's velocity.
        relative: Whether its targets count from where the joints are.
    """
    rotor = 0.000111842
    joints = _joints(
        GO2,
        {"L_hip": 0.1, "R_hip": -0.1, "FL_thigh": 0.8, "FR_thigh": 0.8, "thigh": 1.0, "calf": -1.5},
        {
            "calf": {"stiffness": 25.0, "damping": 0.5, "armature": rotor * (6.33 * 45.43 / 23.7) ** 2},
            "joint": {"stiffness": 25.0, "damping": 0.5, "armature": rotor * 6.33**2},
        },
    )
    names = [joint["name"] for joint in joints]
    defaults = [joint["default_pos"] for joint in joints]
    base = GO2.load().getroot().find("link[@name='base']")
    assert base is not None
    com = read_inertial(base).com.tolist()
    observations = [
        _term("base_lin_vel", "base_lin_vel", 3, offset=com, noise=_noise(0.1)),
        _term("base_ang_vel", "base_ang_vel", 3, history, noise=_noise(0.2), scale=[0.25] * 3),
        _term("projected_gravity", "projected_gravity", 3, noise=_noise(0.05)),
        _term("velocity_commands", "command", 3, command="base_velocity"),
        _term("joint_pos", "joint_pos", 12, joints=names, offset=defaults, noise=_noise(0.01)),
        _term(
            "joint_vel",
            "joint_vel",
            12,
            history,
            joints=names,
            clip=[-20.0, 20.0],
            scale=[0.05] * 12,
            noise=_noise(1.5),
        ),
        _term("actions", "last_action", 12),
    ]
    contract = {
        "format": "gaitway.contract",
        "version": 1,
        "made_by": {
            "gaitway": "0.1.0",
            "task": "Gaitway-Velocity-Flat-Go2",
            "agent": "rsl_rl_sac",
            "step": 0,
            "engine": "none",
            "created": "2026-01-01T00:00:00Z",
        },
        "robot": {
            "name": "Unitree Go2",
            "urdf": "robot/robot.urdf",
            "colliders": "robot/colliders.urdf",
            "base_link": "base",
            "floating_base": True,
            "gravity": [0.0, 0.0, -9.81],
            "gravity_compensated": False,
            "initial_base_pos": [0.0, 0.0, 0.34],
            "imu_link": "base",
            "self_collision": False,
            "joints": joints,
        },
        "timing": {"control_dt": 0.02, "physics_dt": 0.005, "decimation": 4},
        "policy": {
            "file": "policy.onnx",
            "input": "obs",
            "output": "actions",
            "state": _state(recurrent, hidden),
            "algorithm": "SAC",
            "library": "rsl_rl",
            "opset": OPSET,
        },
        "observations": observations if with_lin_vel else observations[1:],
        "commands": [
            {
                "name": "base_velocity",
                "kind": "velocity",
                "frame": "base",
                "elements": [
                    {"name": "lin_vel_x", "unit": "m/s", "low": -1.0, "high": 1.0},
                    {"name": "lin_vel_y", "unit": "m/s", "low": -1.0, "high": 1.0},
                    {"name": "ang_vel_z", "unit": "rad/s", "low": -1.0, "high": 1.0},
                ],
                "resample_s": [4.0, 8.0],
                "zero_share": 0.02,
                "euler": None,
                "body": None,
            }
        ],
        "actions": [
            {
                "name": "joint_pos",
                "type": "relative_joint_position" if relative else "joint_position",
                "joints": names,
                "scale": [0.25] * 12,
                "offset": None if relative else defaults,
                "clip": None,
                "open": None,
                "close": None,
                "delay_s": [0.0, 0.0],
            }
        ],
        "task": {
            "episode_length_s": 20.0,
            "summary": "Keep a commanded velocity on flat ground.",
            "success_text": "Mean error of velocity within 0.25 m/s and 0.25 rad/s.",
            "success": {"kind": "kept_velocity", "command": "base_velocity", "linear": 0.25, "angular": 0.25},
            "failures": [{"kind": "tilt", "limit": 1.2}, {"kind": "contact", "bodies": ["base"], "force": 1.0}],
            "reset": {
                "joint_pos": {"kind": "scale", "low": 0.8, "high": 1.2, "joints": names},
                "yaw": [-3.14, 3.14],
            },
            "scene": ["ground"],
        },
    }
    return json.loads(json.dumps(contract))  # no list twice in it, so that one can be changed alone


def franka_contract() -> dict[str, Any]:
    """The contract of a Panda with a gripper, that is to bring its hand to a pose; as ``gaitway.robots.franka``."""
    arm = {"stiffness": 600.0, "damping": 50.0, "armature": 0.1}
    defaults = dict(zip((f"joint{i}" for i in range(1, 8)), (0.0, -0.569, 0.0, -2.810, 0.0, 3.037, 0.741), strict=True))
    joints = _joints(
        FRANKA,
        {"finger": 0.04, **defaults},
        {
            "finger": {"stiffness": 400.0, "damping": 80.0, "armature": 0.1},
            "joint5": {"stiffness": 250.0, "damping": 30.0, "armature": 0.1},
            "joint6": {"stiffness": 150.0, "damping": 25.0, "armature": 0.1},
            "joint7": {"stiffness": 50.0, "damping": 15.0, "armature": 0.1},
            "joint": arm,
        },
    )
    names = [joint["name"] for joint in joints[:7]]
    offset = [joint["default_pos"] for joint in joints[:7]]
    fingers = [joint["name"] for joint in joints[7:]]
    pose = {"pos_x": (0.35, 0.65), "pos_y": (-0.2, 0.2), "pos_z": (0.15, 0.5)}
    elements = [{"name": name, "unit": "m", "low": low, "high": high} for name, (low, high) in pose.items()]
    elements += [{"name": f"quat_{axis}", "unit": "1", "low": -1.0, "high": 1.0} for axis in "xyzw"]
    none = {"scale": None, "offset": None, "clip": None, "open": None, "close": None, "delay_s": [0.0, 0.0]}
    contract = go2_contract()
    contract["made_by"].update(task="Gaitway-Reach-Franka", agent="rsl_rl_ppo")
    contract["robot"].update(
        name="Franka Panda",
        base_link="panda_link0",
        imu_link="panda_link0",
        floating_base=False,
        gravity_compensated=True,
        initial_base_pos=[0.0, 0.0, 0.0],
        joints=joints,
    )
    contract["timing"] = {"control_dt": 4 / 120, "physics_dt": 1 / 120, "decimation": 4}
    contract["policy"].update(algorithm="PPO")
    contract["observations"] = [
        _term("joint_pos", "joint_pos", 7, joints=names, offset=offset, noise=_noise(0.01)),
        _term("joint_vel", "joint_vel", 7, joints=names, offset=[0.0] * 7, noise=_noise(0.05)),
        _term("pose_command", "command", 7, command="ee_pose"),
        _term("actions", "last_action", 8),
    ]
    contract["commands"] = [
        {
            "name": "ee_pose",
            "kind": "pose",
            "frame": "base",
            "elements": elements,
            "resample_s": [4.0, 4.0],
            "zero_share": 0.0,
            "euler": {"roll": [0.0, 0.0], "pitch": [np.pi, np.pi], "yaw": [-3.14, 3.14]},
            "body": "panda_hand",
        }
    ]
    arm_clip = [[-3.5, 3.5]] * 7
    contract["actions"] = [
        {
            **none,
            "name": "arm",
            "type": "joint_position",
            "joints": names,
            "scale": [0.5] * 7,
            "offset": offset,
            "clip": arm_clip,
        },
        {
            **none,
            "name": "gripper",
            "type": "binary_joint",
            "joints": fingers,
            "open": [0.04, 0.04],
            "close": [0.0, 0.0],
        },
    ]
    success = {"kind": "reached", "command": "ee_pose", "body": "panda_hand", "position": 0.05, "orientation": 0.2}
    contract["task"].update(
        episode_length_s=4.0,
        summary="Bring the hand to a commanded pose.",
        success_text="Within 5 cm and 0.2 rad at the end.",
        success=success,
        failures=[],
        reset={"joint_pos": {"kind": "offset", "low": -0.25, "high": 0.25, "joints": names}, "yaw": [0.0, 0.0]},
    )
    return json.loads(json.dumps(contract))


def widths(contract: dict[str, Any]) -> tuple[int, int]:
    """Numbers of the observation and of the action."""
    observations = sum(term["width"] * term["history"]["length"] for term in contract["observations"])
    actions = sum(1 if a["type"] == "binary_joint" else len(a["joints"]) for a in contract["actions"])
    return observations, actions


# -- networks -----------------------------------------------------------------------------------------


def make_model(contract: dict[str, Any], seed: int = 0, hidden: tuple[int, ...] = (64, 64)) -> bytes:
    """A random network for a contract: a GRU first if it remembers, then linear layers with ELU between them."""
    rng = np.random.default_rng(seed)
    n_in, n_out = widths(contract)
    nodes, weights = [], []

    def constant(name: str, values: Any) -> str:
        weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def random(name: str, *shape: int) -> str:
        return constant(name, (rng.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32))

    inputs = [helper.make_tensor_value_info("obs", TensorProto.FLOAT, ["n", n_in])]
    outputs = [helper.make_tensor_value_info("actions", TensorProto.FLOAT, ["n", n_out])]
    at, width = "obs", n_in
    for state in contract["policy"]["state"]:
        size, shape = state["shape"][2], [1, "n", state["shape"][2]]
        inputs.append(helper.make_tensor_value_info(state["input"], TensorProto.FLOAT, shape))
        outputs.append(helper.make_tensor_value_info(state["output"], TensorProto.FLOAT, shape))
        gru = [random("gru_w", 1, 3 * size, width), random("gru_r", 1, 3 * size, size), random("gru_b", 1, 6 * size)]
        nodes += [
            helper.make_node("Unsqueeze", [at, constant("axis0", [0])], ["sequence"]),
            helper.make_node("GRU", ["sequence", *gru, "", state["input"]], ["", state["output"]], hidden_size=size),
            helper.make_node("Squeeze", [state["output"], constant("axis0b", [0])], ["remembered"]),
        ]
        at, width = "remembered", size
    for i, size in enumerate((*hidden, n_out)):
        last = i == len(hidden)
        out = "actions" if last else f"linear{i}"
        nodes.append(
            helper.make_node("Gemm", [at, random(f"w{i}", size, width), random(f"b{i}", size)], [out], transB=1)
        )
        if not last:
            nodes.append(helper.make_node("Elu", [out], [f"hidden{i}"]))
        at, width = f"hidden{i}", size
    graph = helper.make_graph(nodes, "policy", inputs, outputs, weights)
    for tensor in graph.initializer:
        if tensor.name == f"w{len(hidden)}":  # small answers: a robot that is told them stands about its default pose
            tensor.CopyFrom(numpy_helper.from_array(0.1 * numpy_helper.to_array(tensor), tensor.name))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    return with_contract(model.SerializeToString(), contract)


def with_contract(model: bytes, contract: dict[str, Any]) -> bytes:
    """A model with a contract in its metadata, in the place of the one that it had."""
    loaded = onnx.load_from_string(model)
    del loaded.metadata_props[:]
    helper.set_model_props(loaded, {"gaitway.contract": compact_json(contract)})
    return loaded.SerializeToString()


class Network:
    """A model run by onnxruntime alone."""

    def __init__(self, model: bytes, contract: dict[str, Any]):
        self.session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        self.state = contract["policy"]["state"]

    def __call__(self, obs: np.ndarray, memory: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        feeds = {"obs": obs[None], **{s["input"]: value for s, value in zip(self.state, memory, strict=True)}}
        actions, *memory = self.session.run(["actions", *(s["output"] for s in self.state)], feeds)
        return actions[0], memory


# -- recordings ---------------------------------------------------------------------------------------


def observe(contract: dict[str, Any], rows: list[dict[str, np.ndarray]]) -> np.ndarray:
    """The last row's observation, worked out from all rows since the start, term by term. Shape is (observations,).

    Of each row: ``joint_pos``, ``joint_vel`` in the contract's order, ``quat``, ``ang_vel``, ``lin_vel``,
    ``command_<name>`` and ``last_action``.
    """
    place = {joint["name"]: i for i, joint in enumerate(contract["robot"]["joints"])}
    parts = []
    for term in contract["observations"]:
        length = term["history"]["length"]
        seen = [rows[0]] * (length - len(rows)) + rows[-length:]
        parts.append(np.concatenate([_value(term, row, place, contract) for row in seen]))
    return np.concatenate(parts).astype(np.float32)


def _value(term: dict[str, Any], row: dict[str, np.ndarray], place: dict[str, int], contract: dict) -> np.ndarray:
    kind = term["kind"]
    if kind in ("joint_pos", "joint_vel"):
        value = row[kind][[place[name] for name in term["joints"]]] - np.array(term["offset"] or [0.0])
    elif kind == "base_lin_vel":
        value = row["lin_vel"] + np.cross(row["ang_vel"], term["offset"] or [0.0, 0.0, 0.0])
    elif kind == "base_ang_vel":
        value = row["ang_vel"]
    elif kind == "projected_gravity":
        down = np.array(contract["robot"]["gravity"])
        value = Rotation.from_quat(row["quat"]).inv().apply(down / np.linalg.norm(down))
    elif kind == "command":
        value = row[f"command_{term['command']}"]
    else:
        value = row["last_action"]
    if term["clip"] is not None:
        value = np.clip(value, *term["clip"])
    return value * np.array(term["scale"])


def decode(contract: dict[str, Any], actions: np.ndarray, joint_pos: np.ndarray) -> np.ndarray:
    """Joint targets of an action at joint positions, joint by joint. Shape is (joints,)."""
    targets = {joint["name"]: joint["default_pos"] for joint in contract["robot"]["joints"]}
    measured = dict(zip(targets, joint_pos, strict=True))
    left = [float(a) for a in actions]
    for action in contract["actions"]:
        if action["type"] == "binary_joint":
            targets.update(zip(action["joints"], action["open" if left.pop(0) >= 0.0 else "close"], strict=True))
            continue
        for i, name in enumerate(action["joints"]):
            start = action["offset"][i] if action["type"] == "joint_position" else measured[name]
            target = start + action["scale"][i] * left.pop(0)
            low, high = action["clip"][i] if action["clip"] else (-np.inf, np.inf)
            targets[name] = min(max(target, low), high)
    return np.array(list(targets.values()))


def draw_commands(contract: dict[str, Any], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """One draw of each command, by the name of its array."""
    found = {}
    for command in contract["commands"]:
        value = np.array([rng.uniform(element["low"], element["high"]) for element in command["elements"]])
        if command["euler"]:
            angles = [rng.uniform(*command["euler"][axis]) for axis in ("roll", "pitch", "yaw")]
            value[3:] = Rotation.from_euler("xyz", angles).as_quat()
        found[f"command_{command['name']}"] = value
    return found


def make_episode(contract: dict[str, Any], network: Network, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Five seconds of a robot whose joints follow their targets late and whose base rocks; no physics in it."""
    dt = contract["timing"]["control_dt"]
    pos = np.array([joint["default_pos"] for joint in contract["robot"]["joints"]])
    vel, turn = np.zeros_like(pos), Rotation.identity()
    memory = [np.zeros(state["shape"], np.float32) for state in contract["policy"]["state"]]
    last = np.zeros(widths(contract)[1], np.float32)
    commands = draw_commands(contract, rng)
    rows: list[dict[str, np.ndarray]] = []
    for step in range(round(5.0 / dt)):
        spin = 0.5 * np.sin(2.0 * np.pi * step * dt * np.array([0.7, 1.1, 0.3]))
        row = {"time": np.array(step * dt), "joint_pos": pos, "joint_vel": vel, "quat": turn.as_quat(), "ang_vel": spin}
        row.update(lin_vel=rng.normal(0.0, 0.3, 3), last_action=last, **commands)
        rows.append(row)
        row["obs"] = observe(contract, rows)
        row["actions"], memory = network(row["obs"], memory)
        row["targets"], last = decode(contract, row["actions"], pos), row["actions"]
        pos, old = pos + 0.3 * (row["targets"] - pos), pos
        vel, turn = (pos - old) / dt, turn * Rotation.from_rotvec(spin * dt)
    return {key: np.array([row[key] for row in rows]) for key in rows[0] if key != "last_action"}


def make_selftest(
    contract: dict[str, Any], network: Network, obs: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """256 observations about those of the episode, and the network's answers."""
    seen = obs[rng.integers(0, len(obs), 256)] + rng.normal(0.0, 0.1, (256, obs.shape[1]))
    arrays: dict[str, list[np.ndarray]] = {"obs": list(seen.astype(np.float32)), "actions": []}
    states = contract["policy"]["state"]
    for row in arrays["obs"]:
        memory = [rng.uniform(-0.5, 0.5, state["shape"]).astype(np.float32) for state in states]
        actions, after = network(row, memory)
        arrays["actions"].append(actions)
        for state, before, now in zip(states, memory, after, strict=True):
            arrays.setdefault(f"in_{state['input']}", []).append(before)
            arrays.setdefault(f"out_{state['output']}", []).append(now)
    return {name: np.array(values) for name, values in arrays.items()}


# -- bundles ------------------------------------------------------------------------------------------


def bundle_files(
    contract: dict[str, Any], asset: RobotAsset, seed: int = 0, hidden: tuple[int, ...] = (64, 64)
) -> dict[str, bytes]:
    """All files of a bundle but the checksums."""
    rng = np.random.default_rng(seed)
    model = make_model(contract, seed, hidden)
    network = Network(model, contract)
    episode = make_episode(contract, network, rng)
    return {
        "contract.json": canonical_json(contract),
        "policy.onnx": model,
        "selftest.npz": pack_npz(make_selftest(contract, network, episode["obs"], rng)),
        "episode.npz": pack_npz(episode),
        "MODEL_CARD.md": b"# A sample\n\nA random network for tests.\n",
        **robot_files(asset),
    }


def make_go2_bundle(
    path: Path,
    *,
    seed: int = 0,
    hidden: tuple[int, ...] = (64, 64),
    recurrent: bool = False,
    history: int = 1,
    with_lin_vel: bool = False,
    relative: bool = False,
) -> Path:
    """Write a bundle of a Go2 that is to keep a velocity; see :func:`go2_contract`. A zip if the path ends so."""
    contract = go2_contract(
        recurrent=recurrent, hidden=hidden[0], history=history, with_lin_vel=with_lin_vel, relative=relative
    )
    write_bundle(bundle_files(contract, GO2, seed, hidden), path)
    return path


def make_franka_bundle(path: Path, *, seed: int = 0) -> Path:
    """Write a bundle of a Panda that is to bring its hand to a pose. A zip if the path ends so."""
    write_bundle(bundle_files(franka_contract(), FRANKA, seed), path)
    return path
