"""Bundles: written whole, read alike from folder and zip, refused by name when anything is not as exported."""

from __future__ import annotations

import copy
import io
import json
import os
import pickle
import random
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from gaitway_deploy import archive, npz
from gaitway_deploy.archive import pack_zip, unpack_zip
from gaitway_deploy.bundle import Bundle, checksums, verify, write_bundle
from gaitway_deploy.contract import canonical_json
from gaitway_deploy.errors import BundleError
from gaitway_deploy.npz import pack_npz, unpack_npz
from gaitway_deploy.onnx_file import check_model
from gaitway_deploy.policy import Policy

from . import sample

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def files(go2_bundle) -> Files:
    """All files of the sample, checksums included. Not to be changed."""
    return dict(Bundle.open(go2_bundle).files)


def with_checksums(files: Files) -> Files:
    """The files with checksums that are true of them."""
    return {**files, "checksums.json": canonical_json(checksums(files))}


def put(files: Files, folder: Path) -> Path:
    """Write files as they are, whatever they are called."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def refusal(path: Path) -> str:
    """What :func:`verify` says against a bundle; anything but a refusal is a failure of the test."""
    with pytest.raises(BundleError) as caught:
        verify(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def refused(files: Files, folder: Path) -> str:
    """What is said against files, put into a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    return refusal(put(files, folder))


def re_exported(files: Files, contract: dict[str, Any]) -> Files:
    """The files with another contract in all of its places, and checksums that are true."""
    model = sample.with_contract(files["policy.onnx"], contract)
    return with_checksums({**files, "contract.json": canonical_json(contract), "policy.onnx": model})


# -- what is whole ------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["folder", "bundle.zip"])
@pytest.mark.parametrize(
    "options", [{}, {"recurrent": True}, {"history": 3, "with_lin_vel": True}], ids=["plain", "recurrent", "history"]
)
def test_whole_bundles_pass(make_go2_bundle, tmp_path, form, options):
    """Folder or zip, with a memory or a history: all is checked, and nothing differs from what was recorded."""
    path = make_go2_bundle(tmp_path / form, **options)
    found = verify(path)
    assert found.files == len(Bundle.open(path).files) > 10
    assert found.selftest_max_diff <= 1e-6
    assert found.episode_max_diff <= 1e-6
    assert found.episode_actions_max_diff <= 1e-6
    assert found.episode_targets_max_diff <= 1e-6


def test_an_arm_passes(franka_bundle):
    """A robot on a stand, with a gripper and a commanded pose."""
    assert verify(franka_bundle).episode_max_diff <= 1e-6


def test_a_bundle_gives_what_is_in_it(go2_bundle, files):
    """Arrays, episode and contract are those that were written."""
    bundle = Bundle.open(str(go2_bundle))
    assert bundle.path == go2_bundle
    assert bundle.contract.raw == json.loads(files["contract.json"])
    episode = bundle.episode()
    assert len(episode) == 250
    assert np.array_equal(episode.state(7).joint_vel, bundle.npz("episode.npz")["joint_vel"][7])
    assert episode.commands_at(7)["base_velocity"].shape == (3,)
    with pytest.raises(BundleError, match=r"other\.npz: missing"):
        bundle.npz("other.npz")


def test_a_policy_answers_as_its_network(go2_bundle, make_go2_bundle, tmp_path):
    """One step of a plain policy, and a memory that is carried from step to step."""
    obs = np.random.default_rng(0).normal(size=(3, 45)).astype(np.float32)
    for path in (go2_bundle, make_go2_bundle(tmp_path / "recurrent", recurrent=True)):
        policy = Policy.load(path)
        network = sample.Network(policy.bundle.model, dict(policy.contract.raw))
        state, memory = policy.initial_state(), [np.zeros(s.shape, np.float32) for s in policy.contract.policy.state]
        answers = []
        for row in obs:
            actions, state = policy(row, state)
            expected, memory = network(row, memory)
            answers.append((actions, expected))
        for actions, expected in answers:  # what was given before is not written over
            assert actions.dtype == np.float32
            assert actions.shape == (12,)
            assert np.array_equal(actions, expected)
        assert len({actions.tobytes() for actions, _ in answers}) == 3


