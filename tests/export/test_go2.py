"""A walking robot's contract, against numbers written down by hand, and its bundle."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gaitway.errors import UsageError
from gaitway.export import card_sections, make_bundle, update_card
from gaitway_deploy.bundle import Bundle, verify
from gaitway_deploy.contract import Contract
from gaitway_deploy.observations import ObservationBuilder
from gaitway_deploy.state import RobotState

TASK = "Gaitway-Velocity-Flat-Go2"
LEGS = ("FL", "FR", "RL", "RR")
JOINTS = [f"{leg}_{part}_joint" for leg in LEGS for part in ("hip", "thigh", "calf")]
DEFAULT = [0.1, 0.8, -1.5, -0.1, 0.8, -1.5, 0.1, 1.0, -1.5, -0.1, 1.0, -1.5]


@pytest.fixture(scope="module")
def exports(plain_env, make_export, recurrent) -> SimpleNamespace:
    """All that needs the simulator."""

    def shorten(cfg):
        cfg.episode_length_s = 6.0

    with plain_env(TASK, shorten) as env:
        world = env.unwrapped
        plain, again = (make_export(env, TASK, episodes=4) for _ in range(2))
        remembering = make_export(env, TASK, recurrent)
        robot = world.scene["robot"]
        # Turning in place about the base link's origin, 2 rad/s to the left.
        turning = torch.zeros(4, 6, device=world.device)
        turning[:, 5] = 2.0
        with torch.inference_mode():
            env.reset()
            robot.write_root_link_velocity_to_sim_index(root_velocity=turning)
            seen = world.observation_manager.compute()["policy"][0].cpu().numpy()
        state = RobotState(
            time=0.0,
            joint_names=tuple(robot.joint_names),
            joint_pos=robot.data.joint_pos.torch[0].double().cpu().numpy(),
            joint_vel=robot.data.joint_vel.torch[0].double().cpu().numpy(),
            quat=robot.data.root_link_quat_w.torch[0].double().cpu().numpy(),
            ang_vel=np.array([0.0, 0.0, 2.0]),
            lin_vel=np.zeros(3),
        )
        command = world.command_manager.get_command("base_velocity")[0].double().cpu().numpy()
    return SimpleNamespace(plain=plain, again=again, remembering=remembering, seen=seen, state=state, command=command)


def test_the_robot_is_that_of_its_description(exports):
    robot = exports.plain.contract["robot"]
    joints = robot["joints"]
    assert [joint["name"] for joint in joints] == JOINTS
    assert [joint["default_pos"] for joint in joints] == DEFAULT
    assert {joint["unit"] for joint in joints} == {"rad"}
    assert {(joint["stiffness"], joint["damping"]) for joint in joints} == {(25.0, 0.5)}
    assert {joint["actuator"]["model"] for joint in joints} == {"implicit_pd"}
    front_hip, _, front_calf = joints[:3]
    rear_thigh = joints[7]
    assert front_hip["pos_limits"] == [-1.0472, 1.0472]
    assert front_calf["pos_limits"] == [-2.7227, -0.83776]
    assert rear_thigh["pos_limits"] == pytest.approx([-0.5236, 4.5379], abs=1e-6)
    assert (front_hip["effort_limit"], front_hip["vel_limit"]) == (23.7, 30.1)
    assert (front_calf["effort_limit"], front_calf["vel_limit"]) == (45.43, 15.7)
    assert front_hip["armature"] == pytest.approx(0.000111842 * 6.33**2)
    assert front_calf["armature"] == pytest.approx(0.000111842 * (6.33 * 45.43 / 23.7) ** 2)
    assert robot["base_link"] == robot["imu_link"] == "base"
    assert (robot["floating_base"], robot["gravity_compensated"], robot["self_collision"]) == (True, False, False)
    assert robot["initial_base_pos"] == [0.0, 0.0, 0.34]
    assert robot["gravity"] == pytest.approx([0.0, 0.0, -9.81])


def test_the_observation_is_the_tasks_in_its_order(exports):
    contract = exports.plain.contract
    terms = contract["observations"]
    assert [(term["kind"], term["width"]) for term in terms] == [
        ("base_lin_vel", 3),
        ("base_ang_vel", 3),
        ("projected_gravity", 3),
        ("command", 3),
        ("joint_pos", 12),
        ("joint_vel", 12),
        ("last_action", 12),
    ]
    assert terms[4]["joints"] == JOINTS
    assert terms[4]["offset"] == DEFAULT
    # Noise is that of training, though the environment that runs has none.
    assert [term["noise"] and term["noise"]["high"] for term in terms] == [0.1, 0.2, 0.05, None, 0.01, 1.5, None]
    assert contract["timing"] == {"control_dt": 0.02, "physics_dt": 0.005, "decimation": 4}


def test_the_task_says_when_it_succeeds_fails_and_how_it_begins(exports):
    contract = exports.plain.contract
    task, (command,), (action,) = contract["task"], contract["commands"], contract["actions"]
    assert task["success"] == {"kind": "kept_velocity", "command": "base_velocity", "linear": 0.25, "angular": 0.25}
    assert {"kind": "tilt", "limit": 1.2} in task["failures"]
    assert {"kind": "contact", "bodies": ["base"], "force": 1.0} in task["failures"]
    assert len(task["failures"]) == 2, "running out of time and broken physics are no failures of the policy"
    assert task["reset"] == {
        "joint_pos": {"kind": "scale", "low": 0.8, "high": 1.2, "joints": JOINTS},
        "yaw": [-3.14, 3.14],
    }
    assert task["scene"] == ["ground"]
    assert [(part["name"], part["low"], part["high"]) for part in command["elements"]] == [
        ("lin_vel_x", -1.0, 1.0),
        ("lin_vel_y", -1.0, 1.0),
        ("ang_vel_z", -1.0, 1.0),
    ]
    assert (command["kind"], command["resample_s"], command["zero_share"]) == ("velocity", [4.0, 8.0], 0.02)
    assert (action["type"], action["joints"], action["offset"]) == ("joint_position", JOINTS, DEFAULT)
    assert action["scale"] == [0.25] * 12


def test_the_observed_velocity_is_that_of_the_centre_of_mass(exports):
    """Of a base that turns about its origin, Isaac Lab says that it moves sideways: its centre of mass does."""
    assert exports.seen[:3] == pytest.approx([0.0, 2.0 * 0.02007917, 0.0], abs=1e-6)
    builder = ObservationBuilder(Contract.from_dict(exports.plain.contract))
    built = builder.build(exports.state, {"base_velocity": exports.command})
    assert built == pytest.approx(exports.seen, abs=1e-6)


def test_a_bundle_passes_the_robots_checks_and_is_the_same_each_time(exports, tmp_path):
    assert exports.plain.files == exports.again.files
    for name in ("folder", "file.zip"):
        measured = make_bundle(exports.plain.files, tmp_path / name)
        assert measured.episode_max_diff < 1e-5
        assert verify(tmp_path / name).files == len(exports.plain.files) + 1
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    bundle = Bundle.open(tmp_path / "file.zip")
    assert len(bundle.episode()) == 250, "5 s at 50 Hz"
    text = " ".join(data.decode("latin-1") for data in exports.plain.files.values())
    assert "example-robot-data" not in text, "the path of a mesh on this machine is in a file"


def test_a_policy_with_a_memory_carries_it_explicitly(exports, tmp_path):
    make_bundle(exports.remembering.files, tmp_path / "bundle")
    bundle = Bundle.open(tmp_path / "bundle")
    (state,) = bundle.contract.policy.state
    assert (state.input, state.output, state.shape) == ("h_in", "h_out", (2, 1, 6))
    selftest = bundle.npz("selftest.npz")
    assert not selftest["in_h_in"][0].any(), "it begins with nothing to remember"
    assert selftest["in_h_in"][1:] == pytest.approx(selftest["out_h_out"][:-1], abs=1e-5)
    assert np.abs(selftest["in_h_in"][1:]).max(axis=(1, 2, 3)).min() > 0.0


@pytest.mark.parametrize(
    ("part", "named"), [("observations", "observation 'joint_pos'"), ("actions", "the target of joint 'F[LR]_hip")]
)
def test_a_contract_that_is_wrong_is_refused(exports, tmp_path, part, named):
    contract = json.loads(json.dumps(exports.plain.contract))
    term = next(term for term in contract[part] if term["name"] == "joint_pos")
    term["offset"][0], term["offset"][3] = term["offset"][3], term["offset"][0]
    files = with_contract(exports.plain.files, contract)
    with pytest.raises(UsageError, match=rf"{named}.*step 0\)"):
        make_bundle(files, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def with_contract(files: dict[str, bytes], contract: dict) -> dict[str, bytes]:
    """Files with another contract, also in the network's metadata."""
    import onnx

    from gaitway_deploy.contract import canonical_json, compact_json

    model = onnx.load_from_string(files["policy.onnx"])
    onnx.helper.set_model_props(model, {"gaitway.contract": compact_json(contract)})
    return {**files, "contract.json": canonical_json(contract), "policy.onnx": model.SerializeToString()}


