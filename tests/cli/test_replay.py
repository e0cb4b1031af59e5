"""``gaitway play --replay``: the summary without a simulator, and a film of what was recorded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gaitway.cli import main, replay
from gaitway.errors import UsageError
from gaitway.physics.broken_states import BrokenState

TASK = "Gaitway-Velocity-Flat-Go2"
ORIGIN = np.float32([10.0, 20.0, 0.0])


def go2(states: int = 5, **changes) -> BrokenState:
    """A Go2 that is lifted by 5 cm a state and moved ahead by 10 cm, as environment 7 of many."""
    names, q_start, qd_start = ["base_free_joint"], [0, 7], [0, 6]
    for leg in ("FL", "FR", "RL", "RR"):
        for joint in ("hip", "thigh", "calf", "foot"):
            names.append(f"joints/{leg}_{joint}_joint")
            size = int(joint != "foot")
            q_start.append(q_start[-1] + size)
            qd_start.append(qd_start[-1] + size)
    joint_q = np.zeros((states, 19), np.float32)
    joint_q[:, :3] = ORIGIN + np.arange(states)[:, None] * [0.1, 0.0, 0.05] + [0.0, 0.0, 0.34]
    joint_q[:, 6] = 1.0
    joint_q[:, 7:] = np.tile([0.0, 0.8, -1.5], 4)
    joint_qd = np.full((states, 18), 0.1, np.float32)
    joint_qd[-2:, 7] = [5.0, -40.0]
    values = {
        "task": TASK,
        "engine": "mujoco_cpu",
        "env_id": 7,
        "env_origin": ORIGIN,
        "num_step": 1234,
        "physics_dt": 0.005,
        "reason": "a velocity beyond 10000",
        "joint_names": [f"/World/envs/env_7/Robot/{name}" for name in names],
        "joint_q_start": q_start,
        "joint_qd_start": qd_start,
        "joint_q": joint_q,
        "joint_qd": joint_qd,
    }
    return BrokenState(**(values | changes))


@pytest.fixture
def gaitway(monkeypatch, capfd, tmp_path):
    """Run the command in this process, in an empty folder; return exit status, output and errors."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gaitway", *words])
        with pytest.raises(SystemExit) as stop:
            main()
        return int(stop.value.code or 0), *capfd.readouterr()

    return call


def test_summary_as_lines_and_as_json(gaitway):
    go2().save("broken.npz")
    status, out, _ = gaitway("play", "--replay", "broken.npz")
    assert status == 0
    assert out.splitlines() == [
        f"Broken   environment 7 in physics call 1,234 of mujoco_cpu in {TASK}",
        "Reason   a velocity beyond 10000",
        "States   5, 0 to 4, 5 ms apart",
        "Fast     from state 3, 10 ms before the step that broke (above 10 x the median of 0.1 m/s or rad/s)",
        "Fastest  Robot/joints/FL_thigh_joint in the last state: -40 m/s or rad/s",
    ]
    status, out, err = gaitway("play", "--replay", "broken.npz", "--json")
    assert status == 0
    assert len(out.splitlines()) == 1
    assert "Reason" in err
    assert json.loads(out) == {
        "file": "broken.npz",
        "task": TASK,
        "engine": "mujoco_cpu",
        "env_id": 7,
        "step": 1234,
        "reason": "a velocity beyond 10000",
        "physics_dt": 0.005,
        "states": 5,
        "states_not_finite": [],
        "median_speed": pytest.approx(0.1),
        "first_fast_state": 3,
        "fastest_joint": "Robot/joints/FL_thigh_joint",
        "fastest_velocity": -40.0,
    }