def test_a_zip_is_always_the_same_bytes(go2_bundle, files, tmp_path):
    """It depends on nothing but the files, is a zip to other programs too, and unpacks to the folder."""
    plain = {name: data for name, data in files.items() if name != "checksums.json"}
    write_bundle(plain, tmp_path / "a.zip")
    write_bundle(dict(reversed(plain.items())), tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive_:
        assert archive_.testzip() is None
        for entry in archive_.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert (entry.compress_type, entry.create_system, entry.external_attr) == (0, 3, 0o644 << 16)
        assert archive_.namelist() == sorted(files)
        archive_.extractall(tmp_path / "unpacked")
    assert dict(Bundle.open(tmp_path / "unpacked").files) == files == dict(Bundle.open(tmp_path / "a.zip").files)


def test_nothing_is_written_over_or_by_half(files, tmp_path, monkeypatch):
    """What is there stays, a full disk leaves nothing behind, and bad names are refused before anything is written."""
    plain = {name: data for name, data in files.items() if name != "checksums.json"}
    (tmp_path / "there").mkdir()
    with pytest.raises(BundleError, match="there is something already"):
        write_bundle(plain, tmp_path / "there")
    for name in ("../x", "/x", "a//b", "con:x", "MODEL_CARD.MD", "MODEL_CARD.md/x"):
        with pytest.raises(BundleError):
            write_bundle({**plain, name: b""}, tmp_path / "new")
    with pytest.raises(BundleError, match=r"checksums\.json: is made here"):
        write_bundle(files, tmp_path / "new")

    written = []

    def full(path: Path, data: bytes) -> None:
        written.append(path)
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        path.write_bytes(data)

    monkeypatch.setattr(archive, "_write_file", full)
    with pytest.raises(BundleError, match=r"cannot be written \(No space left on device\)"):
        write_bundle(plain, tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


# -- what was changed ---------------------------------------------------------------------------------


def test_changed_bytes_are_refused_by_the_name_of_their_file(files, tmp_path):
    """Every file of a folder, changed, cut, or taken away: more than 200 bundles, and each message names the file."""
    folder, draw, tried = put(files, tmp_path / "bundle"), random.Random(0), 0
    for name, data in files.items():
        for place in [0, len(data) - 1, *(draw.randrange(len(data)) for _ in range(6))]:
            changed = bytearray(data)
            changed[place] ^= 1 << draw.randrange(8)
            (folder / name).write_bytes(changed)
            message = refusal(folder)
            # A checksum may have changed into that of no file.
            assert name in message or name == "checksums.json"
            tried += 1
        for size in (0, len(data) // 2, len(data) - 1):
            (folder / name).write_bytes(data[:size])
            assert name in refusal(folder)
            tried += 1
        (folder / name).unlink()
        assert name in refusal(folder)
        (folder / name).write_bytes(data + b"\n")
        assert name in refusal(folder)
        (folder / name).write_bytes(data)
        tried += 2
    for name in ("extra.txt", "robot/.hidden", "robot/meshes/other.stl"):
        (folder / name).write_bytes(b"")
        assert f"{name}: not listed in checksums.json" in refusal(folder)
        (folder / name).unlink()
    assert tried > 200
    verify(folder)  # all has been put back


def test_changed_bytes_of_a_zip_are_refused(files, tmp_path):
    """Anywhere: in a file, in an entry's header, in the list of contents, at either end."""
    data, path, draw = pack_zip(files), tmp_path / "bundle.zip", random.Random(0)
    contents = data.index(b"PK\x01\x02")
    places = [0, 4, 6, 8, 10, 26, contents, contents + 8, contents + 20, contents + 38, len(data) - 22, len(data) - 1]
    places += [draw.randrange(len(data)) for _ in range(20)]
    places += [draw.randrange(contents, len(data)) for _ in range(30)]
    for place in places:
        changed = bytearray(data)
        changed[place] ^= 1 << draw.randrange(8)
        path.write_bytes(changed)
        refusal(path)
    for size in (0, 1, 21, 22, contents, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:size])
        refusal(path)
    for changed in (data + b"\0", b"\0" + data, data + data, b"#!/bin/sh\n" + data):
        path.write_bytes(changed)
        refusal(path)


def leaves(value: Any, path: tuple = ()) -> list[tuple]:
    """Paths of all numbers, texts and truths of a value of JSON."""
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves(item, (*path, key))]
    if isinstance(value, list):
        return [leaf for i, item in enumerate(value) for leaf in leaves(item, (*path, i))]
    return [path]


def put_at(value: Any, path: tuple, new: Callable[[Any], Any]) -> None:
    """Change the value at a path."""
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = new(value[path[-1]])


def changed_leaf(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * 1.01 + 0.0013
    return "changed" if isinstance(value, str) else 1.0


def test_a_changed_contract_is_refused_though_its_checksum_is_true(files, tmp_path):
    """Any field: the contract in the ONNX file says otherwise, if nothing else does."""
    contract, draw = json.loads(files["contract.json"]), random.Random(0)
    for path in draw.sample(leaves(contract), 60):
        changed = copy.deepcopy(contract)
        put_at(changed, path, changed_leaf)
        message = refused(with_checksums({**files, "contract.json": canonical_json(changed)}), tmp_path / "bundle")
        # Of a name that others refer to, it is the old one that is missed.
        value = contract
        for key in path:
            value = value[key]
        field = [key for key in path if isinstance(key, str)][-1]
        assert field in message or str(value) in message, (path, message)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("observations", 0, "scale", 1), 0.26, r"the observation 'base_ang_vel' \[1\] at"),
        (("observations", 4, "clip"), [-1.0, 1.0], "the observation 'joint_vel'"),
        (("observations", 3, "offset", 2), -1.4, r"the observation 'joint_pos' \[2\] at 0\.000 s"),
        (("robot", "gravity"), [0.0, -9.81, 0.0], "the observation 'projected_gravity'"),
        (("actions", 0, "scale", 11), 0.26, "the target of joint 'RR_calf_joint'"),
        (("actions", 0, "offset", 0), 0.11, "the target of joint 'FL_hip_joint'"),
        (("observations", 0, "history", "length"), 2, "the model's input 'obs' has the shape"),
        (("policy", "state"), [{"input": "h", "output": "g", "shape": [1]}], "the model's inputs are obs"),
        (("policy", "input"), "x", "the model's inputs are obs; the contract says x"),
        (("policy", "opset"), 17, "the model is of opset 18; the contract says 17"),
        (("robot", "base_link"), "torso", r"robot\.urdf: has no link 'torso', .* robot\.base_link"),
        (("robot", "joints", 0, "name"), "tail", "the robot has no joint 'FL_hip_joint'"),
        (("robot", "joints", 0, "unit"), "m", "has no joint 'FL_hip_joint' that moves in m"),
        (("robot", "joints", 0, "pos_limits"), None, r"joints\[0\]\.pos_limits lets it go from -inf to inf"),
        (("robot", "joints", 0, "pos_limits"), [-2.0, 1.0], r"joints\[0\]\.pos_limits lets it go from -2 to 1"),
        (("robot", "joints", 0, "pos_limits"), [-1.0, 2.0], r"joints\[0\]\.pos_limits lets it go from -1 to 2"),
        (("robot", "joints", 0, "effort_limit"), 100.0, r"joints\[0\]\.effort_limit allows more"),
        (("robot", "joints", 0, "vel_limit"), None, r"joints\[0\]\.vel_limit allows more"),
        (("robot", "urdf"), "robot/other.urdf", r"robot/other\.urdf: missing"),
    ],
)
def test_a_contract_changed_in_all_its_places_must_still_be_true(files, tmp_path, path, value, message):
    """What recording, network or description show to be false is refused, though all else agrees."""
    contract = json.loads(files["contract.json"])
    put_at(contract, path, lambda _: value)
    with pytest.raises(BundleError, match=message):
        verify(put(re_exported(files, contract), tmp_path / "bundle"))


