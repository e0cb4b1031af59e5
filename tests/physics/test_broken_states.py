"""Recordings of broken states: what is written is read back, and nothing else is taken for one."""

from __future__ import annotations

import dataclasses
import io
import pickle
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gaitway.errors import UsageError
from gaitway.physics.broken_states import FIELDS, BrokenState, joint_layout, joint_range, short_label


def recording(**changes) -> BrokenState:
    """A floating body, a fixed foot and a hinge; three states."""
    joint_q = np.tile(np.float32([1, 2, 3, 0, 0, 0, 1, 0.5]), (3, 1))
    joint_qd = np.tile(np.float32([0.1, 0, 0, 0, 0, 0.2, 0.3]), (3, 1))
    values = {
        "task": "Some-Task",
        "engine": "mujoco_cpu",
        "env_id": 3,
        "env_origin": [1.0, 2.0, 0.0],
        "num_step": 77,
        "physics_dt": 0.005,
        "reason": "NaN in a velocity: größer",
        "joint_names": ["/World/envs/env_3/Robot/base", "/World/envs/env_3/Robot/foot", "/World/envs/env_3/Robot/knee"],
        "joint_q_start": [0, 7, 7, 8],
        "joint_qd_start": [0, 6, 6, 7],
        "joint_q": joint_q,
        "joint_qd": joint_qd,
        "control": [0.25],
    }
    return BrokenState(**(values | changes))


def test_what_is_saved_is_loaded(tmp_path: Path):
    state = recording()
    state.joint_qd[1] = np.nan
    state.save(tmp_path / "state.npz")
    loaded = BrokenState.load(tmp_path / "state.npz")
    for item in dataclasses.fields(BrokenState):
        before, after = getattr(state, item.name), getattr(loaded, item.name)
        assert type(after) is type(before), item.name
        np.testing.assert_array_equal(after, before, err_msg=item.name)
    assert loaded.joint_q.dtype == loaded.control.dtype == np.float32
    assert [path.name for path in tmp_path.iterdir()] == ["state.npz"], "nothing half written is left"
    with np.load(tmp_path / "state.npz", allow_pickle=False) as archive:
        assert set(archive.files) == {"version", *FIELDS}


def test_name_and_defaults(tmp_path: Path):
    recording(task="", control=[]).save(tmp_path / "state.recording")
    loaded = BrokenState.load(str(tmp_path / "state.recording"))
    assert loaded.task == ""
    assert loaded.control.shape == (0,)


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch):
    path = tmp_path / "state.npz"
    recording().save(path)
    before = path.read_bytes()

    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="disk full"):
        recording(env_id=4).save(path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"joint_q": np.zeros(8)}, "joint_q has shape"),
        ({"joint_q": np.zeros((0, 8)), "joint_qd": np.zeros((0, 7))}, "joint_q has shape"),
        ({"joint_q": np.zeros((2, 8))}, "joint_q has 2 states and joint_qd 3"),
        ({"joint_q": np.zeros((3, 9))}, "does not divide the 9 columns"),
        ({"joint_q_start": [0, 7, 8]}, "there are 3 joints"),
        ({"joint_qd_start": [0, 6, 5, 7]}, "does not divide the 7 columns"),
        ({"env_origin": [0, 0]}, "env_origin"),
        ({"physics_dt": 0.0}, "physics_dt"),
        ({"control": np.zeros((1, 1))}, "control has shape"),
    ],
)
def test_fields_that_do_not_fit_are_not_saved(tmp_path: Path, changes, told):
    with pytest.raises(ValueError, match=told):
        recording(**changes).save(tmp_path / "state.npz")
    assert not list(tmp_path.iterdir())


def rewritten(path: Path, **changes) -> Path:
    """A saved recording with some arrays replaced, or left out where None."""
    recording().save(path)
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files} | changes
    with path.open("wb") as file:
        np.savez(file, **{name: array for name, array in arrays.items() if array is not None})
    return path


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"version": np.int64(2)}, "has version 2, and this Gaitway reads version 1"),
        ({"version": np.int64(2), "reason": None}, "has version 2"),
        ({"version": np.arange(2)}, "version of several numbers"),
        ({"version": np.array("1")}, "version 1"),
        ({"version": None}, "not a recording of a broken state; it has no 'version'"),
        ({"joint_q": None}, "not a recording of a broken state; it has no 'joint_q'"),
        ({"reason": None}, "damaged: it has no 'reason'"),
        ({"joint_qd": np.zeros((2, 7))}, "damaged: joint_q has 3 states and joint_qd 2"),
        ({"joint_q": np.zeros((3, 8), int)}, "damaged: joint_q is of type int64"),
        ({"env_id": np.arange(2)}, "damaged: env_id has shape"),
        ({"physics_dt": np.float64("nan")}, "damaged: physics_dt is nan"),
        ({"joint_names": np.array([["a", "b", "c"]])}, "damaged: joint_names has shape"),
        ({"joint_q": np.full((3, 8), np.nan, np.float32)}, "none of its 3 states is finite"),
    ],
)
def test_contents_that_are_wrong(tmp_path: Path, changes, told):
    path = rewritten(tmp_path / "state.npz", **changes)
    refused(path, told)