def test_summary_of_states_that_are_not_finite(gaitway):
    state = go2(8, task="")
    state.joint_q[1, 2] = np.inf
    state.joint_qd[5:, 3] = np.nan
    state.save("broken.npz")
    status, out, _ = gaitway("play", "--replay", "broken.npz", "--json")
    result = json.loads(out)
    assert status == 0
    assert result["task"] is None
    assert result["states_not_finite"] == [1, 5, 6, 7]
    assert result["first_fast_state"] == 5
    assert result["fastest_joint"] == "Robot/base_free_joint (angular x)"
    assert result["fastest_velocity"] is None
    _, out, _ = gaitway("play", "--replay", "broken.npz", "--task", TASK)
    assert "not finite: 1, 5 to 7" in out
    assert f"of mujoco_cpu in {TASK}" in out


def test_the_summary_starts_no_simulator(tmp_path: Path):
    go2().save(tmp_path / "broken.npz")
    code = (
        "import sys; sys.argv = ['gaitway', 'play', '--replay', 'broken.npz']\n"
        "from gaitway.cli import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code\n"
        "heavy = {'torch', 'isaaclab', 'warp', 'newton', 'gymnasium'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--replay", "broken.npz", "--run", "x"], "--run and --replay exclude each other"),
        (["--replay", "missing.npz"], "missing.npz: there is no such file"),
        (["--replay", "text.npz"], "text.npz: not a recording"),
        (["--replay", "broken.npz", "--speed", "0"], "--speed 0.0: must be between 0.01 and 10"),
        (["--replay", "broken.npz", "--num_envs", "2"], "a recording is of one environment"),
        (["--replay", "broken.npz", "--video", "a.mp4", "--seconds", "2"], "a recording has its own length"),
        (["--replay", "broken.npz", "--video", "a.gif"], "ends in .mp4"),
        (["--replay", "broken.npz", "--video", "a.mp4", "--viewer", "viser"], "exclude each other"),
        (["--replay", "broken.npz", "--task", "Gaitway-Velocity-Flat-Go"], "Did you mean Gaitway-Velocity-Flat-Go2"),
        (["--replay", "broken.npz", "--video", "a.mp4", "physics=ovphysx"], "use physics=newton_mjwarp"),
        (["--replay", "broken.npz", "--video", "a.mp4", "physics=bullet"], "has no such engine"),
        (["--replay", "no_task.npz", "--video", "a.mp4"], "give it with --task"),
        (["--run", "x", "--task", TASK], "--task: goes with --replay only"),
        (["--run", "x", "--speed", "1"], "--speed: goes with --replay only"),
        (["--run", "x", "--json"], "--json: goes with --replay only"),
        ([], "Missing option '--run'"),
    ],
)
def test_wrong_input(gaitway, words, told):
    go2().save("broken.npz")
    go2(task="").save("no_task.npz")
    Path("text.npz").write_text("text")
    status, out, err = gaitway("play", *words)
    assert status == 2
    assert told in err.splitlines()[-1]
    assert err.splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in out + err
    assert "Reason" not in out
    assert not Path("a.mp4").exists()