def test_another_order_of_terms_or_joints_is_refused(files, tmp_path):
    """Two terms of one size change places, or two joints: the recording shows it."""
    contract = json.loads(files["contract.json"])
    terms = contract["observations"]
    terms[0], terms[1] = terms[1], terms[0]
    assert "the observation 'projected_gravity'" in refused(re_exported(files, contract), tmp_path / "terms")
    contract = json.loads(files["contract.json"])
    joints = contract["robot"]["joints"]
    joints[0], joints[3] = joints[3], joints[0]
    assert refused(re_exported(files, contract), tmp_path / "joints").startswith("episode.npz: the ")


def test_changed_weights_are_refused_though_their_checksum_is_true(files, tmp_path):
    """A thousandth on any tensor of the network fails the self-test."""
    model = onnx.load_from_string(files["policy.onnx"])
    for i in range(len(model.graph.initializer)):
        changed = copy.deepcopy(model)
        tensor = changed.graph.initializer[i]
        tensor.CopyFrom(numpy_helper.from_array(1.001 * numpy_helper.to_array(tensor), tensor.name))
        edited = with_checksums({**files, "policy.onnx": changed.SerializeToString()})
        assert refused(edited, tmp_path / "bundle").startswith("selftest.npz: the policy's answer to observation")


def test_a_damaged_network_never_crashes(files, tmp_path):
    """Bytes changed with a true checksum: refused, or a network that still answers as recorded."""
    draw, refusals = random.Random(0), 0
    for _ in range(60):
        changed = bytearray(files["policy.onnx"])
        # Half of them in the graph's structure, which is at the start, and not in the numbers.
        place = draw.randrange(400 if draw.random() < 0.5 else len(changed))
        changed[place] = draw.randrange(256)
        shutil.rmtree(tmp_path / "bundle", ignore_errors=True)
        try:
            verify(put(with_checksums({**files, "policy.onnx": bytes(changed)}), tmp_path / "bundle"))
        except BundleError:
            refusals += 1
    assert refusals > 30


