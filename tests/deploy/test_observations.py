"""Observations and actions: the same in whatever order and at whatever rate they come, and as training has them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaitway_deploy.actions import ActionDecoder
from gaitway_deploy.contract import Contract
from gaitway_deploy.errors import RobotError
from gaitway_deploy.observations import ObservationBuilder
from gaitway_deploy.state import RobotState

from . import sample

GO2 = sample.go2_contract(history=4, with_lin_vel=True)
FRANKA = sample.franka_contract()
PROPERTY = settings(max_examples=40, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)


def draw_row(contract: dict[str, Any], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """One step of a robot in any pose, with joint velocities beyond the clip."""
    joints = len(contract["robot"]["joints"])
    quat = rng.normal(size=4)
    return {
        "joint_pos": rng.normal(size=joints),
        "joint_vel": rng.normal(scale=20.0, size=joints),
        "quat": quat / np.linalg.norm(quat),
        "ang_vel": rng.normal(size=3),
        "lin_vel": rng.normal(size=3),
        "last_action": rng.normal(size=sample.widths(contract)[1]),
        **sample.draw_commands(contract, rng),
    }


def state_of(row: dict[str, np.ndarray], contract: dict[str, Any], order: Any = None, strange: int = 0) -> RobotState:
    """The row as a robot reports it: joints in some order, with strange ones among them."""
    names = [joint["name"] for joint in contract["robot"]["joints"]]
    pos, vel = dict(zip(names, row["joint_pos"], strict=True)), dict(zip(names, row["joint_vel"], strict=True))
    for i in range(strange):
        pos[f"strange{i}"], vel[f"strange{i}"] = np.nan, np.nan
    reported = sorted(pos) if order is None else list(np.array(list(pos))[order])
    return RobotState(
        time=0.0,
        joint_names=tuple(map(str, reported)),
        joint_pos=np.array([pos[name] for name in reported]),
        joint_vel=np.array([vel[name] for name in reported]),
        quat=row["quat"],
        ang_vel=row["ang_vel"],
        lin_vel=row["lin_vel"],
    )


def commands_of(row: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Commands of a row by name."""
    return {key.removeprefix("command_"): value for key, value in row.items() if key.startswith("command_")}


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype == np.float32 and bool(np.allclose(a, b, rtol=1e-6, atol=1e-6))


@pytest.mark.parametrize("data", [GO2, FRANKA], ids=["go2", "franka"])
@PROPERTY
@given(seed=seeds)
def test_any_order_of_joints_gives_the_same_observation(data, seed):
    """Each step the joints come in another order, with strange ones among them, as a tuple or as a list."""
    rng = np.random.default_rng(seed)
    builder = ObservationBuilder(Contract.from_dict(data))
    rows: list[dict[str, np.ndarray]] = []
    reported: list[str] = []
    for step in range(6):
        rows.append(draw_row(data, rng))
        strange = int(rng.integers(0, 4))
        order = rng.permutation(len(data["robot"]["joints"]) + strange)
        state = state_of(rows[-1], data, order, strange)
        if step % 2:  # a driver may fill one list again and again
            reported[:] = state.joint_names
            state.joint_names = reported
        builder.set_last_action(rows[-1]["last_action"])
        assert same(builder.build(state, commands_of(rows[-1])), sample.observe(data, rows))


@PROPERTY
@given(seed=seeds, length=st.integers(1, 6))
def test_history_is_that_of_isaac_lab(seed, length):
    """Frames are laid out, filled and reset as by Isaac Lab's own buffer, clipped and scaled before they are kept."""
    from isaaclab.utils.buffers import CircularBuffer

    data = copy.deepcopy(GO2)
    data["observations"][5]["history"]["length"] = length
    rng = np.random.default_rng(seed)
    builder = ObservationBuilder(Contract.from_dict(data))
    term = builder.contract.observation("joint_vel")
    buffer = CircularBuffer(max_len=length, batch_size=1, device="cpu")
    for _ in range(8):
        if rng.random() < 0.2:
            builder.reset()
            buffer.reset()
        row = draw_row(data, rng)
        value = torch.tensor(row["joint_vel"]).clip(*data["observations"][5]["clip"]).mul(0.05)[None]
        buffer.append(value.float())
        found = builder.build(state_of(row, data), commands_of(row))[term.start : term.stop]
        assert same(found, buffer.buffer.reshape(-1).numpy())


