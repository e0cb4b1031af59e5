"""The command ``gaitway-deploy``, as one who has nothing but a bundle uses it."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gaitway_deploy.__main__ import main
from gaitway_deploy.recorder import read_recording

Say = Any


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Run the command; its exit status, output and errors."""

    def run(*words: object) -> tuple[int, str, str]:
        status = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return status, out, err

    return run


def test_a_run_says_how_it_went(say: Say, go2_bundle: Path, tmp_path: Path) -> None:
    flight = tmp_path / "flight.npz"
    words = ("run", go2_bundle, "--seconds", "3", "--command", "random", "--record", flight, "--json")
    status, out, err = say(*words)
    assert (status, err) == (0, "")
    report = json.loads(out.splitlines()[-1])
    assert (report["steps"], report["periods"], report["stop"]) == (50, 150, None)
    assert report["step_ms"]["median"] > 0.0
    assert "50 steps of the policy" in out
    assert len(read_recording(flight)) == 150
    status, out, _ = say("inspect", flight, "--json")
    assert status == 0
    assert "No rule had to do anything" in out
    assert json.loads(out.splitlines()[-1])["joint_names"][0] == "FL_hip_joint"


def test_it_asks_for_nothing_by_itself(say: Say, go2_bundle: Path, tmp_path: Path) -> None:
    """A robot that walks off because its user forgot an option is not wanted."""
    flight = tmp_path / "flight.npz"
    assert say("run", go2_bundle, "--seconds", "2.5", "--seed", "1", "--record", flight)[0] == 0
    assert not read_recording(flight).arrays["command_base_velocity"].any()


def test_a_robot_that_is_stopped_is_status_3(say: Say, go2_bundle: Path) -> None:
    status, out, _ = say("run", go2_bundle, "--seconds", "3", "--safety", "velocity_factor=1e-3", "--json")
    assert status == 3
    assert "velocity_factor stopped:" in out
    assert json.loads(out.splitlines()[-1])["stop"]["rule"] == "velocity_factor"


def test_rules_can_be_changed_and_switched_off(say: Say, go2_bundle: Path) -> None:
    words = ("run", go2_bundle, "--seconds", "1", "--safety", "soft_start_s=none", "--json")
    status, out, _ = say(*words)
    assert (status, json.loads(out.splitlines()[-1])["steps"]) == (0, 50)
    out = say(*words, "--rate_multiple", "2")[1]
    assert json.loads(out.splitlines()[-1])["periods"] == 100


def test_commands_come_from_json_and_files(say: Say, go2_bundle: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text('[{"time": 0, "base_velocity": [0.1, 0, 0]}, {"time": 1, "base_velocity": [0.2, 0, 0]}]')
    for command, seen in (('{"base_velocity": [0.5, 0, 0.1]}', [0.5, 0.5]), (script, [0.1, 0.2])):
        flight = tmp_path / "flight.npz"
        assert say("run", go2_bundle, "--seconds", "2", "--command", command, "--record", flight)[0] == 0
        asked = read_recording(flight).arrays["command_base_velocity"][:, 0]
        assert [asked[0], asked[-1]] == seen


def test_an_episode_is_replayed_to_its_end(say: Say, go2_bundle: Path) -> None:
    off = [f"--safety={rule}=none" for rule in ("imu_jump", "velocity_factor", "position_margin", "soft_start_s")]
    status, out, err = say("run", go2_bundle, "--robot", "replay", "--json", *off)
    assert (status, err) == (0, "")
    assert json.loads(out.splitlines()[-1])["steps"] == 250


DRIVER = """
from gaitway_deploy.drivers.mujoco import MujocoRobot

closed = []


class MyRobot:
    def __init__(self, bundle, can="can0"):
        if can == "broken":
            raise OSError("no such bus")
        self.robot = MujocoRobot(bundle)
        self.clock = self.robot.clock
        self.read, self.write = self.robot.read, self.robot.write
        self.can = can

    def close(self):
        closed.append(self.can)
"""


def test_a_driver_of_ones_own_is_closed_at_the_end(
    say: Say, go2_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_robot.py").write_text(DRIVER)
    monkeypatch.syspath_prepend(str(tmp_path))
    words = ("run", go2_bundle, "--robot", "my_robot:MyRobot", "--seconds", "1")
    assert say(*words, "--robot_option", "can=can1")[0] == 0
    assert sys.modules["my_robot"].closed == ["can1"]
    assert say(*words, "--robot_option", "speed=1")[0] == 2


def test_a_bundle_is_verified_and_shown(say: Say, go2_bundle: Path) -> None:
    status, out, _ = say("verify", go2_bundle, "--json")
    assert (status, json.loads(out.splitlines()[-1])["selftest_max_diff"] <= 1e-5) == (0, True)
    status, out, _ = say("inspect", go2_bundle, "--json")
    assert status == 0
    assert "A bundle is data" in out
    assert json.loads(out.splitlines()[-1])["contract"]["robot"]["name"] == "Unitree Go2"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--seconds", "0"), "--seconds 0.0"),
        (("--safety", "tilt"), "KEY=VALUE"),
        (("--safety", "tolt=1"), "there is no such rule; there are soft_start_s"),
        (("--safety", "tilt=far"), "must be a number, or none"),
        (("--safety", "tilt=-1"), "tilt"),
        (("--command", "dance"), "there are idle, random"),
        (("--command", '{"base_velocity": [1]}'), "lin_vel_x"),
        (("--command", '{"velocity": [1, 0, 0]}'), "the policy knows base_velocity"),
        (("--command", "nowhere.json"), "nowhere.json"),
        (("--command", "keyboard"), "needs a terminal"),
        (("--robot", "spot"), "there are mujoco, replay, and package.module:Class"),
        (("--robot", "nowhere:Robot"), "nowhere:Robot"),
        (("--robot_option", "wings=2"), "wings"),
        (("--robot", "replay", "--guard", "guard.jsonl"), "--guard"),
        (("--record", "flight.csv"), "ends in .npz"),
        (("--rate_multiple", "0"), "rate_multiple"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(
    say: Say, go2_bundle: Path, words: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115, PTH123
    status, _, err = say("run", go2_bundle, *words)
    assert status == 2
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    assert message in err


def test_what_is_no_bundle_is_refused(say: Say, tmp_path: Path) -> None:
    for command in ("run", "verify", "inspect"):
        status, _, err = say(command, tmp_path / "nowhere")
        assert (status, err.startswith("Error: ")) == (2, True)
    (tmp_path / "flight.npz").write_bytes(b"no")
    assert say("inspect", tmp_path / "flight.npz")[0] == 2


def test_the_script_is_installed() -> None:
    root = Path(__file__).resolve().parents[2]
    project = tomllib.loads((root / "source/gaitway_deploy/pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"gaitway-deploy": "gaitway_deploy.__main__:main"}