@pytest.mark.parametrize("name", ["selftest.npz", "episode.npz"])
def test_changed_recordings_are_refused(files, tmp_path, name):
    """Each array changed, taken away, cut, of another type, not finite, or one too many."""
    arrays = unpack_npz(files[name], name)

    def message(changed: dict[str, np.ndarray]) -> str:
        return refused(with_checksums({**files, name: pack_npz(changed)}), tmp_path / "bundle")

    for key, array in arrays.items():
        rest = {other: value for other, value in arrays.items() if other != key}
        nan = array.copy()
        nan.flat[-1] = np.nan
        assert f"{name}: the array '{key}'" in message(rest)
        assert f"{name}: the array" in message({**rest, key: array[:-1]})
        assert f"{name}: the array '{key}' holds int64" in message({**rest, key: array.astype(np.int64)})
        assert f"{name}: the array '{key}' holds numbers that are not finite" in message({**rest, key: nan})
        if key == "time":
            assert "does not grow" in message({**rest, key: array[::-1]})
        elif key != "lin_vel":  # which this policy does not see
            drifting = np.linspace(0.0, 1.0, len(array), dtype=array.dtype).reshape(-1, *[1] * (array.ndim - 1))
            assert message({**rest, key: array + drifting}).startswith(f"{name}: the ")
    assert f"{name}: the array 'more' is not known" in message({**arrays, "more": np.zeros(3)})


# -- other versions, other files ----------------------------------------------------------------------


def test_other_versions_are_named(files, tmp_path):
    """Of the bundle and of the contract, each in its own words."""
    listed = {**json.loads(files["checksums.json"]), "version": 2}
    message = refused({**files, "checksums.json": canonical_json(listed)}, tmp_path / "a")
    assert message.startswith("checksums.json: bundle version 2; this is gaitway_deploy")
    contract = {**json.loads(files["contract.json"]), "version": 2}
    message = refused(with_checksums({**files, "contract.json": canonical_json(contract)}), tmp_path / "b")
    assert message.startswith("contract.json: contract version 2; this is gaitway_deploy")