@PROPERTY
@given(seed=seeds)
def test_reading_more_often_changes_nothing(seed):
    """Only `build` moves history on, and what it gave before stays as it was."""
    rng = np.random.default_rng(seed)
    contract = Contract.from_dict(GO2)
    rows = [draw_row(GO2, rng) for _ in range(5)]
    builder, kept = ObservationBuilder(contract), []
    for row in rows:
        for _ in range(rng.integers(1, 4)):
            state = state_of(row, GO2)
        builder.set_last_action(row["last_action"])
        kept.append(builder.build(state, commands_of(row)))
    for i, found in enumerate(kept):
        assert same(found, sample.observe(GO2, rows[: i + 1]))


def test_a_reset_forgets_history_and_action():
    """After a reset the first frame fills the history again, and the last action is zeros."""
    rng = np.random.default_rng(0)
    builder = ObservationBuilder(Contract.from_dict(GO2))
    for _ in range(3):
        row = draw_row(GO2, rng)
        builder.set_last_action(row["last_action"])
        builder.build(state_of(row, GO2), commands_of(row))
    builder.reset()
    row["last_action"] = np.zeros(12)
    assert same(builder.build(state_of(row, GO2), commands_of(row)), sample.observe(GO2, [row]))


def test_absolute_joints_and_what_comes_from_elsewhere():
    """Without an offset a joint's position is as it is; an external term is what the robot gives under its name."""
    data = copy.deepcopy(FRANKA)
    data["observations"][0]["offset"] = None
    scan = {**data["observations"][3], "name": "scan", "kind": "external", "width": 4, "source": "height_scanner"}
    data["observations"].append({**scan, "scale": [1.0, 2.0, 3.0, 4.0]})
    builder = ObservationBuilder(Contract.from_dict(data))
    row = draw_row(data, np.random.default_rng(0))
    state = state_of(row, data)
    state.extra = {"scan": np.array([1.0, 1.0, 1.0, -1.0])}
    obs = builder.build(state, commands_of(row))
    assert same(obs[:7], row["joint_pos"][:7].astype(np.float32))
    assert obs[-4:].tolist() == [1.0, 2.0, 3.0, -4.0]
    state.extra = {}
    with pytest.raises(RobotError, match=r"gives no extra\['scan'\].*\(source: height_scanner\)"):
        builder.build(state, commands_of(row))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quat": None}, r"gives no quat, .* as 'projected_gravity'; .* \(source: imu\)"),
        ({"quat": np.zeros(4)}, r"quaternion is all zeros, and 'projected_gravity' needs it"),
        (
            {"quat": [0.0, 0.0, 0.0, 1.0]},
            r"'projected_gravity' must come as a numpy array of shape \(4,\), not as list",
        ),
        ({"ang_vel": None}, r"gives no lin_vel \(and ang_vel\)|gives no ang_vel"),
        ({"lin_vel": None}, r"gives no lin_vel .* as 'base_lin_vel'; .* \(source: state_estimator\)"),
        ({"ang_vel": np.zeros((3, 1))}, r"must come with shape \(3,\), not \(3, 1\)"),
        ({"joint_pos": np.zeros(11)}, r"'joint_pos' must come with shape \(12,\), not \(11,\)"),
        ({"joint_vel": np.zeros(())}, r"'joint_vel' must come with shape \(12,\), not \(\)"),
        ({"joint_names": ("FL_hip_joint",)}, r"does not report the joint 'FL_thigh_joint' \(of 11 missing\)"),
        ({"joint_names": ("FL_hip_joint",) * 12}, "reports the joint 'FL_hip_joint' twice"),
        ({"joint_names": ()}, "does not report the joint 'FL_hip_joint'"),
    ],
)
def test_what_is_missing_is_named(change, message):
    """The message names the term and what should give it; history has not moved on."""
    rng = np.random.default_rng(0)
    builder, rows = ObservationBuilder(Contract.from_dict(GO2)), [draw_row(GO2, rng) for _ in range(2)]
    for row in rows:
        row["last_action"] = np.zeros(12)
    builder.build(state_of(rows[0], GO2), commands_of(rows[0]))
    state = state_of(rows[1], GO2)
    for name, value in change.items():
        setattr(state, name, value)
    with pytest.raises(RobotError, match=message):
        builder.build(state, commands_of(rows[1]))
    with pytest.raises(RobotError, match=r"no command 'base_velocity', .* as 'velocity_commands'"):
        builder.build(state_of(rows[1], GO2), {})
    assert same(builder.build(state_of(rows[1], GO2), commands_of(rows[1])), sample.observe(GO2, rows))


