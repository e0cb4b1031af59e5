"""``gaitway play --replay``: the last states of an environment that broke."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gaitway.errors import UsageError
from gaitway.physics.broken_states import BrokenState, joint_layout, joint_range, short_label

from .play import announce_page
from .session import check_count, engine_of, pick_device, reporting, resolve_configs, simulation
from .terminal import print_json, show

if TYPE_CHECKING:
    from rich.console import Console

SLOW = 0.2
"""Speed of the replay where none is named. Real time is too fast to see what happens."""
FAST = 10.0
"""How many times the median speed of the recording is named fast."""


def replay(
    file: str,
    *,
    task: str | None,
    visualizer: str | None,
    video: str | None,
    speed: float | None,
    seconds: float | None,
    device: str | None,
    seed: int,
    verbose: bool,
    as_json: bool,
    overrides: tuple[str, ...],
) -> None:
    """Show a recording, and say what is in it.

    Args:
        file: The recording.
        task: Task to show it in; None for the recorded one.
        visualizer: A visualizer of Isaac Lab's, or None for none.
        video: The mp4 to write, or None for none. With neither, no simulator is started.
        speed: Time of the recording that passes a second of the replay.
        seconds: How long a visualizer shows it, over and over; None for until it is closed.
        device: Where the robot's pose is computed.
        seed: Seed of what is random in the scene, such as the ground.
        verbose: Whether to show what the simulator and the libraries print.
        as_json: Whether to print one JSON object as the last line.
        overrides: Of the task's config.
    """
    check_count("--speed", speed, 0.01, 10)
    state = BrokenState.load(file)
    if task:
        from gaitway.tasks import find_task

        state.task = find_task(task).name
    result = summary(file, state)
    if visualizer or video:
        log = None if verbose else _log_beside(Path(file))
        task_id, env_cfg = _config(file, state.task, device, seed, overrides)
        if video:
            from gaitway.runs.film import add_camera

            add_camera(env_cfg)
        result["engine_shown"] = engine_of(env_cfg)
        speed = speed or SLOW
        with reporting(log, as_json=as_json) as console:
            rows = _rows(state, console)
            console.print(f"Replaying {file} in {task_id}, {engine_of(env_cfg)} ...")
            with simulation(task_id, env_cfg, viewer=visualizer) as env:
                poses = _poses(env, state, file, task_id)
                if _is_rough(env):
                    console.print("The ground is not the recorded one: only the robot's own pose counts.")
                if video:
                    result["frames"] = _film(env, state, rows, poses, Path(video), speed)
                    result["video"] = video
                    console.print(f"Wrote {video}: {result['frames']} frames, one a state, {speed:g} x real time.")
                else:
                    if visualizer == "viser":
                        announce_page(console)
                    _watch(env, state, rows, poses, speed, seconds)
    for line in lines(result):
        show(line, as_json=as_json)
    if as_json:
        print_json(result)


def summary(file: str, state: BrokenState) -> dict[str, Any]:
    """What a recording says, by name as in ``--json``."""
    speeds = state.speeds()
    finite = speeds[np.isfinite(speeds)]
    median = float(np.median(finite)) if finite.size else 0.0
    fast = np.flatnonzero(speeds > FAST * median)
    joint, velocity = state.fastest(-1)
    return {
        "file": file,
        "task": state.task or None,
        "engine": state.engine,
        "env_id": state.env_id,
        "step": state.num_step,
        "reason": " ".join(state.reason.split()),
        "physics_dt": state.physics_dt,
        "states": len(state.joint_q),
        "states_not_finite": np.flatnonzero(~state.finite_rows()).tolist(),
        "median_speed": median,
        "first_fast_state": int(fast[0]) if fast.size else None,
        "fastest_joint": short_label(joint),
        "fastest_velocity": velocity,
    }


def lines(result: dict[str, Any]) -> list[str]:
    """A summary for people."""
    count, dt, first = result["states"], result["physics_dt"], result["first_fast_state"]
    bad = result["states_not_finite"]
    if first is None:
        fast = "no state"
    else:
        fast = f"from state {first}, {1000 * (count - first) * dt:g} ms before the step that broke"
    return [
        f"Broken   environment {result['env_id']} in physics call {result['step']:,} of {result['engine']}"
        f"{' in ' + result['task'] if result['task'] else ''}",
        f"Reason   {result['reason']}",
        f"States   {count}, 0 to {count - 1}, {1000 * dt:g} ms apart"
        + (f"; not finite: {_ranges(bad)}" if bad else ""),
        f"Fast     {fast} (above {FAST:g} x the median of {result['median_speed']:.3g} m/s or rad/s)",
        f"Fastest  {result['fastest_joint']} in the last state: {result['fastest_velocity']:.4g} m/s or rad/s",
    ]


def _ranges(rows: list[int]) -> str:
    """Rows as people write them, such as ``3, 7 to 9``."""
    parts = []
    for _, group in itertools.groupby(enumerate(rows), lambda item: item[1] - item[0]):
        run = [row for _, row in group]
        parts.append(f"{run[0]} to {run[-1]}" if len(run) > 1 else f"{run[0]}")
    return ", ".join(parts)


def _log_beside(file: Path) -> Path | None:
    return file.with_name(f"{file.stem}_replay_log.txt") if os.access(file.resolve().parent, os.W_OK) else None


def _config(file: str, task: str, device: str | None, seed: int, overrides: tuple[str, ...]) -> tuple[str, Any]:
    """The playing variant of a task, with one environment."""
    if not task:
        raise UsageError(f"--replay {file}: does not say which task it was recorded in; give it with --task.")
    from gaitway.tasks import find_task

    task_id = f"{find_task(task).id}-Play"
    env_cfg, _ = resolve_configs(task_id, None, overrides)
    if type(env_cfg.sim.physics).__name__ != "NewtonCfg":
        raise UsageError(
            f"--replay shows Newton's joint coordinates, and {engine_of(env_cfg)} has none; use physics=newton_mjwarp."
        )
    env_cfg.scene.num_envs = 1
    env_cfg.seed = seed
    # One pose at a time: a GPU would take longer to start than to show all.
    env_cfg.sim.device = pick_device(device or "cpu")
    return task_id, env_cfg


def _rows(state: BrokenState, console: Console) -> list[int]:
    """The states that can be shown."""
    finite = state.finite_rows()
    if not finite.all():
        console.print(f"Left out states that are not finite: {_ranges(np.flatnonzero(~finite).tolist())}.")
    return np.flatnonzero(finite).tolist()


def _poses(env: Any, state: BrokenState, file: str, task_id: str) -> np.ndarray:
    """The recorded joint coordinates, moved to the environment. Shape is (states, q).

    Raises:
        UsageError: The recording is of other joints.
    """
    from isaaclab_newton.physics import NewtonManager

    names, q_start, qd_start = joint_layout(NewtonManager.backend.model, 0)
    for what, recorded, here in (
        ("joint coordinates", state.joint_q.shape[1], q_start[-1]),
        ("joint velocities", state.joint_qd.shape[1], qd_start[-1]),
        ("joints", len(state.joint_names), len(names)),
    ):
        if recorded != here:
            raise UsageError(f"--replay {file}: has {recorded} {what}, and {task_id} has {here}; name its own --task.")
    for recorded, here in zip(state.joint_names, names, strict=True):
        if short_label(recorded) != short_label(here):
            raise UsageError(
                f"--replay {file}: has a joint {short_label(recorded)} where {task_id} has {short_label(here)};"
                " name its own --task."
            )
    if not (np.array_equal(state.joint_q_start, q_start) and np.array_equal(state.joint_qd_start, qd_start)):
        raise UsageError(
            f"--replay {file}: its joints are of other kinds than those of {task_id}; name its own --task."
        )
    return state.moved_to(env.unwrapped.scene.env_origins[0].cpu().numpy())


def _is_rough(env: Any) -> bool:
    terrain = env.unwrapped.scene.terrain
    return terrain is not None and terrain.cfg.terrain_type != "plane"


def _put(env: Any, joint_q: np.ndarray, joint_qd: np.ndarray) -> None:
    """Bring Newton's state to recorded coordinates, without a physics step."""
    from isaaclab_newton.physics import NewtonManager

    backend = NewtonManager.backend
    first, end = joint_range(backend.model, 0)
    for array, start, values in (
        (backend.state_0.joint_q, backend.model.joint_q_start, joint_q),
        (backend.state_0.joint_qd, backend.model.joint_qd_start, joint_qd),
    ):
        begin, stop = (int(start.numpy()[joint]) for joint in (first, end))
        array[begin:stop].assign(values)
    NewtonManager.invalidate_fk()
    NewtonManager.forward()
    env.unwrapped.scene.update(env.unwrapped.step_dt)


def _film(env: Any, state: BrokenState, rows: list[int], poses: np.ndarray, video: Path, speed: float) -> int:
    from gaitway.runs.film import write_film_of_states

    speeds = state.speeds()

    def states() -> Iterator[str]:
        for row in rows:
            _put(env, poses[row], state.joint_qd[row])
            joint = short_label(state.fastest(row)[0]).rpartition("/")[2]
            yield f"state {row} of 0 to {len(poses) - 1}: {joint} {speeds[row]:.3g} m/s or rad/s"

    return write_film_of_states(env, states(), video, speed / state.physics_dt)


def _watch(
    env: Any, state: BrokenState, rows: list[int], poses: np.ndarray, speed: float, seconds: float | None
) -> None:
    """Show the states over and over, until the time is over, the viewer is closed or Ctrl-C."""
    sim = env.unwrapped.sim
    begin = time.monotonic()
    try:
        for shown, row in enumerate(itertools.cycle(rows), start=1):
            _put(env, poses[row], state.joint_qd[row])
            sim.render()
            if not sim.visualizers or (seconds and time.monotonic() - begin >= seconds):
                return
            time.sleep(max(begin + shown * state.physics_dt / speed - time.monotonic(), 0.0))
    except KeyboardInterrupt:
        return