def test_what_is_no_bundle_is_said_so(tmp_path):
    """Nothing, an empty folder, a text, a device."""
    assert "there is nothing; check the path" in refusal(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "checksums.json: missing; this is no bundle" in refusal(tmp_path / "empty")
    (tmp_path / "text.zip").write_text("hello")
    assert "not a zip as Gaitway writes it" in refusal(tmp_path / "text.zip")
    assert "neither a folder nor a file" in refusal(Path("/dev/null"))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("contract.json", b"[" * 100_000, "nested too deeply"),
        ("contract.json", b'{"format": NaN}', "NaN is no number"),
        ("contract.json", b'{"format": 1, "format": 2}', "'format' is there twice"),
        ("contract.json", b'{"format": ' + b"9" * 5000 + b"}", "an integer of 5000 digits"),
        ("contract.json", b'{"format": 1e999}', "not written as Gaitway writes it"),
        ("contract.json", b'{"format": "\xff"}', "not readable as JSON"),
        ("contract.json", b"[]\n", "no contract of Gaitway"),
        ("checksums.json", b"[]\n", "this is no bundle"),
        ("checksums.json", b"null\n", "this is no bundle"),
        ("MODEL_CARD.md", b"\xff\xfe", "not text"),
        ("policy.onnx", b"", "the model is of opset no version"),
        ("policy.onnx", b"\xff" * 100, "not readable as ONNX"),
        ("policy.onnx", b"\x08\x08\x42\x02\x10\x12", "onnxruntime cannot load"),
        ("selftest.npz", b"PK", "not readable as arrays"),
        ("robot/robot.urdf", b'<!DOCTYPE r [<!ENTITY a "b">]><robot>&a;</robot>', "declares a document type"),
        ("robot/robot.urdf", "<robot/>".encode("utf-16"), "not in UTF-8"),
        ("robot/robot.urdf", b"<model/>", "this is no URDF"),
        ("robot/robot.urdf", b"<robot>" + b"<a>" * 1000, "not readable as XML"),
        ("robot/robot.urdf", b'<robot><include file="x"/></robot>', "would have an engine read other files"),
        ("robot/robot.urdf", b"<robot><mujoco/></robot>", "would have an engine read other files"),
        ("robot/robot.urdf", b'<robot><link name="base"/><link name="base"/></robot>', "two links have one name"),
    ],
)
def test_hostile_files_are_refused(files, tmp_path, name, data, message):
    """With true checksums, so that it is the content that is refused."""
    changed = {**files, name: data}
    said = refused(changed if name == "checksums.json" else with_checksums(changed), tmp_path / "bundle")
    assert said.startswith(f"{name}: ")
    assert message in said


@pytest.mark.parametrize("depth", [300, 700, 900, 940, 970, 1100, 3000, 30_000])
def test_deep_json_is_refused(files, tmp_path, depth):
    """As deep as can be read but not written, and deeper than can be read."""
    for name in ("contract.json", "checksums.json"):
        changed = {**files, name: b"[" * depth + b"]" * depth}
        said = refused(changed if name == "checksums.json" else with_checksums(changed), tmp_path / "bundle")
        assert said.startswith((f"{name}: nested too deeply", f"{name}: not written as Gaitway writes it"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"meshes/foot_convex.stl", b"../../etc/passwd", "not a mesh with a plain relative path"),
        (b"meshes/foot_convex.stl", b"/etc/passwd", "not a mesh with a plain relative path"),
        (b"meshes/foot_convex.stl", b"meshes/none.stl", r"robot/meshes/none.stl: missing; robot/robot.urdf names"),
        (b'<child link="FL_hip"', b'<child link="none"', "the joint 'FL_hip_joint' is on 'none', which is no link"),
        (b'"FL_hip_joint"', b'"tail_joint"', "the joint 'tail_joint' is not among the contract's"),
        (b'name="FL_hip_joint" type="revolute"', b'name="FL_hip_joint" type="fixed"', "has no joint 'FL_hip_joint'"),
        (b'xyz="0 0.0955 0"', b'xyz="0 0.0956 0"', "its joints are not those of robot/robot.urdf"),
        (b'xyz="0 0.0955 0"', b'xyz="0 nan 0"', "is not 3 finite numbers"),
    ],
)
def test_a_description_of_another_robot_is_refused(files, tmp_path, old, new, message):
    """Links, joints, limits and meshes are those of the contract, and both descriptions are of one robot."""
    assert old in files["robot/robot.urdf"]
    changed = files["robot/robot.urdf"].replace(old, new)
    assert message in refused(with_checksums({**files, "robot/robot.urdf": changed}), tmp_path / "bundle")


