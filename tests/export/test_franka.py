"""An arm's contract, by hand: held by its own controller, told poses, and with a gripper."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from gaitway.export import make_bundle
from gaitway_deploy.bundle import Bundle

ARM = [f"panda_joint{i}" for i in range(1, 8)]
FINGERS = ["panda_finger_joint1", "panda_finger_joint2"]


@pytest.fixture(scope="module")
def reach(plain_env, make_export, tmp_path_factory) -> SimpleNamespace:
    with plain_env("Gaitway-Reach-Franka") as env:
        made = make_export(env, "Gaitway-Reach-Franka", episodes=4)
    path = tmp_path_factory.mktemp("reach") / "bundle"
    make_bundle(made.files, path)
    return SimpleNamespace(contract=made.contract, bundle=Bundle.open(path))


def test_an_arm_is_held_by_its_own_controller(reach):
    robot = reach.contract["robot"]
    joints = {joint["name"]: joint for joint in robot["joints"]}
    assert list(joints) == ARM + FINGERS
    assert (robot["base_link"], robot["floating_base"], robot["gravity_compensated"]) == ("panda_link0", False, True)
    assert [joints[name]["stiffness"] for name in ARM] == [600.0] * 4 + [250.0, 150.0, 50.0]
    assert [joints[name]["damping"] for name in ARM] == [50.0] * 4 + [30.0, 25.0, 15.0]
    assert [joints[name]["unit"] for name in FINGERS] == ["m", "m"]
    assert joints["panda_joint6"]["default_pos"] == 3.037
    assert joints["panda_joint4"]["pos_limits"] == [-3.0718, -0.0698]
    assert joints["panda_joint7"]["effort_limit"] == 12.0


def test_it_is_told_poses_and_judged_by_its_hand(reach):
    (command,), task = reach.contract["commands"], reach.contract["task"]
    assert [part["name"] for part in command["elements"]] == [
        "pos_x", "pos_y", "pos_z", "quat_x", "quat_y", "quat_z", "quat_w",
    ]  # fmt: skip
    assert [(part["low"], part["high"]) for part in command["elements"][:3]] == [(0.35, 0.65), (-0.2, 0.2), (0.15, 0.5)]
    assert command["euler"] == {
        "roll": [0.0, 0.0],
        "pitch": [math.pi, math.pi],
        "yaw": pytest.approx([math.pi - 2.0, 2.0 * math.pi]),
    }
    assert (command["kind"], command["body"]) == ("pose", "panda_hand")
    assert task["success"] == {
        "kind": "reached",
        "command": "ee_pose",
        "body": "panda_hand",
        "position": 0.05,
        "orientation": 0.2,
    }
    assert task["failures"] == []
    assert task["reset"]["joint_pos"] == {"kind": "offset", "low": -0.25, "high": 0.25, "joints": ARM}


def test_fingers_that_no_action_drives_are_held(reach):
    (action,) = reach.contract["actions"]
    assert (action["type"], action["joints"]) == ("relative_joint_position", ARM)
    episode = reach.bundle.episode()
    assert episode.targets[:, 7:] == pytest.approx(0.04, abs=1e-6)
    assert len(episode) == 119, "a whole episode of 4 s at 30 Hz, but for the step that ends it"


def test_what_no_robot_can_build_by_itself_is_named_as_external(plain_env, make_export, tmp_path):
    with plain_env("Gaitway-Lift-Franka") as env:
        made = make_export(env, "Gaitway-Lift-Franka")
    external = {term["name"]: term for term in made.contract["observations"] if term["kind"] == "external"}
    assert list(external) == ["object_position", "object_orientation", "hand_to_object", "goal_position"]
    assert external["object_position"]["source"] == "object tracking"
    arm, gripper = made.contract["actions"]
    assert (arm["type"], arm["joints"], arm["offset"]) == ("relative_joint_position", ARM, None)
    assert arm["scale"] == [0.12, 0.12, 0.12, 0.12, 0.18, 0.24, 0.45]
    assert (gripper["type"], gripper["joints"]) == ("binary_joint", FINGERS)
    assert (gripper["open"], gripper["close"]) == ([0.04, 0.04], [0.0, 0.0])
    assert made.contract["task"]["scene"] == ["ground", "object"]
    assert made.contract["task"]["success"] == {"kind": "other"}
    make_bundle(made.files, tmp_path / "bundle")
    assert set(Bundle.open(tmp_path / "bundle").episode().extra) == set(external)
