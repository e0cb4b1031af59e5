"""Simulators for the tests.

Starting an engine costs seconds, so tests share environments: a module opens one, looks at it from many sides and
closes it. All engines run in the one process of the tests, but only one environment can be alive at a time.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

DEVICE = os.environ.get("GAITWAY_TEST_DEVICE", "cpu")
"""Where simulations run. The CPU is what every machine has."""


@contextlib.contextmanager
def _open_env(task: str, engine: str, num_envs: int, edit: Callable[[Any], None] | None = None) -> Iterator[Any]:
    import gymnasium as gym
    from isaaclab.app import launch_simulation
    from isaaclab_tasks.utils import resolve_task_config

    import gaitway.tasks  # noqa: F401

    cfg, _ = resolve_task_config(task, None, overrides=[f"physics={engine}"])
    cfg.scene.num_envs = num_envs
    cfg.sim.device = DEVICE
    cfg.seed = 1
    if edit is not None:
        edit(cfg)
    with launch_simulation(cfg, {"visualizer": ["none"], "device": DEVICE}):
        env = gym.make(task, cfg=cfg)
        try:
            yield env
        finally:
            env.close()


@pytest.fixture(scope="session")
def open_env() -> Callable[..., contextlib.AbstractContextManager[Any]]:
    """Give a context manager ``open_env(task, engine, num_envs, edit=None)`` that yields a Gymnasium environment.

    ``edit`` may change the environment's config. Leave one before you enter the next.
    """
    return _open_env


@pytest.fixture(scope="session")
def env_cfgs() -> dict[str, Any]:
    """The environment config of every task and of every ``-Play`` variant, by id, as registered. Not to be changed."""
    from isaaclab_tasks.utils.parse_cfg import load_cfg_from_registry

    from gaitway.tasks import task_ids

    ids = [task_id + suffix for task_id in task_ids() for suffix in ("", "-Play")]
    return {task_id: load_cfg_from_registry(task_id, "env_cfg_entry_point") for task_id in ids}


class _Scene(dict):
    sensors: dict[str, Any]


def _fake_env(**tensors: Any) -> SimpleNamespace:
    import torch

    def proxy(tensor: Any) -> SimpleNamespace:
        # Isaac Lab's data are Warp arrays that show themselves to torch.
        return SimpleNamespace(torch=tensor)

    num_envs, device = len(next(iter(tensors.values()))), next(iter(tensors.values())).device
    own = ("command", "action", "prev_action", "terminated", "time_outs", "first_contact", "applied_effort")
    scene = _Scene()
    parts: dict[str, dict[str, Any]] = {"robot": {}, "contact_forces": {}, "object": {}}
    terms: dict[str, dict[str, Any]] = {"command": {}, "action": {}}
    for name, tensor in tensors.items():
        part, *rest = name.split("__")
        if part in terms and rest:
            terms[part].setdefault(rest[0], SimpleNamespace()).__dict__["__".join(rest[1:]) or "command"] = tensor
        elif rest:
            parts.setdefault(part, {})["__".join(rest)] = tensor
        elif name.startswith("object_"):
            parts["object"][name.removeprefix("object_")] = tensor
        if not rest and name not in own:
            parts["robot"][name] = parts["contact_forces"][name] = tensor
    for part, values in parts.items():
        effort = proxy(values.get("applied_effort", tensors.get("applied_effort")))
        landed = proxy(values.get("first_contact", tensors.get("first_contact")))
        left = proxy(values.get("first_air", tensors.get("first_air")))
        scene[part] = SimpleNamespace(
            data=SimpleNamespace(**{name: proxy(tensor) for name, tensor in values.items()}),
            actuators=SimpleNamespace(applied_effort=effort),
            compute_first_contact=lambda dt, landed=landed: landed,
            compute_first_air=lambda dt, left=left: left,
        )
        scene[part].data.applied_torque = effort
    scene.sensors = scene
    scene.env_origins = tensors.get("env_origins", torch.zeros(num_envs, 3, device=device))

    def get_command_term(name: str) -> Any:
        term = terms["command"].get(name)
        return SimpleNamespace(command=tensors["command"]) if term is None else term

    return SimpleNamespace(
        num_envs=num_envs,
        device=device,
        step_dt=0.02,
        physics_dt=0.005,
        max_episode_length=500,
        max_episode_length_s=10.0,
        extras={},
        common_step_counter=50,
        before_step=[],
        episode_length_buf=tensors.get(
            "episode_length_buf", torch.full((num_envs,), 50, dtype=torch.long, device=device)
        ),
        scene=scene,
        sim=SimpleNamespace(vis_marker_registry=SimpleNamespace(clear_debug_vis_callback=lambda term: None)),
        command_manager=SimpleNamespace(
            get_command=lambda name: get_command_term(name).command, get_term=get_command_term
        ),
        action_manager=SimpleNamespace(
            action=tensors.get("action"),
            prev_action=tensors.get("prev_action"),
            get_term=terms["action"].__getitem__,
        ),
        termination_manager=SimpleNamespace(terminated=tensors.get("terminated"), time_outs=tensors.get("time_outs")),
    )


@pytest.fixture(scope="session")
def fake_env() -> Callable[..., SimpleNamespace]:
    """Give ``fake_env(**tensors)``: just enough of an environment for a term to be computed on numbers at hand.

    Tensors are named as in Isaac Lab (``root_pos_w``, ``joint_vel``, ``command``, ``action`` ...), first axis
    environments. So named, they are the robot's (``robot``) and the sensor's (``contact_forces``); what begins with
    ``object_`` is of ``object``. Other assets and sensors, and the fields of their data, are named with two underscores
    between: ``cabinet__joint_pos``, ``height_scanner__ray_hits_w``. Where there are several commands, each is
    ``command__<name>``; what else a term of commands or actions holds is ``command__<name>__<attribute>`` and
    ``action__<name>__<attribute>``. A step is 0.02 s, an episode 500 steps, of which 50 have passed unless
    ``episode_length_buf`` is given.
    """
    return _fake_env
