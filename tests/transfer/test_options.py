"""Wrong words of the command line end with one line that says what to do."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from gaitway.cli.robustness import robustness
from gaitway.cli.transfer import open_bundle, refusals, transfer
from gaitway.errors import UsageError
from gaitway.transfer.engines import parse_engines
from gaitway_deploy.contract import Contract
from gaitway_deploy.errors import BundleError

TRANSFER = {"episodes": 2, "engines": "mujoco", "seed": 0, "output": None, "card": False}
ROBUSTNESS = {"engine": "mujoco", "episodes": 2, "seed": 0, "output": None, "quick": True, "card": False}
PLAIN = {"verbose": False, "as_json": False}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"engines": "newton,fysx"}, "fysx: no such engine; there are newton, physx, mujoco"),
        ({"engines": " , "}, "names no engine"),
        ({"episodes": 0}, "--episodes 0"),
        ({"seed": -1}, "--seed -1"),
        ({"bundle": "nowhere"}, "there is no such bundle"),
        ({"output": __file__}, "is a file"),
    ],
)
def test_transfer_refuses(go2_path, changes, words) -> None:
    with pytest.raises(UsageError, match=words):
        transfer(**{"bundle": str(go2_path), **TRANSFER, **PLAIN, **changes})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"engine": "bullet"}, "--engine bullet: no such engine"),
        ({"episodes": 0}, "--episodes 0"),
        ({"bundle": "nowhere"}, "there is no such bundle"),
    ],
)
def test_robustness_refuses(go2_path, changes, words) -> None:
    with pytest.raises(UsageError, match=words):
        robustness(**{"bundle": str(go2_path), **ROBUSTNESS, **PLAIN, **changes})


def test_a_damaged_bundle_is_refused_by_its_own_name(go2_path, tmp_path) -> None:
    copy = tmp_path / "bad"
    shutil.copytree(go2_path, copy)
    (copy / "policy.onnx").write_bytes(b"nothing")
    with pytest.raises(BundleError, match=r"policy\.onnx"):
        open_bundle(str(copy))


def test_engines_are_read_once_each() -> None:
    assert parse_engines("newton, mujoco,newton") == ["newton", "mujoco"]


@pytest.mark.parametrize(
    ("task", "words"),
    [({"scene": ["ground", "object"]}, "object"), ({"success": {"kind": "other"}}, "'other'"), ({}, None)],
)
def test_plain_mujoco_is_left_out_where_it_lacks_something(go2, task, words) -> None:
    raw = {**go2.contract.raw, "task": {**go2.contract.raw["task"], **task}}
    stand_in = SimpleNamespace(contract=Contract.from_dict(raw))
    refused = refusals(stand_in, ["newton", "mujoco"])
    assert set(refused) == ({"mujoco"} if words else set())
    if words:
        assert words in refused["mujoco"]