def test_broken_meshes_are_refused(files, tmp_path):
    """A mesh that is missing, cut, or not finite, with true checksums."""
    mesh = "robot/meshes/foot_convex.stl"
    without = {name: data for name, data in files.items() if name != mesh}
    assert refused(with_checksums(without), tmp_path / "a").startswith(f"{mesh}: missing")
    cut = with_checksums({**files, mesh: files[mesh][:-20]})
    assert refused(cut, tmp_path / "a").startswith(f"{mesh}: not a whole binary STL")
    infinite = bytearray(files[mesh])
    infinite[96:100] = np.float32(np.inf).tobytes()
    assert "not finite" in refused(with_checksums({**files, mesh: bytes(infinite)}), tmp_path / "a")


# -- what would reach outside -------------------------------------------------------------------------


def test_links_pipes_and_folders_are_refused(files, tmp_path):
    """A bundle in a folder holds plain files only; what it is reached by may be a link."""
    folder = put(files, tmp_path / "bundle")
    (tmp_path / "link").symlink_to(folder)
    verify(tmp_path / "link")
    card = folder / "MODEL_CARD.md"
    card.rename(tmp_path / "outside.md")
    card.symlink_to(tmp_path / "outside.md")
    assert "MODEL_CARD.md: a link" in refusal(folder)
    card.unlink()
    os.mkfifo(card)
    assert "MODEL_CARD.md: neither a file nor a folder" in refusal(folder)
    card.unlink()
    card.mkdir()
    assert "MODEL_CARD.md: missing" in refusal(folder)
    card.rmdir()
    (tmp_path / "outside.md").rename(card)
    (folder / "robot" / "more").symlink_to(tmp_path)
    assert "robot/more: a link" in refusal(folder)
    (folder / "robot" / "more").unlink()
    (folder / "robot" / "a\nb").write_bytes(b"")
    assert "not a plain relative path" in refusal(folder)
    (folder / "robot" / "a\nb").unlink()
    deep = folder.joinpath(*["deep"] * 12)
    deep.mkdir(parents=True)
    assert "folders within folders" in refusal(folder)


@pytest.mark.parametrize(
    "name", ["../outside", "/outside", "a/../../outside", "robot\\..\\x", "C:x", "./a", "a//b", "x/"]
)
def test_a_zip_that_climbs_out_is_refused(files, tmp_path, name):
    """By the name that it would have written; and nothing is written."""
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "bundle.zip"
    path.write_bytes(pack_zip(with_checksums({**files, name: b"x"})))
    assert "not a plain relative path" in refusal(path)
    assert [p.name for p in tmp_path.rglob("*")] == ["in", "bundle.zip"]


def test_zips_of_other_forms_are_refused(files, tmp_path):
    """Compressed, with an entry twice, with a comment, dated, or encrypted: one form only can be read."""
    path = tmp_path / "bundle.zip"

    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(path, "w", compression) as archive_:
            for name in sorted(files):
                archive_.writestr(zipfile.ZipInfo(name), files[name], compression)
        refusal(path)

    data = pack_zip(files)
    path.write_bytes(data[:-2] + b"\x03\x00abc")
    refusal(path)
    encrypted = bytearray(data)
    for place in (6, data.index(b"PK\x01\x02") + 8):
        encrypted[place] |= 1
    path.write_bytes(encrypted)
    refusal(path)
    twice = data.replace(b"policy.onnx", b"episode.npz")
    path.write_bytes(twice)
    assert "twice in the zip" in refusal(path)
    with pytest.raises(BundleError):
        unpack_zip(b"PK\x05\x06" + b"\xff" * 18)

    # One content under many names: a small file that would fill the memory.
    one = pack_zip({"a": b"x" * 1000})
    start = one.index(b"PK\x01\x02")
    entry, end = bytearray(one[start:-22]), bytearray(one[-22:])
    entries = b"".join(bytes(entry[:-1]) + bytes([place]) for place in b"abcdefgh")
    end[8:10] = end[10:12] = (8).to_bytes(2, "little")
    with pytest.raises(BundleError, match="the entry 'b' is not in its place"):
        unpack_zip(one[:start] + entries + bytes(end))


