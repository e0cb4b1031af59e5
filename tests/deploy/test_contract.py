"""The contract: what its schema decides, what must fit together beyond it, and how refusals speak."""

from __future__ import annotations

import contextlib
import copy
import json
import random
from typing import Any

import jsonschema
import numpy as np
import pytest

from gaitway_deploy.contract import Contract, canonical_json, contract_schema
from gaitway_deploy.errors import BundleError
from gaitway_deploy.names import is_plain_name
from gaitway_deploy.schema import Schema

from . import sample

GO2 = sample.go2_contract(recurrent=True, with_lin_vel=True)
FRANKA = sample.franka_contract()


def places(value: Any, path: tuple = ()) -> list[tuple]:
    """Paths of all values within a value of JSON."""
    found = [path]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += places(item, (*path, key))
    return found


def at(value: Any, path: tuple) -> Any:
    """The value at a path."""
    for key in path:
        value = value[key]
    return value


def edited(contract: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with another value at a path such as ``robot.joints.0.name``."""
    changed = copy.deepcopy(contract)
    *above, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    at(changed, tuple(above))[last] = value
    return changed


# -- the schema ---------------------------------------------------------------------------------------

ODD = [None, True, False, 0, 1, -1, 1.0, 0.5, -0.25, 2, 1e300, "", "x", "rad", "m" * 20_000, [], {}, [1], [1, 2]]
ODD += [[1, 2, 3], [None], ["x"], {"kind": "other"}, {"kind": "tilt", "limit": 1.0}, {"kind": "tilt"}, {"kind": []}]


def mutated(seed: int) -> Any:
    """A contract with one to three values replaced, removed, repeated, added or taken from elsewhere in it."""
    draw = random.Random(seed)
    contract = copy.deepcopy(draw.choice([GO2, FRANKA]))
    for _ in range(draw.choice([1, 1, 1, 3])):
        path = draw.choice(places(contract))
        how = draw.choice(["replace", "remove", "repeat", "add", "swap"])
        target = at(contract, path)
        if how == "add" and isinstance(target, dict):
            target[draw.choice(["kind", "limit", "extra", "command"])] = copy.deepcopy(draw.choice(ODD))
        elif how == "repeat" and isinstance(target, list) and target:
            target.append(copy.deepcopy(target[0]))
        elif path and how == "remove":
            del at(contract, path[:-1])[path[-1]]
        elif path:
            new = at(contract, draw.choice(places(contract))) if how == "swap" else draw.choice(ODD)
            at(contract, path[:-1])[path[-1]] = copy.deepcopy(new)
    return contract


def test_schema_decides_as_jsonschema_does():
    """Our interpreter and the library accept the same contracts and refuse the same."""
    jsonschema.Draft202012Validator.check_schema(contract_schema())
    oracle = jsonschema.Draft202012Validator(contract_schema())
    ours = Schema(contract_schema())
    verdicts = []
    for seed in range(250):
        contract = mutated(seed)
        error = ours.first_error(contract)
        assert (error is None) == oracle.is_valid(contract), (seed, error)
        verdicts.append(error is None)
    assert min(verdicts.count(True), verdicts.count(False)) > 25


def test_no_contract_crashes():
    """What is not a contract is refused, and in no other way; what is one can be read."""
    accepted = 0
    for seed in range(250):
        contract = mutated(seed)
        with contextlib.suppress(BundleError):
            accepted += Contract.from_dict(json.loads(canonical_json(contract))).raw == contract
    assert accepted > 20


def test_a_whole_number_may_have_a_point():
    """As JSON Schema has it: 2.0 is an integer, and is read as one."""
    step = Contract.from_dict(edited(GO2, "made_by.step", 2.0)).made_by.step
    assert (step, type(step)) == (2, int)
    with pytest.raises(BundleError, match=r"made_by\.step: must be an integer, is 2\.5"):
        Contract.from_dict(edited(GO2, "made_by.step", 2.5))


def test_every_object_of_the_schema_is_closed():
    """A misspelt field is never passed over."""

    def objects(schema: Any) -> list[dict]:
        if isinstance(schema, list):
            return [found for item in schema for found in objects(item)]
        if not isinstance(schema, dict):
            return []
        inner = [found for item in schema.values() for found in objects(item)]
        return [schema, *inner] if "properties" in schema and "required" in schema else inner

    found = objects(contract_schema())
    assert len(found) > 15
    for schema in found:
        assert schema["additionalProperties"] is False
        assert set(schema["required"]) == set(schema["properties"])


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("observations.3.width", 0, r"observations\[3\]\.width: must be at least 1, is 0"),
        ("observations.3.width", "3", r"observations\[3\]\.width: must be an integer, is '3'"),
        ("robot.joints.2.stiffness", -1.0, r"robot\.joints\[2\]\.stiffness: must be at least 0, is -1\.0"),
        ("robot.joints.2.gear", 6.0, r"robot\.joints\[2\]\.gear: is not known"),
        ("robot.imu_link", None, r"robot\.imu_link: must be text, is null"),
        ("task.success.kind", "jump", r"task\.success\.kind: must be one of .*, is 'jump'"),
        ("task.success.linear", 0, r"task\.success\.linear: must be more than 0, is 0"),
        ("observations.0.history.layout", "newest_first", r"history\.layout: must be 'term_major_oldest_first'"),
    ],
)
def test_what_breaks_the_schema_is_named(path, value, message):
    """The message gives the field, what it must be and what it is."""
    with pytest.raises(BundleError, match=message):
        Contract.from_dict(edited(GO2, path, value))


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (2, r"contract version 2; this is gaitway_deploy [\d.]+, which reads version 1: install a newer one"),
        (0, "contract version 0; .* export the policy anew"),
        (True, "contract version True"),
        (None, "contract version none"),
        ("1", "contract version '1'"),
    ],
)
def test_other_versions_are_told_apart(version, message):
    """A contract of another version says so, before anything else of it is looked at."""
    with pytest.raises(BundleError, match=message):
        Contract.from_dict({**edited(GO2, "version", version), "a field of the future": 1})
    with pytest.raises(BundleError, match="no contract of Gaitway"):
        Contract.from_dict(edited(GO2, "format", "other"))


# -- beyond the schema --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("robot.joints.1.name", "FL_hip_joint", r"robot\.joints: 'FL_hip_joint' is there twice"),
        ("robot.joints.0.pos_limits", [1.0, -1.0], r"joints\[0\]\.pos_limits: the low end 1 is above the high end -1"),
        ("robot.joints.0.default_pos", 1.2, r"joints\[0\]\.default_pos: 1\.2 is outside the limits"),
        ("robot.urdf", "../robot.urdf", r"robot\.urdf: .* not a plain relative path"),
        ("policy.file", "/policy.onnx", r"policy\.file: .* not a plain relative path"),
        ("policy.state.0.input", "obs", "policy: input: 'obs' is there twice"),
        ("policy.state.0.shape", [1000, 1000, 1000], r"policy\.state\[0\]\.shape"),
        ("timing.decimation", 5, r"timing\.control_dt: 0\.02 s is not physics_dt \* decimation = 0\.025 s"),
        ("observations.1.name", "actions", "observations: 'actions' is there twice"),
        ("observations.1.scale", [1.0], r"observations\[1\]\.scale: must have 3 numbers, one a element, has 1"),
        ("observations.1.offset", [0.0] * 3, r"observations\[1\]\.offset: .* must be null"),
        ("observations.0.offset", [0.0], r"observations\[0\]\.offset: must have 3"),
        ("observations.1.joints", ["FL_hip_joint"], r"observations\[1\]\.joints: must be null"),
        ("observations.4.joints", None, r"observations\[4\]\.joints: .* must name its joints"),
        ("observations.4.joints.0", "tail_joint", r"observations\[4\]\.joints: the robot has no joint 'tail_joint'"),
        ("observations.4.width", 11, r"observations\[4\]\.width: must be 12 for this joint_pos, is 11"),
        ("observations.3.command", "other", r"observations\[3\]\.command: there is no command 'other'"),
        ("observations.3.command", None, r"observations\[3\]\.command: .* must name it"),
        ("observations.6.width", 13, r"observations\[6\]\.width: must be 12 for this last_action, is 13"),
        ("observations.1.latency_s", [0.1, 0.0], r"observations\[1\]\.latency_s: the low end"),
        ("observations.1.clip", [1.0, -1.0], r"observations\[1\]\.clip: the low end"),
        ("observations.1.noise.low", 9.0, r"observations\[1\]\.noise: the low end"),
        ("robot.gravity", [0, 0, 0], r"observations\[2\]\.kind: there is no gravity to project"),
        ("commands.0.elements.0.low", 3.0, r"commands\[0\]\.elements\[0\]: the low end"),
        ("commands.0.elements.0.name", "vx", r"commands\[0\]\.elements: those of a velocity are lin_vel_x"),
        ("commands.0.body", "base", r"commands\[0\]\.body: is for a pose alone"),
        ("commands.0.kind", "pose", r"commands\[0\]\.elements: those of a pose are pos_x"),
        ("actions.0.scale", None, r"actions\[0\]\.scale: must be a list of 12"),
        ("actions.0.offset", [0.0], r"actions\[0\]\.offset: must have 12"),
        ("actions.0.open", [0.0], r"actions\[0\]\.open: a joint_position action has none"),
        ("actions.0.clip", [[1, 0]] * 12, r"actions\[0\]\.clip\[0\]: the low end"),
        ("actions.0.joints.0", "FL_thigh_joint", r"actions\[0\]\.joints: 'FL_thigh_joint' is there twice"),
        ("task.success.command", "other", r"task\.success\.command: there is no command 'other' of kind velocity"),
        ("task.reset.joint_pos.joints.0", "tail", r"task\.reset\.joint_pos\.joints: the robot has no joint 'tail'"),
        ("task.reset.yaw", [1, 0], r"task\.reset\.yaw: the low end"),
        ("task.scene", ["ground", "ground"], r"task\.scene: 'ground' is there twice"),
        ("robot.joints.0.armature", float("inf"), r"robot\.joints\[0\]\.armature: must be a finite number"),
    ],
)
def test_what_does_not_fit_together_is_named(path, value, message):
    """What a schema cannot say is checked too."""
    with pytest.raises(BundleError, match=message):
        Contract.from_dict(edited(GO2, path, value))


def test_a_gripper_has_a_width_of_one_and_two_ends():
    """A binary action is one number for all of its joints, and has no scale."""
    contract = Contract.from_dict(FRANKA)
    assert [(a.start, a.stop) for a in contract.actions] == [(0, 7), (7, 8)]
    with pytest.raises(BundleError, match=r"actions\[1\]\.scale: a binary_joint action has none"):
        Contract.from_dict(edited(FRANKA, "actions.1.scale", [1.0, 1.0]))
    with pytest.raises(BundleError, match=r"actions\[1\]\.close: must be a list of 2, one a joint, is null"):
        Contract.from_dict(edited(FRANKA, "actions.1.close", None))
    with pytest.raises(BundleError, match="actions: joint: 'panda_joint1' is there twice"):
        Contract.from_dict(edited(FRANKA, "actions.1.joints.0", "panda_joint1"))


def test_a_relative_action_has_no_offset():
    """It counts from where the joints are."""
    relative = edited(edited(GO2, "actions.0.type", "relative_joint_position"), "actions.0.offset", None)
    assert Contract.from_dict(relative).actions[0].offset is None
    with pytest.raises(BundleError, match=r"actions\[0\]\.offset: a relative_joint_position action has none"):
        Contract.from_dict(edited(relative, "actions.0.offset", [0.0] * 12))
    with pytest.raises(BundleError, match=r"actions\[0\]\.scale: must be a list of 12"):
        Contract.from_dict(edited(relative, "actions.0.scale", None))


def test_arrays_are_in_the_order_of_the_joints():
    """What is read is what is written, also where there is no limit."""
    data = edited(edited(GO2, "robot.joints.2.pos_limits", None), "robot.joints.2.effort_limit", None)
    contract = Contract.from_dict(data)
    joints = data["robot"]["joints"]
    assert contract.joint_names == tuple(joint["name"] for joint in joints)
    assert contract.default_pos.tolist() == [joint["default_pos"] for joint in joints]
    assert contract.pos_limits[2].tolist() == [-np.inf, np.inf]
    assert contract.effort_limit[2] == np.inf
    assert contract.effort_limit[5] == 45.43
    assert contract.joint_indices(["FR_hip_joint", "FL_thigh_joint"]).tolist() == [3, 1]
    assert contract.obs_width == sum(term.size for term in contract.observations) == 48
    assert contract.observation("actions").start == 36
    assert not contract.stiffness.flags.writeable
    assert contract == Contract.from_dict(copy.deepcopy(data)) != Contract.from_dict(GO2)


@pytest.mark.parametrize(
    ("name", "plain"),
    [("robot/meshes/foot.stl", True), ("a", True), ("..a/b", True), ("a.b-c_d", True)]
    + [(name, False) for name in ("", "/a", "a/", "a//b", "./a", "a/./b", "../a", "a/..", "a\\b", "C:a", "a.", "é")]
    + [(name, False) for name in ("a\nb", "a b", "a\x00", "a*", "...", "x" * 201)],
)
def test_plain_names(name, plain):
    """A plain name stays in its folder and is the same file on every system."""
    assert is_plain_name(name) is plain