def test_film_shows_what_was_recorded(gaitway, monkeypatch):
    import gaitway.runs.film as film

    monkeypatch.setattr(film, "WIDTH", 160)
    monkeypatch.setattr(film, "HEIGHT", 112)
    state = go2(6)
    state.joint_q[2, 0] = np.nan
    state.joint_q[:, 8] += 0.1 * np.arange(6)
    state.save("broken.npz")

    seen = []
    put = replay._put

    def note(env, joint_q, joint_qd):
        put(env, joint_q, joint_qd)
        data = env.unwrapped.scene["robot"].data
        foot = data.body_pos_w.torch[0, data.body_names.index("RR_calf")]
        thigh = data.joint_pos.torch[0, data.joint_names.index("FL_thigh_joint")]
        steps = env.unwrapped.sim.get_physics_step_count()
        seen.append([*data.root_pos_w.torch[0].tolist(), foot[2].item(), thigh.item(), steps])

    monkeypatch.setattr(replay, "_put", note)
    status, out, err = gaitway("play", "--replay", "broken.npz", "--video", "a.mp4", "--speed", "0.1", "--json")
    assert status == 0, err
    assert "Left out states that are not finite: 2." in err
    result = json.loads(out.splitlines()[-1])  # pytest keeps the libraries' lines in front of it
    assert result["frames"] == 5
    assert result["video"] == "a.mp4"
    rows = np.array([0, 1, 3, 4, 5])
    measured = np.array(seen)
    np.testing.assert_allclose(measured[:, 0], 0.1 * rows, atol=1e-5, err_msg="not at the environment's own origin")
    np.testing.assert_allclose(measured[:, 1], 0.0, atol=1e-5)
    np.testing.assert_allclose(measured[:, 2], 0.34 + 0.05 * rows, atol=1e-5)
    np.testing.assert_allclose(np.diff(measured[:, 3]), 0.05 * np.diff(rows), atol=1e-5)
    np.testing.assert_allclose(measured[:, 4], 0.8 + 0.1 * rows, atol=1e-5)
    assert len(set(measured[:, 5])) == 1, "physics was stepped"

    import imageio_ffmpeg

    reader = imageio_ffmpeg.read_frames("a.mp4")
    meta = next(reader)
    assert meta["fps"] == pytest.approx(20.0)
    frames = np.stack([np.frombuffer(frame, np.uint8).reshape(112, 160, 3) for frame in reader]).astype(int)
    assert len(frames) == 5
    assert frames.std(axis=(1, 2, 3)).min() > 10, "a frame is blank"
    change = np.abs(np.diff(frames, axis=0))[:, 30:]  # below the line of text
    assert (change > 40).any(axis=3).mean(axis=(1, 2)).min() > 0.01, "a frame is like the one before"
    assert Path("broken_replay_log.txt").exists()


@pytest.fixture
def model(monkeypatch):
    """Replace Newton's model by one of the joints that a recording has."""
    from isaaclab_newton.physics import NewtonManager

    def array(values) -> SimpleNamespace:
        return SimpleNamespace(numpy=lambda: np.asarray(values))

    def use(state: BrokenState) -> None:
        model = SimpleNamespace(
            joint_world=array([0] * len(state.joint_names)),
            joint_label=[name.replace("env_7", "env_0") for name in state.joint_names],
            joint_q_start=array(state.joint_q_start),
            joint_qd_start=array(state.joint_qd_start),
        )
        monkeypatch.setattr(NewtonManager, "backend", SimpleNamespace(model=model))

    return use


def test_a_recording_of_another_robot_is_refused(model):
    import torch

    env = SimpleNamespace(unwrapped=SimpleNamespace(scene=SimpleNamespace(env_origins=torch.tensor([[1.0, 0.0, 0.0]]))))
    state = go2()
    model(state)
    np.testing.assert_allclose(replay._poses(env, state, "f", "T")[:, :3], state.joint_q[:, :3] + [-9.0, -20.0, 0.0])

    shorter = go2(joint_q=np.ones((5, 9)), joint_qd=np.ones((5, 9)), joint_names=[f"j{i}" for i in range(9)])
    shorter.joint_q_start = shorter.joint_qd_start = np.arange(10)
    with pytest.raises(UsageError, match="f: has 9 joint coordinates, and T has 19"):
        replay._poses(env, shorter, "f", "T")

    names = [name.replace("FL_hip", "LF_hip") for name in state.joint_names]
    with pytest.raises(UsageError, match="has a joint Robot/joints/LF_hip_joint where T has Robot/joints/FL_hip_joint"):
        replay._poses(env, go2(joint_names=names), "f", "T")
    other = go2()
    other.joint_q_start[4:6] = other.joint_qd_start[4:6] = [10, 11]
    other.joint_q_start[5] -= 1
    with pytest.raises(UsageError, match="its joints are of other kinds"):
        replay._poses(env, other, "f", "T")