def test_a_model_that_reaches_outside_is_refused(files, tmp_path):
    """Numbers in another file, at any depth of the graph; operators or functions of its own; no contract."""
    secret = tmp_path / "secret.bin"
    secret.write_bytes(b"\0" * 4096)
    model = onnx.load_from_string(files["policy.onnx"])

    def outside(tensor: TensorProto) -> TensorProto:
        stub = TensorProto(data_type=tensor.data_type, dims=tensor.dims, name=tensor.name)
        stub.data_location = TensorProto.EXTERNAL
        stub.external_data.add(key="location", value=secret.name)
        return stub

    def said(changed: onnx.ModelProto) -> str:
        return refused(with_checksums({**files, "policy.onnx": changed.SerializeToString()}), tmp_path / "bundle")

    for i in range(len(model.graph.initializer)):
        changed = copy.deepcopy(model)
        changed.graph.initializer[i].CopyFrom(outside(model.graph.initializer[i]))
        assert said(changed).startswith("policy.onnx: a tensor is kept in another file")

    inner = helper.make_graph(
        [helper.make_node("Constant", [], ["c"], value=outside(numpy_helper.from_array(np.zeros(4, np.float32))))],
        "inner",
        [],
        [helper.make_tensor_value_info("c", TensorProto.FLOAT, [4])],
    )
    changed = copy.deepcopy(model)
    changed.graph.node.append(helper.make_node("If", ["obs"], ["z"], then_branch=inner, else_branch=inner))
    assert said(changed).startswith("policy.onnx: a tensor is kept in another file")

    changed = copy.deepcopy(model)
    changed.graph.node[0].domain = "com.example"
    assert "operators of 'com.example'" in said(changed)
    changed = copy.deepcopy(model)
    changed.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    assert "operators of 'com.microsoft'" in said(changed)
    changed = copy.deepcopy(model)
    changed.functions.append(
        helper.make_function("", "f", ["x"], ["y"], [helper.make_node("Relu", ["x"], ["y"])], model.opset_import)
    )
    assert "a function of its own" in said(changed)
    changed = copy.deepcopy(model)
    del changed.metadata_props[:]
    assert "metadata has no 'gaitway.contract'" in said(changed)


def test_every_place_of_a_tensor_is_looked_into():
    """Whatever message of ONNX can hold a tensor or an operator, our reader follows: the library's own types say so."""
    from google.protobuf.descriptor import FieldDescriptor

    from gaitway_deploy.onnx_file import _INNER

    kinds = {"ModelProto": "model", "GraphProto": "graph", "NodeProto": "node", "AttributeProto": "attribute"}
    kinds.update(SparseTensorProto="sparse", TensorProto="tensor", OperatorSetIdProto="opset")
    kinds.update(TrainingInfoProto="training", FunctionProto="function")

    def holds(message: Any, seen: frozenset[str] = frozenset()) -> bool:
        if message.name in ("TensorProto", "NodeProto", "OperatorSetIdProto"):
            return True
        inner = [f.message_type for f in message.fields if f.type == FieldDescriptor.TYPE_MESSAGE]
        return any(holds(m, seen | {message.name}) for m in inner if m.name not in seen)

    checked = 0
    for name, kind in kinds.items():
        for field in getattr(onnx, name).DESCRIPTOR.fields:
            if kind in _INNER and field.type == FieldDescriptor.TYPE_MESSAGE and holds(field.message_type):
                assert _INNER[kind].get(field.number) == kinds[field.message_type.name], (name, field.name)
                checked += 1
    assert checked >= 12


@pytest.mark.parametrize("depth", [50, 5000])
def test_deep_models_are_refused_without_a_crash(depth):
    """Graphs within graphs, deeper than any that is meant."""
    data = b""
    for _ in range(depth):
        for field in (6, 5, 1):  # attribute.g, node.attribute, graph.node: from within
            data = bytes([field << 3 | 2]) + _varint(len(data)) + data
    with pytest.raises(BundleError, match="nested too deeply"):
        check_model(bytes([7 << 3 | 2]) + _varint(len(data)) + data, 18)


