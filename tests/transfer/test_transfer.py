"""A bundle in all engines, from the command line's function to the table in its model card."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from gaitway.cli.transfer import transfer
from gaitway.errors import BrokenError
from gaitway.transfer.schedule import draw_schedule
from gaitway.transfer.traces import Traces
from gaitway_deploy.bundle import Bundle, verify

EPISODES, SECONDS = 3, 0.6
ENGINES = ("newton", "physx", "mujoco")


@pytest.fixture(scope="module")
def done(go2_path, tmp_path_factory):
    """A transfer of a few short episodes: its folder and its bundle."""
    folder = tmp_path_factory.mktemp("transfer")
    bundle = folder / "go2"
    shutil.copytree(go2_path, bundle)
    transfer(
        bundle=str(bundle),
        episodes=EPISODES,
        engines=",".join(ENGINES),
        seed=7,
        output=str(folder / "out"),
        card=True,
        verbose=False,
        as_json=False,
        seconds=SECONDS,
    )
    return folder / "out", bundle


@pytest.fixture(scope="module")
def traces(done) -> dict[str, Traces]:
    """What happened, by engine."""
    return {name: Traces.load(done[0] / f"{name}.npz") for name in ENGINES}


def test_all_engines_begin_alike_and_are_asked_alike(go2, traces) -> None:
    schedule = draw_schedule(go2.contract, EPISODES, 7, SECONDS)
    for name, trace in traces.items():
        assert trace.engine == name
        np.testing.assert_allclose(trace.joint_pos[:, 0], schedule.joint_pos, atol=1e-6)
        np.testing.assert_allclose(trace.commands["base_velocity"], schedule.commands["base_velocity"], atol=1e-6)
        np.testing.assert_allclose(trace.base_pos[:, 0], [go2.contract.robot.initial_base_pos] * EPISODES, atol=1e-5)
        half = schedule.yaw / 2
        expected = np.stack([0 * half, 0 * half, np.sin(half), np.cos(half)], axis=1)
        sign = np.sign((trace.quat[:, 0] * expected).sum(axis=1, keepdims=True))
        np.testing.assert_allclose(sign * trace.quat[:, 0], expected, atol=1e-5)
        assert np.isfinite(trace.obs).all()
        # What the policy sees at first is the same to the last digits, and so is its answer.
        np.testing.assert_allclose(trace.obs[:, 0], traces["newton"].obs[:, 0], atol=1e-5)
        np.testing.assert_allclose(trace.targets[:, 0], traces["newton"].targets[:, 0], atol=1e-5)


def test_the_policy_saw_what_was_the_case(go2, traces) -> None:
    contract = go2.contract
    for trace in traces.values():
        term = contract.observation("joint_pos")
        index = contract.joint_indices(term.joints)
        seen = trace.joint_pos[:, :-1, index] - contract.default_pos[index]
        np.testing.assert_allclose(trace.obs[:, :, term.start : term.stop], term.scale * seen, atol=1e-5)


def test_the_physics_is_alike(traces) -> None:
    for trace in traces.values():
        # In a tenth of a second the robot falls some millimetres onto its feet; nobody flies, nobody stands still.
        np.testing.assert_allclose(trace.base_pos[:, 5, 2], traces["newton"].base_pos[:, 5, 2], atol=0.02)
        assert np.abs(trace.joint_vel[:, 3]).max() > 0.1
        assert (trace.base_pos[:, 5, 2] < trace.base_pos[:, 0, 2]).all()


def test_table_and_picture_are_left_and_the_card_has_the_table(done) -> None:
    folder, bundle = done
    table = (folder / "transfer.md").read_text()
    for name in ENGINES:
        assert f"| {name} | {EPISODES} |" in table
    assert "newton and physx part in" in table
    assert (folder / "transfer.png").read_bytes()[:4] == b"\x89PNG"
    card = Bundle.open(bundle).files["MODEL_CARD.md"].decode()
    assert f"| mujoco | {EPISODES} |" in card
    verify(bundle)


def test_an_engine_that_fails_is_named_and_the_others_are_kept(done, go2_path, tmp_path, capsys, monkeypatch) -> None:
    # The process of one engine cannot even begin.
    monkeypatch.setitem(__import__("gaitway.transfer.engines", fromlist=["PRESETS"]).PRESETS, "broken", None)
    with pytest.raises(BrokenError, match="broken failed: its process ended with status 2"):
        transfer(
            bundle=str(go2_path),
            episodes=1,
            engines="broken,mujoco",
            seed=0,
            output=str(tmp_path),
            card=False,
            verbose=False,
            as_json=True,
            seconds=0.1,
        )
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["engines"]["mujoco"]["episodes"] == 1
    assert list(result["failed"]) == ["broken"]