@PROPERTY
@given(seed=seeds, order=st.permutations(range(12)))
def test_the_order_of_the_contract_changes_no_target(seed, order):
    """A robot whose joints are listed otherwise gets the same targets by name."""
    actions = np.random.default_rng(seed).normal(size=12).astype(np.float32)
    permuted = copy.deepcopy(GO2)
    permuted["robot"]["joints"] = [permuted["robot"]["joints"][i] for i in order]
    found = []
    for data in (GO2, permuted):
        decoder = ActionDecoder(Contract.from_dict(data))
        command = decoder.command(decoder.decode(actions, np.zeros(12)))
        columns = (command.position, command.stiffness, command.damping, decoder.damping().damping)
        found.append(dict(zip(command.joint_names, zip(*columns, strict=True), strict=True)))
    assert found[0] == found[1]


@PROPERTY
@given(seed=seeds)
def test_targets_are_those_worked_out_by_hand(seed):
    """Offset, scale, clip, and a gripper's two ends."""
    actions = np.random.default_rng(seed).normal(scale=3.0, size=8).astype(np.float32)
    targets = ActionDecoder(Contract.from_dict(FRANKA)).decode(actions, np.full(9, np.nan))
    assert np.allclose(targets, sample.decode(FRANKA, actions, np.zeros(9)), rtol=0.0, atol=1e-12)
    assert targets[7] in (0.0, 0.04)


def test_joints_that_no_action_drives_stay_at_their_default():
    """Worked by hand: the arm alone is driven, so the fingers keep 4 cm."""
    data = copy.deepcopy(FRANKA)
    del data["actions"][1]
    data["observations"][3].update(width=7, scale=[1.0] * 7)
    actions = np.array([1, 9, 0, 0, 0, 0, 0], dtype=np.float32)
    targets = ActionDecoder(Contract.from_dict(data)).decode(actions, np.zeros(9))
    assert targets.tolist() == [0.5, 3.5, 0.0, -2.81, 0.0, 3.037, 0.741, 0.04, 0.04]


def test_relative_targets_count_from_the_measured_positions():
    """Worked by hand: joints 1 and 3 move by a half and a quarter of the action, joint 3 at most to 0.3 rad; the joint
    between them, the other joints and the fingers are where their own actions say."""
    data = copy.deepcopy(FRANKA)
    none = dict.fromkeys(("scale", "offset", "clip", "open", "close"))
    names = [joint["name"] for joint in data["robot"]["joints"]]
    data["actions"] = [
        {
            **data["actions"][0],
            **none,
            "type": "relative_joint_position",
            "joints": [names[2], names[0]],
            "scale": [0.25, 0.5],
            "clip": [[-0.3, 0.3], [-9.0, 9.0]],
        },
        data["actions"][1],
    ]
    data["observations"][3].update(width=3, scale=[1.0] * 3)
    contract = Contract.from_dict(data)
    measured = np.array([0.1, 0.2, 0.25, 0.4, 0.5, 0.6, 0.7, 0.01, 0.01])
    targets = ActionDecoder(contract).decode(np.array([1.0, -1.0, -1.0], dtype=np.float32), measured)
    assert targets.tolist() == [-0.4, contract.default_pos[1], 0.3, *contract.default_pos[3:7], 0.0, 0.0]


def test_damping_gives_way_and_brakes():
    """No stiffness; damping of a tenth of a second's stiffness, or the motor's own where that is more."""
    go2 = ActionDecoder(Contract.from_dict(GO2)).damping()
    assert go2.mode == "damping"
    assert not go2.stiffness.any()
    assert not go2.effort.any()
    assert go2.damping.tolist() == [2.5] * 12
    franka = ActionDecoder(Contract.from_dict(FRANKA)).damping()
    assert franka.damping.tolist() == [60.0, 60.0, 60.0, 60.0, 30.0, 25.0, 15.0, 80.0, 80.0]