def test_a_card_takes_new_sections_and_the_bundle_stays_whole(exports, tmp_path):
    for name in ("folder", "file.zip"):
        path = tmp_path / name
        make_bundle(exports.plain.files, path)
        update_card(path, "Transfer", "| engine | success |\n| --- | --- |\n| physx | 99 % |")
        update_card(path, "Notes", "Walks.")
        update_card(path, "Transfer", "Measured again.")
        verify(path)
        sections = card_sections(Bundle.open(path).files["MODEL_CARD.md"].decode())
        assert sections["Transfer"] == "Measured again."
        assert sections["Notes"] == "Walks."
        assert "0.0 % (95 %" in sections["How well it does"]
        assert list(sections)[-2:] == ["Robustness", "Notes"], "a section stays in its place, a new one comes last"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file.zip", "folder"]
    with pytest.raises(UsageError, match="third level"):
        update_card(path, "Transfer", "## Another")


def test_what_is_there_already_is_not_overwritten(exports, tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_text("mine")
    with pytest.raises(UsageError, match="something already"):
        make_bundle(exports.plain.files, path)
    assert path.read_text() == "mine"
    (tmp_path / "empty").mkdir()
    make_bundle(exports.plain.files, tmp_path / "empty")


def test_inspect_and_verify_say_what_is_in_it(exports, tmp_path, capsys, monkeypatch):
    from gaitway.cli.bundle import inspect
    from gaitway.cli.bundle import verify as verify_command

    monkeypatch.setenv("COLUMNS", "160")
    path = str(tmp_path / "bundle.zip")
    make_bundle(exports.plain.files, tmp_path / "bundle.zip")
    inspect(path=path, as_json=False)
    shown = capsys.readouterr().out
    for words in ("Unitree Go2", "RL_calf_joint", "projected_gravity", "lin_vel_x", "50 Hz", "is executed"):
        assert words in shown
    inspect(path=path, as_json=True)
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert facts["contract"] == exports.plain.contract
    assert facts["files"]["policy.onnx"] == len(exports.plain.files["policy.onnx"])
    verify_command(bundle=path, as_json=True)
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["selftest_max_diff"] <= 1e-5


def test_another_order_scale_and_history_are_another_contract(plain_env, make_export, tmp_path):
    def edit(cfg):
        # Observations are ordered as their fields are.
        group = cfg.observations.policy
        group.joint_vel.scale, group.joint_vel.clip, group.joint_vel.history_length = 0.05, (-4.0, 4.0), 3
        vars(group)["base_ang_vel"] = vars(group).pop("base_ang_vel")

    with plain_env(TASK, edit) as env:
        made = make_export(env, TASK)
    assert [term["kind"] for term in made.contract["observations"]][-2:] == ["last_action", "base_ang_vel"]
    velocity = next(term for term in made.contract["observations"] if term["kind"] == "joint_vel")
    assert velocity["history"] == {"length": 3, "layout": "term_major_oldest_first"}
    assert (velocity["width"], velocity["scale"], velocity["clip"]) == (12, [0.05] * 12, [-4.0, 4.0])
    make_bundle(made.files, tmp_path / "bundle")
    assert verify(tmp_path / "bundle").episode_max_diff < 1e-5


def test_inspect_says_what_stopped_a_flight(exports, tmp_path, capsys):
    from gaitway.cli.bundle import inspect
    from gaitway_deploy.actions import ActionDecoder
    from gaitway_deploy.recorder import FlightRecorder
    from gaitway_deploy.safety import Intervention

    contract = Contract.from_dict(exports.plain.contract)
    recorder = FlightRecorder(contract, tmp_path / "flight.npz", seconds=1.0)
    recorder.note(Intervention(0.5, 25, "tilt", "leans by 1.4 rad", stops=True))
    obs, actions = np.zeros(48, np.float32), np.zeros(12, np.float32)
    command = ActionDecoder(contract).damping()
    commands = {"base_velocity": exports.command}
    for step in range(3):
        recorder.record(0.02 * step, "damping", exports.state, obs, actions, command, commands)
    inspect(path=str(recorder.save()), as_json=True)
    out = capsys.readouterr()
    assert "leans by 1.4 rad" in out.err
    facts = json.loads(out.out.splitlines()[-1])
    assert (facts["periods"], facts["modes"]) == (3, {"damping": 3})
    assert facts["stopped_by"]["rule"] == "tilt"