def refused(path: Path, told: str) -> None:
    with pytest.raises(UsageError) as error:
        BrokenState.load(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert told in message
    assert "\n" not in message


def test_files_that_are_none(tmp_path: Path):
    refused(tmp_path / "missing.npz", "there is no such file")
    refused(tmp_path, "not a file")
    path = tmp_path / "other.npz"
    path.write_bytes(b"")
    refused(path, "not a recording")
    path.write_text("no archive")
    refused(path, "not a recording")
    path.write_bytes(pickle.dumps({"joint_q": 1}))
    refused(path, "not a recording")
    np.save(tmp_path / "array.npy", np.zeros(3))
    refused(tmp_path / "array.npy", "not a recording")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    refused(path, "not a recording")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_files_cut_short(tmp_path: Path, part):
    path = tmp_path / "state.npz"
    recording().save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    refused(path, "damaged")


def test_files_with_a_wrong_byte_are_refused_or_whole(tmp_path: Path):
    """A file with any one byte changed is refused with one line, or says the same as before."""
    path = tmp_path / "state.npz"
    recording().save(path)
    data = path.read_bytes()
    messages = []
    for i in range(0, len(data), 17):
        path.write_bytes(data[:i] + bytes([data[i] ^ 0xFF]) + data[i + 1 :])
        try:
            loaded = BrokenState.load(path)
        except UsageError as error:
            messages.append(str(error))
        else:
            np.testing.assert_array_equal(loaded.joint_q, recording().joint_q)
    assert len(messages) > 20
    assert not [message for message in messages if "\n" in message]


def test_pickled_arrays_are_not_opened(tmp_path: Path):
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    path = tmp_path / "state.npz"
    recording().save(path)
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files if name != "joint_names"}
    with path.open("wb") as file:
        np.savez(file, **arrays)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("joint_names.npy", buffer.getvalue())
    refused(path, "allow_pickle=False")


def test_speeds_and_the_fastest_joint():
    state = recording()
    state.joint_qd[1, 1] = -7.0
    state.joint_qd[2, 6] = np.nan
    np.testing.assert_allclose(state.speeds(), [0.3, 7.0, np.inf])
    assert state.finite_rows().tolist() == [True, True, False]
    assert state.fastest(0) == ("/World/envs/env_3/Robot/knee", pytest.approx(0.3))
    assert state.fastest(1) == ("/World/envs/env_3/Robot/base (linear y)", -7.0)
    name, velocity = state.fastest(2)
    assert short_label(name) == "Robot/knee"
    assert np.isnan(velocity)
    state.joint_qd[0, 5] = 9.0
    assert state.fastest(0)[0].endswith("base (angular z)")


def test_free_joints_move_to_another_origin():
    state = recording()
    moved = state.moved_to(np.array([10.0, 0.0, 0.5]))
    np.testing.assert_allclose(moved[0], [10, 0, 3.5, 0, 0, 0, 1, 0.5])
    np.testing.assert_allclose(state.joint_q[0, :3], [1, 2, 3], err_msg="the recording stays as it is")


def model(worlds: list[int], sizes: list[tuple[int, int]]) -> SimpleNamespace:
    """As much of a Newton model as tells its joints."""

    def array(values) -> SimpleNamespace:
        return SimpleNamespace(numpy=lambda: np.array(values))

    starts = np.cumsum([(0, 0), *sizes], axis=0)
    return SimpleNamespace(
        joint_world=array(worlds),
        joint_label=[f"/World/envs/env_{world}/Robot/j{i}" for i, world in enumerate(worlds)],
        joint_q_start=array(starts[:, 0]),
        joint_qd_start=array(starts[:, 1]),
    )


def test_joints_of_a_world():
    two = model([-1, 0, 0, 1, 1], [(1, 1), (7, 6), (1, 1), (7, 6), (1, 1)])
    assert joint_range(two, 1) == (3, 5)
    names, q_start, qd_start = joint_layout(two, 1)
    assert names == ["/World/envs/env_1/Robot/j3", "/World/envs/env_1/Robot/j4"]
    assert q_start.tolist() == [0, 7, 8]
    assert qd_start.tolist() == [0, 6, 7]
    assert joint_range(two, 5) == (0, 0)
    assert short_label(names[0]) == "Robot/j3"
    assert short_label("/World/Robot/j3") == "/World/Robot/j3"