def _varint(value: int) -> bytes:
    found = []
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


# -- arrays -------------------------------------------------------------------------------------------


class _Trap:
    """Leaves a mark if it is ever unpickled."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self) -> Any:
        return (Path.touch, (self.mark,))


def npz_of(content: bytes, name: str = "a.npy", compression: int = zipfile.ZIP_STORED) -> bytes:
    """A zip of one file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive_:
        archive_.writestr(name, content)
    return buffer.getvalue()


def npy_of(header: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    """An ``.npy`` file with a header of any text."""
    text = header.encode("latin1") + b"\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text + data


def test_pickled_arrays_are_never_run(tmp_path):
    """Neither as an array of objects nor as a plain pickle."""
    mark = tmp_path / "mark"
    buffer = io.BytesIO()
    np.savez(buffer, obs=np.array([_Trap(mark)], dtype=object))
    assert pickle.dumps(_Trap(mark)) in pickle.dumps(_Trap(mark))
    for data in (buffer.getvalue(), npz_of(pickle.dumps(_Trap(mark))), pickle.dumps(_Trap(mark))):
        with pytest.raises(BundleError, match=r"x\.npz: not readable as arrays"):
            unpack_npz(data, "x.npz")
    assert not mark.exists()
    np.load(io.BytesIO(buffer.getvalue()), allow_pickle=True)["obs"]
    assert mark.exists()  # the trap works


@pytest.mark.parametrize(
    "data",
    [
        npz_of(npy_of("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }", b"\0" * 8)),
        npz_of(npy_of("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }", b"\0" * 8)),
        npz_of(npy_of("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", b"\0" * 8)),
        npz_of(npy_of("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", b"\0" * 8)),
        npz_of(npy_of("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }", b"\0" * 8)),
        npz_of(npy_of("{'descr': '<f8', 'fortran_order': False, 'shape': (1.5,), }", b"\0" * 8)),
        npz_of(npy_of("__import__('os').system('false')")),
        npz_of(npy_of("(" * 5000 + ")" * 5000)),
        npz_of(npy_of("{'descr': '<f8'", version=b"\x09\x00")),
        npz_of(b"", "a.txt"),
        npz_of(b""),
        b"",
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_hostile_arrays_are_refused(data):
    """Sizes that are not there, types that are no numbers, headers that are code."""
    with pytest.raises(BundleError, match=r"x\.npz: not readable as arrays"):
        unpack_npz(data, "x.npz")


def test_a_bomb_is_not_unpacked(monkeypatch):
    """What is announced is added up before anything is unpacked, and no more than announced is read."""
    monkeypatch.setattr(npz, "MAX_BYTES", 10_000)
    array = npy_of("{'descr': '<f8', 'fortran_order': False, 'shape': (1250,), }", b"\0" * 10_000)
    with pytest.raises(BundleError, match="than 10000 bytes"):
        unpack_npz(npz_of(array, compression=zipfile.ZIP_DEFLATED), "x.npz")
    lying = bytearray(npz_of(array, compression=zipfile.ZIP_DEFLATED))
    at = lying.index(b"PK\x01\x02") + 24
    lying[at : at + 4] = (100).to_bytes(4, "little")
    with pytest.raises(BundleError):
        unpack_npz(bytes(lying), "x.npz")


def test_what_is_too_large_is_refused(files, tmp_path, monkeypatch):
    """Files, their number and their sum have bounds."""
    folder = put(files, tmp_path / "bundle")
    path = tmp_path / "bundle.zip"
    path.write_bytes(pack_zip(files))
    for name, value in (("MAX_FILES", 5), ("MAX_FILE_BYTES", 1000), ("MAX_BYTES", 10_000)):
        with monkeypatch.context() as patch:
            patch.setattr(archive, name, value)
            assert "at most" in refusal(folder) or "the most" in refusal(folder)
            assert "at most" in refusal(path) or "the most" in refusal(path)
    verify(path)
