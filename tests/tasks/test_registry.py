"""What is registered, and that it runs: every task, both variants, every agent, every engine."""

from __future__ import annotations

import contextlib
import importlib.metadata
import math
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
import torch
from isaaclab_tasks.utils import resolve_task_config
from isaaclab_tasks.utils.parse_cfg import load_cfg_from_registry

from gaitway import mdp
from gaitway.mdp.actions import MeasuredJointPositionAction
from gaitway.runs.learner import Iteration, StopTraining, make_learner
from gaitway.tasks import find_task, play, task_ids
from gaitway.tasks.randomisation import LEVELS
from gaitway.tasks.registry import _TASKS, Scale, UnknownNameError, _sizes, register_task

from .reward_checks import check_rewards_are_the_same_elsewhere, check_rewards_never_wait

NUM_ENVS = 16
STEPS = 20
TASKS = pytest.mark.parametrize("task", task_ids())
VARIANTS = pytest.mark.parametrize("variant", [task + suffix for task in task_ids() for suffix in ("", "-Play")])
DISTILLED = "rsl_rl_distillation"
"""Agent of the tasks that have a teacher; skrl has no such."""
ENGINES = {
    "mujoco_cpu": "NewtonCfg",
    "newton_mjwarp": "NewtonCfg",
    "ovphysx": "OvPhysxCfg",
    "isaacsim_physx": "PhysxCfg",
}


# -- configs ----------------------------------------------------------------------------------------


def flat(config: Any, path: str = "") -> dict[str, Any]:
    """A config as a dict from dotted paths to plain values."""
    if hasattr(config, "to_dict"):
        config = config.to_dict()
    if isinstance(config, Mapping) and config:
        return {k: v for key, value in config.items() for k, v in flat(value, f"{path}.{key}").items()}
    return {path.removeprefix("."): config}


def strings(value: Any) -> Iterator[str]:
    """All strings in a config, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from strings(key)
            yield from strings(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from strings(item)


def test_there_are_tasks() -> None:
    assert {"Gaitway-Lift-Franka", "Gaitway-Reach-Franka", "Gaitway-Velocity-Flat-Go2"} <= set(task_ids())


@VARIANTS
def test_every_agent_of_a_task_resolves_with_its_recipe(variant: str) -> None:
    info = find_task(variant)
    for agent in info.agents:
        env_cfg, recipe = resolve_task_config(variant, info.recipe_key(agent), overrides=[])
        groups = {name for name in vars(env_cfg.observations) if not name.startswith("_")}
        assert groups == {"policy", "critic"} | ({"teacher"} if DISTILLED in info.agents else set())
        library, _, algorithm = agent.rpartition("_")
        if library == "rsl_rl":
            assert {name for used in recipe.obs_groups.values() for name in used} <= groups
            assert algorithm in recipe.algorithm.class_name.lower()
        else:
            assert recipe["agent"]["class"].lower() == algorithm


@TASKS
def test_every_task_can_be_learnt_with_both_libraries(task: str) -> None:
    agents = find_task(task).agents
    assert {agent.rpartition("_")[0] for agent in agents} == {"rsl_rl"} if DISTILLED in agents else {"rsl_rl", "skrl"}


@VARIANTS
def test_the_default_agent_is_where_isaac_lab_looks_for_it(variant: str) -> None:
    info = find_task(variant)
    kwargs = gym.spec(variant).kwargs
    first = next(iter(info.agents))
    assert first.startswith(kwargs["default_agent"])
    assert kwargs[f"{kwargs['default_agent']}_cfg_entry_point"] == kwargs[info.recipe_key(first)]


@TASKS
@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_resolves(task: str, engine: str) -> None:
    env_cfg, _ = resolve_task_config(task, None, overrides=[f"physics={engine}"])
    assert type(env_cfg.sim.physics).__name__ == ENGINES[engine]


@TASKS
def test_without_a_gpu_native_mujoco_is_the_engine_when_none_is_named(task: str) -> None:
    default, _ = resolve_task_config(task, None, overrides=[])
    engine = "newton_mjwarp" if torch.cuda.is_available() else "mujoco_cpu"
    named, _ = resolve_task_config(task, None, overrides=[f"physics={engine}"])
    assert flat(default) == flat(named)


@TASKS
def test_native_mujoco_has_the_settings_of_mujoco_warp(task: str) -> None:
    native, warp = (
        resolve_task_config(task, None, overrides=[f"physics={engine}"])[0].sim.physics
        for engine in ("mujoco_cpu", "newton_mjwarp")
    )
    assert native.num_substeps == warp.num_substeps
    ours, theirs = native.solver_cfg.to_dict(), warp.solver_cfg.to_dict()
    assert theirs.pop("box_contacts")  # as native MuJoCo has no other
    assert {key: ours[key] for key in theirs if key != "class_type"} == {
        key: value for key, value in theirs.items() if key != "class_type"
    }


def resolved(task: str, *overrides: str) -> Any:
    """A task's environment config with presets chosen."""
    return resolve_task_config(task, None, overrides=list(overrides))[0]


@TASKS
def test_playing_differs_from_training_only_in_what_must_differ(task: str) -> None:
    train, play = resolved(task), resolved(task + "-Play")
    ours, theirs = flat(play), flat(train)
    removed = {name for name, term in vars(train.events).items() if term is not None} - {
        name for name, term in vars(play.events).items() if term is not None
    }
    # What is left is where an episode begins and a friction that is the same on every engine; what goes is chance.
    terms = {name: term for name, term in vars(train.events).items() if term is not None}
    frictions = {name for name, term in terms.items() if term.func is mdp.randomize_rigid_body_material}
    assert terms.keys() - removed == frictions | {name for name in terms if name.startswith("reset_")}
    for name in frictions:
        low, high = terms[name].params["static_friction_range"]
        nominal = 1.0 if low <= 1.0 <= high else pytest.approx((low * high) ** 0.5)
        for kind in ("static", "dynamic"):
            assert getattr(play.events, name).params[f"{kind}_friction_range"] == (nominal, nominal)
    assert removed
    assert not any(name.startswith("reset_") for name in removed)
    changed = {path for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path)}
    changed -= {path for path in changed if path.split(".")[0] == "events" and path.split(".")[1] in removed}
    if hasattr(train.scene, "terrain"):
        # Less ground, and every robot stays on its part of it.
        assert play.curriculum.terrain_levels is None
        assert play.scene.terrain.terrain_generator.num_rows < train.scene.terrain.terrain_generator.num_rows
        changed -= {path for path in changed if path.startswith(("scene.terrain.", "curriculum.terrain_levels"))}
    chance = re.compile(
        r"events\.reset_base\.params\.velocity_range.*|events\.\w+\.params\.(static|dynamic)_friction_range.*|actions\.\w+\.delay|observations\.policy\.\w+\.delay_max_lag"
    )
    assert {path for path in changed if not chance.fullmatch(path)} == {
        "scene.num_envs",
        "observations.policy.enable_corruption",
    }
    assert play.scene.num_envs <= 50
    assert not any(getattr(group, "enable_corruption", False) for group in vars(play.observations).values())
    if hasattr(play.events, "reset_base"):
        assert play.events.reset_base.params["velocity_range"] == {}


@TASKS
def test_playing_leaves_to_chance_what_it_is_asked_to(task: str) -> None:
    for level in LEVELS:
        asked, trained = (flat(resolved(name, f"presets={level}")) for name in (f"{task}-Play", task))
        of_level = ("events.", "actions.", "observations.")
        assert {k: v for k, v in asked.items() if k.startswith(of_level)} == {
            k: v for k, v in trained.items() if k.startswith(of_level)
        }


# -- what is left to chance -------------------------------------------------------------------------


def test_levels_are_chosen_beside_engines_and_sizes() -> None:
    task, key = "Gaitway-Reach-Franka", find_task("Gaitway-Reach-Franka").recipe_key("rsl_rl_sac")
    words = ["physics=ovphysx", "presets=cuda,hard"]
    env_cfg, recipe = resolve_task_config(task, key, overrides=words)
    assert flat(env_cfg.events) == flat(resolved(task, "presets=hard").events)
    assert type(env_cfg.sim.physics).__name__ == "OvPhysxCfg"
    assert recipe.algorithm.batch_size == 8192


@TASKS
def test_standard_is_the_level_when_none_is_chosen(task: str) -> None:
    assert flat(resolved(task)) == flat(resolved(task, "presets=standard"))


def chances(cfg: Any) -> dict[str, tuple[float, float]]:
    """All ranges that something is drawn from: delays, latencies, noise, and the parameters of events but resets."""
    found = {f"delay of {name}": term.delay for name, term in vars(cfg.actions).items() if hasattr(term, "delay")}
    policy = cfg.observations.policy
    for name, term in vars(policy).items():
        if hasattr(term, "noise"):
            found[f"latency of {name}"] = (term.delay_min_lag, term.delay_max_lag)
            noise = term.noise if policy.enable_corruption else None
            found[f"noise of {name}"] = (noise.n_min, noise.n_max) if noise else (0.0, 0.0)
    for name, term in vars(cfg.events).items():
        if term is None or name.startswith("reset_"):
            continue
        for path, value in flat(term.params).items():
            if isinstance(value, tuple | list) and len(value) == 2 and "asset_cfg" not in path:
                found[f"{name}: {path}"] = tuple(value)
        if term.interval_range_s:
            # How often, not how long.
            found[f"{name}: rate"] = tuple(1.0 / seconds for seconds in reversed(term.interval_range_s))
    return found


@TASKS
def test_each_level_leaves_more_to_chance_than_the_one_before(task: str) -> None:
    none, standard, hard = (chances(resolved(task, f"presets={level}")) for level in LEVELS)
    assert set(none) <= set(standard) <= set(hard)
    for what, (low, high) in none.items():
        assert low == high if "_friction_range" in what else (low, high) == (0, 0), what
    assert sum(span[0] < span[1] for span in standard.values()) >= 8
    for what, (low, high) in standard.items():
        assert hard[what][0] <= low <= high <= hard[what][1], what
    wider = {what for what in standard if hard[what] != standard[what]}
    assert {what.partition(" ")[0] for what in wider} >= {
        "delay",
        "latency",
        "noise",
        "motor_gains:",
        "motor_strength:",
    }


@TASKS
def test_isaac_labs_own_way_of_playing_gives_the_play_variant(task: str) -> None:
    registered, _ = resolve_task_config(f"{task}-Play", None, overrides=[])
    asked_for, _ = resolve_task_config(task, None, play_mode=True, overrides=[])
    both, _ = resolve_task_config(f"{task}-Play", None, play_mode=True, overrides=[])
    assert flat(registered) == flat(asked_for) == flat(both)
    hard, _ = resolve_task_config(task, None, play_mode=True, overrides=["presets=hard"])
    assert chances(hard) == chances(registered), "Isaac Lab's play takes out what a preset brought"


@VARIANTS
def test_nothing_lies_on_an_asset_server(variant: str, env_cfgs: dict[str, Any]) -> None:
    remote = re.compile(r"https?:|s3:|omniverse:|omniverse-content|nucleus", re.IGNORECASE)
    values = flat(env_cfgs[variant])
    assert len(values) > 200
    found = {path: word for path, value in values.items() for word in strings(value) if remote.search(word)}
    assert found == {}


@TASKS
def test_sizes_for_the_cpu_and_the_gpu_are_told_apart(task: str) -> None:
    info = find_task(task)
    assert set(info.cpu) == set(info.cuda) == set(info.agents)
    for agent in info.agents:
        assert 0 < info.scale("cpu", agent).num_envs <= info.scale("cuda:1", agent).num_envs


# -- the registry -----------------------------------------------------------------------------------


def test_agents_without_a_size_have_that_of_their_algorithm() -> None:
    small, large = Scale(1, 2), Scale(3, 4)
    recipes = dict.fromkeys(("a_ppo", "b_ppo", "a_sac", "b_sac", "a_bc"), "module:Recipe")
    assert _sizes("T", recipes, small) == dict.fromkeys(recipes, small)
    by_agent = _sizes("T", recipes, {"a_sac": large, "b_ppo": small})
    assert by_agent == {"a_sac": large, "b_ppo": small, "a_ppo": small, "b_sac": large, "a_bc": large}
    assert next(iter(by_agent)) == "a_sac"
    with pytest.raises(ValueError, match="c_ppo"):
        _sizes("T", recipes, {"c_ppo": small})


class Playable:
    """A config that counts how often it was made one for playing."""

    actions = None

    def __init__(self) -> None:
        self.played = 0

    def play_mode(self) -> None:
        """Count."""
        self.played += 1


def register(task_id: str, package: str = "m") -> None:
    """Register something under an id."""
    register_task(
        task_id, env_cfg=f"{package}:C", play_env_cfg=f"{package}:P", recipes={"rsl_rl_ppo": "m:R"}, robot="",
        summary="", success="", cpu=Scale(1, 1), cuda=Scale(1, 1),
    )  # fmt: skip


def test_the_variant_for_playing_is_made_from_the_task_unless_one_is_given() -> None:
    rest = {"recipes": {"rsl_rl_ppo": "m:R"}, "robot": "", "summary": "", "success": ""}
    sizes = {"cpu": Scale(1, 1), "cuda": Scale(1, 1)}
    try:
        register_task("Mine-Made", env_cfg=f"{__name__}:Playable", **rest, **sizes)
        register_task("Mine-Given", env_cfg=f"{__name__}:Playable", play_env_cfg=f"{__name__}:dict", **rest, **sizes)
        made = load_cfg_from_registry("Mine-Made-Play", "env_cfg_entry_point")
        assert (type(made), made.played) == (Playable, 1)
        assert load_cfg_from_registry("Mine-Made", "env_cfg_entry_point").played == 0
        assert gym.spec("Mine-Given-Play").kwargs["env_cfg_entry_point"] == f"{__name__}:dict"
    finally:
        for task in ("Mine-Made", "Mine-Given"):
            _TASKS.pop(task, None)
            for variant in (task, f"{task}-Play"):
                gym.registry.pop(variant, None)
    with pytest.raises(AttributeError, match="Mine-Made"):
        getattr(play, "Mine-Made")


@TASKS
def test_an_id_is_given_once(task: str) -> None:
    before, spec = find_task(task), gym.spec(task)
    with pytest.raises(ValueError, match=task):
        register(task)
    assert find_task(task) is before
    assert gym.spec(task) is spec


@pytest.mark.parametrize(
    ("task_id", "package", "reason"),
    [
        ("Isaac-Reach-Franka", "gaitway.tasks", "Gaitway-"),
        ("Gaitway-Reach-Franka-Play", "m", "-Play"),
        ("", "m", "empty"),
        ("m:Mine", "m", ":"),
    ],
)
def test_a_badly_formed_id_is_refused(task_id: str, package: str, reason: str) -> None:
    known = task_ids()
    with pytest.raises(ValueError, match=reason):
        register(task_id, package)
    assert task_ids() == known


def test_a_task_of_somebody_elses_is_found_with_its_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        "from gaitway.tasks.registry import Scale, register_task",
        "register_task('Mine-Test', env_cfg='my_tasks_for_a_test:C', play_env_cfg='my_tasks_for_a_test:P',",
        "    recipes={'rsl_rl_ppo': 'm:R'}, robot='', summary='', success='', cpu=Scale(1, 1), cuda=Scale(1, 1))",
    ]
    (tmp_path / "my_tasks_for_a_test.py").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    try:
        info = find_task("my_tasks_for_a_test:Mine-Test-Play")
        assert (info.id, info.name) == ("Mine-Test", "my_tasks_for_a_test:Mine-Test")
        assert find_task("Mine-Test") is info
    finally:
        _TASKS.pop("Mine-Test", None)
        for variant in ("Mine-Test", "Mine-Test-Play"):
            gym.registry.pop(variant, None)
    assert find_task("Gaitway-Reach-Franka").name == "Gaitway-Reach-Franka"
    with pytest.raises(UnknownNameError, match="cannot import 'no_such_module'"):
        find_task("no_such_module:Mine-Test")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\ny = nowhere", "NameError: name 'nowhere' is not defined .*broken_for_a_test.py, line 2"),
        ("x = 1\n\ny = = 2", "SyntaxError: .*broken_for_a_test.py, line 3"),
    ],
)
def test_a_module_that_fails_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    (tmp_path / "broken_for_a_test.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    with pytest.raises(UnknownNameError, match=f"'broken_for_a_test' fails: {told}"):
        find_task("broken_for_a_test:Mine-Test")


@VARIANTS
def test_a_task_is_found_by_either_id(variant: str) -> None:
    assert find_task(variant).id == variant.removesuffix("-Play")


@pytest.mark.parametrize(
    "name", ["Gaitway-Reach-Fanka", "gaitway-reach-franka", "Reach-Franka", "Gaitway-Reach-Frank-Play"]
)
def test_an_unknown_task_is_answered_with_the_nearest(name: str) -> None:
    with pytest.raises(UnknownNameError) as error:
        find_task(name)
    assert f"'{name}'" in str(error.value)
    assert "Did you mean" in str(error.value)
    assert "Gaitway-Reach-Franka" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_task_like_no_other_is_answered_without_a_guess() -> None:
    with pytest.raises(UnknownNameError, match="gaitway list") as error:
        find_task("zzz")
    assert "Did you mean" not in str(error.value)


@TASKS
def test_an_unknown_agent_is_answered_with_the_nearest_and_all(task: str) -> None:
    info = find_task(task)
    with pytest.raises(UnknownNameError, match="Did you mean") as error:
        info.recipe_key("rsl_rl_pp0")
    assert all(agent in str(error.value) for agent in info.agents)


def test_isaac_lab_lists_the_tasks_through_the_entry_point(capsys: pytest.CaptureFixture) -> None:
    from isaaclab.cli.commands.list_envs import command_list_envs

    points = importlib.metadata.entry_points(group="isaaclab.tasks")
    assert [point.value for point in points if point.name == "gaitway"] == ["gaitway.tasks"]
    command_list_envs(["--keyword", "Gaitway"])
    rows = [row for row in capsys.readouterr().out.splitlines() if "Gaitway-" in row]
    listed = {row.split("|")[2].strip(): row.split("|")[5] for row in rows}
    assert set(listed) == {task + suffix for task in task_ids() for suffix in ("", "-Play")}
    for task, libraries in listed.items():
        assert "rsl_rl" in libraries
        assert ("skrl" in libraries) == (DISTILLED not in find_task(task).agents)


# -- running ----------------------------------------------------------------------------------------


@pytest.fixture(
    scope="module",
    params=[(task, engine) for engine in ("mujoco_cpu", "newton_mjwarp", "ovphysx") for task in task_ids()],
    ids=lambda param: f"{param[0]}-{param[1]}",
)
def env(request, open_env) -> Iterator[gym.Env]:
    """Every task on every engine that needs no Isaac Sim, as it is trained."""
    task, engine = request.param
    with open_env(task, engine, NUM_ENVS, less_ground) as made:
        yield made


def less_ground(cfg: Any) -> None:
    """Two levels of rough ground: a mesh of all ten takes PhysX seconds."""
    if hasattr(cfg.scene, "terrain"):
        cfg.scene.terrain.terrain_generator.num_rows = 2


def quick(recipe: Any) -> Any:
    """A recipe with short rollouts, and updates from the first on."""
    if isinstance(recipe, dict):
        recipe["agent"] |= {"rollouts": 4, "mini_batches": 1} if recipe["agent"]["class"] == "PPO" else {"rollouts": 4}
        if recipe["agent"]["class"] == "SAC":
            recipe["agent"] |= {"learning_starts": 1, "batch_size": 16}
            recipe["memory"]["memory_size"] = 1024
        return recipe
    recipe.num_steps_per_env, recipe.device = 4, "cpu"
    if hasattr(recipe.algorithm, "learning_starts"):
        recipe.algorithm.learning_starts, recipe.algorithm.batch_size = NUM_ENVS, 16
        recipe.algorithm.replay_capacity = 1024
    return recipe


def no_inference_mode(mode: bool = True) -> contextlib.AbstractContextManager[Any]:
    """Without gradients, and with tensors as any other."""
    return torch.no_grad() if mode else contextlib.nullcontext()


def test_every_agent_learns_for_an_iteration(env: gym.Env, monkeypatch: pytest.MonkeyPatch) -> None:
    # The first to step it. RSL-RL rolls out in inference mode, and what is made in it no later agent could change.
    monkeypatch.setattr(torch, "inference_mode", no_inference_mode)
    info = find_task(env.spec.id)
    for agent in info.agents:
        if agent == DISTILLED:
            continue  # needs a teacher: tests/cli/test_distillation.py
        library = agent.rpartition("_")[0]
        _, recipe = resolve_task_config(info.id, info.recipe_key(agent), overrides=[])
        made = make_learner(library, env, quick(recipe))
        found: list[Iteration] = []

        def stop(iteration: Iteration, found: list[Iteration] = found) -> None:
            found.append(iteration)
            raise StopTraining

        made.learn(stop)
        assert found[0].losses, agent
        assert all(math.isfinite(value) for value in found[0].losses.values()), agent


def test_an_episode_begins_as_the_config_says(env: gym.Env) -> None:
    with torch.inference_mode():
        env.reset()
    unwrapped = env.unwrapped
    robot, events = unwrapped.scene["robot"], unwrapped.cfg.events
    params = events.reset_joints.params
    default = robot.data.default_joint_pos.torch
    low, high = (default * factor for factor in params["position_range"])
    if events.reset_joints.func.__name__ == "reset_joints_by_offset":
        low, high = (default + offset for offset in params["position_range"])
    low, high = torch.minimum(low, high), torch.maximum(low, high)
    moved = torch.ones(robot.num_joints, dtype=torch.bool, device=unwrapped.device)
    if "asset_cfg" in params:
        moved[:] = False
        moved[params["asset_cfg"].joint_ids] = True
    low, high = torch.where(moved, low, default), torch.where(moved, high, default)
    limits = robot.data.soft_joint_pos_limits.torch
    low, high = low.clamp(limits[..., 0], limits[..., 1]), high.clamp(limits[..., 0], limits[..., 1])
    joint_pos = robot.data.joint_pos.torch
    assert bool(((joint_pos >= low - 1e-4) & (joint_pos <= high + 1e-4)).all())
    assert robot.data.joint_vel.torch.abs().max() == 0.0
    # Those that no action moves are to stay where they are.
    target = robot.actuators.target_command.position.torch
    left_alone = [
        name not in unwrapped.action_manager.get_term(unwrapped.action_manager.active_terms[0])._joint_names
        for name in robot.joint_names
    ]
    torch.testing.assert_close(target[:, left_alone], default[:, left_alone])


def test_random_actions_do_no_harm(env: gym.Env) -> None:
    unwrapped = env.unwrapped
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        env.reset()
        for _ in range(STEPS):
            action = 2.0 * torch.rand(env.action_space.shape, generator=generator) - 1.0
            obs, reward, terminated, truncated, extras = env.step(action.to(unwrapped.device))
            assert set(obs) == set(unwrapped.observation_manager.active_terms)
            for name, values in obs.items():
                assert values.shape == env.observation_space[name].shape
                assert values.shape[0] == NUM_ENVS
                assert bool(values.isfinite().all()), name
            assert reward.shape == (NUM_ENVS,)
            assert bool(reward.isfinite().all())
            for flag in (terminated, truncated, extras["success"]):
                assert (flag.shape, flag.dtype) == ((NUM_ENVS,), torch.bool)
    data = unwrapped.scene["robot"].data
    assert bool(data.joint_vel.torch.abs().max() < 100.0)
    assert obs["policy"].std(dim=0).max() > 0.0


def test_policies_see_the_joints_in_the_robots_own_order(env: gym.Env) -> None:
    robot = env.unwrapped.scene["robot"]
    names = tuple(env.unwrapped.cfg.scene.robot.joint_ordering)
    assert tuple(robot.joint_names) == names
    term = env.unwrapped.action_manager.get_term(env.unwrapped.action_manager.active_terms[0])
    assert list(term._joint_names) == [name for name in names if name in term._joint_names]


def end_episodes(env: Any, which: torch.Tensor) -> None:
    """Let some episodes run out of time with the next step."""
    env.episode_length_buf[which] = env.max_episode_length - 1


def stand_still(env: Any) -> None:
    """Put the robot into its default pose, at rest, wherever its episode began."""
    robot = env.scene["robot"]
    robot.write_joint_position_to_sim_index(position=robot.data.default_joint_pos.torch)
    robot.write_joint_velocity_to_sim_index(velocity=torch.zeros_like(robot.data.joint_vel.torch))
    if not robot.is_fixed_base:
        robot.write_root_com_velocity_to_sim_index(root_velocity=torch.zeros_like(robot.data.root_com_vel_w.torch))


def settle(env: Any, steps: int) -> None:
    """Let the robot stand where its action of zero puts it."""
    for _ in range(steps):
        env.step(torch.zeros(env.action_space.shape, device=env.device))


def check_reached(env: gym.Env) -> None:
    """Reaching is judged by where the hand is at the end."""
    from isaaclab.utils.math import quat_mul, subtract_frame_transforms

    unwrapped = env.unwrapped
    robot = unwrapped.scene["robot"].data
    params = unwrapped.cfg.curriculum.success.params["params"]
    (name,) = params["asset_cfg"].body_names
    hand = unwrapped.scene["robot"].body_names.index(name)
    with torch.inference_mode():
        env.reset()
        stand_still(unwrapped)
        settle(unwrapped, 10)
        pos, quat = subtract_frame_transforms(
            robot.root_pos_w.torch, robot.root_quat_w.torch,
            robot.body_pos_w.torch[:, hand], robot.body_quat_w.torch[:, hand],
        )  # fmt: skip
        # Envs 0-3: the goal is where the hand is; 4-7: 20 cm higher; 8-11: turned by 0.5 rad; 12-15: not at their end.
        turn = torch.tensor([0.0, 0.0, math.sin(0.25), math.cos(0.25)], device=unwrapped.device).repeat(4, 1)
        pos[4:8, 2] += 0.2
        quat[8:12] = quat_mul(quat[8:12], turn)
        unwrapped.command_manager.get_term("ee_pose").pose_command_b[:] = torch.cat([pos, quat], dim=-1)
        end_episodes(unwrapped, torch.arange(12))
        _, _, terminated, truncated, extras = env.step(torch.zeros(env.action_space.shape, device=unwrapped.device))
    assert truncated.tolist() == [True] * 12 + [False] * 4
    assert not terminated.any()
    turned = params["orientation"] is None
    assert extras["success"].tolist() == [True] * 4 + [False] * 4 + [turned] * 4 + [False] * 4
    assert float(extras["log"]["Metrics/success_rate"]) == pytest.approx((8 if turned else 4) / 12)


def check_object_at_goal(env: gym.Env) -> None:
    """Lifting is judged by where the object is at the end."""
    unwrapped = env.unwrapped
    robot, thing = unwrapped.scene["robot"].data, unwrapped.scene["object"].data
    with torch.inference_mode():
        env.reset()
        settle(unwrapped, 5)
        goal = unwrapped.command_manager.get_term("object_pose").pose_command_b
        assert bool((goal[:, 2] > 0.05 + thing.root_pos_w.torch[:, 2]).all()), "a cube on the ground is at its goal"
        # Envs 0-7: the goal is 4 cm from the object; 8-11: 6 cm from it; 12-15: not at their end.
        goal[:, :3] = thing.root_pos_w.torch - robot.root_pos_w.torch
        goal[:8, 2] += 0.04
        goal[8:12, 2] += 0.06
        end_episodes(unwrapped, torch.arange(12))
        _, _, terminated, truncated, extras = env.step(torch.zeros(env.action_space.shape, device=unwrapped.device))
    assert truncated.tolist() == [True] * 12 + [False] * 4
    assert not terminated.any()
    assert extras["success"].tolist() == [True] * 8 + [False] * 8
    assert float(extras["log"]["Metrics/success_rate"]) == pytest.approx(8 / 12)


def check_kept_velocity(env: gym.Env) -> None:
    """Walking is judged by the whole episode."""
    unwrapped = env.unwrapped
    command = unwrapped.command_manager.get_term("base_velocity")
    robot = unwrapped.scene["robot"]
    with torch.inference_mode():
        env.reset()
        # All stand. Envs 0-3 are told to; 4-7 to walk; 8-11 to turn; 12-15 as the first, but they will fall.
        command.is_heading_env[:] = False
        command.is_standing_env[:] = False
        command.vel_command_b[:] = 0.0
        command.vel_command_b[4:8, 0] = 1.0
        command.vel_command_b[8:12, 2] = 1.0
        for _ in range(50):
            stand_still(unwrapped)  # held: heavy robots sway where they settle, and a biped falls
            settle(unwrapped, 1)
        assert bool((unwrapped.episode_length_buf == 50).all()), "a standing robot fell"
        end_episodes(unwrapped, torch.arange(16))
        upside_down = robot.data.root_link_pose_w.torch[12:].clone()
        upside_down[:, 2] += 0.5
        upside_down[:, 3:] = torch.tensor([1.0, 0.0, 0.0, 0.0], device=unwrapped.device)
        ids = torch.arange(12, 16, dtype=torch.int32, device=unwrapped.device)
        robot.write_root_link_pose_to_sim_index(root_pose=upside_down, env_ids=ids)
        _, _, terminated, truncated, extras = env.step(torch.zeros(env.action_space.shape, device=unwrapped.device))
    assert terminated.tolist() == [False] * 12 + [True] * 4
    assert bool(truncated.all())
    assert extras["success"].tolist() == [True] * 4 + [False] * 12
    assert float(extras["log"]["Metrics/success_rate"]) == pytest.approx(0.25)


CHECKS = {"reached": check_reached, "object_at_goal": check_object_at_goal, "kept_velocity": check_kept_velocity}


CHECKED_APART = {
    "is_open": "test_drawer.py::test_a_drawer_that_is_open_enough_at_the_end_is_a_success",
    "is_inserted": "test_insert.py::test_only_a_peg_that_is_aligned_goes_in",
    "object_placed": "test_pick_place.py::test_a_cube_is_placed_once_it_was_carried_is_down_and_is_let_go",
    "object_held_at_goal": "test_pick_place.py::test_staged_rewards_are_paid_in_every_step_as_they_are_written",
    "kept_turning": "test_arms.py::test_three_goals_and_the_cube_in_the_hand_are_a_success",
    "stood_up": "test_skills.py::test_who_stands_at_the_end_stood_up",
    "hopped": "test_skills.py::test_who_hopped_often_enough_on_the_right_feet_hopped",
    "jumped": "test_skills.py::test_who_stands_at_the_place_after_a_leap_jumped",
}
"""Judges of one family, and the tests of that family that try them in a simulation of its own."""


def test_episodes_are_judged_as_they_end(env: gym.Env) -> None:
    judge = env.unwrapped.cfg.curriculum.success.params["judge"].__name__
    if judge in CHECKS:
        CHECKS[judge](env)
        return
    file, _, test = CHECKED_APART[judge].partition("::")
    text = (Path(__file__).parent / file).read_text()
    body = re.search(rf"^def {test}\(.*?(?=^def |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    assert body, f"{file} has no {test}"
    assert re.search(r"success|end_now", body[0]), f"{test} tries no success"


def test_rewards_never_wait_and_do_not_ask_where_in_the_world(env: gym.Env, request: pytest.FixtureRequest) -> None:
    if "mujoco_cpu" not in request.node.name:
        return  # terms are the same on every engine
    with torch.inference_mode():
        env.reset()
        env.step(torch.zeros(env.action_space.shape, device=env.unwrapped.device))
        check_rewards_never_wait(env.unwrapped)
        check_rewards_are_the_same_elsewhere(env.unwrapped)


def test_a_reset_before_the_first_step_is_no_success(env: gym.Env) -> None:
    with torch.inference_mode():
        env.reset()
        _, extras = env.reset()
    assert not extras["success"].any()
    assert extras["log"]["Metrics/success_rate"] == 0.0


def test_the_ends_of_the_action_space_lead_to_the_joints_limits(env: gym.Env) -> None:
    unwrapped = env.unwrapped
    term = unwrapped.action_manager.get_term(unwrapped.action_manager.active_terms[0])
    limits = unwrapped.scene["robot"].data.joint_pos_limits.torch[:, term._joint_ids]
    space = unwrapped.single_action_space
    if isinstance(term, MeasuredJointPositionAction):
        assert (space.low == -1.0).all()
        assert (space.high == 1.0).all()
        return  # from wherever the joints are
    for edge, expected in ((space.low, limits[..., 0]), (space.high, limits[..., 1])):
        action = torch.tensor(edge[: term.action_dim], device=unwrapped.device)
        with torch.inference_mode():
            term.process_actions(action.expand(NUM_ENVS, -1))
        torch.testing.assert_close(term.processed_actions, expected, atol=1e-4, rtol=1e-5)
    # An open-or-close hand takes the sign.
    assert (space.low[term.action_dim :] == -1.0).all()
    assert (space.high[term.action_dim :] == 1.0).all()
    assert env.action_space.shape == (NUM_ENVS, len(space.low))


def test_an_episode_that_times_out_says_how_it_was(env: gym.Env) -> None:
    """Learners value the observations before the reset. A reset forgets the last action, which tells them apart."""
    unwrapped = env.unwrapped
    action = torch.full(env.action_space.shape, 0.125, device=unwrapped.device)
    with torch.inference_mode():
        env.reset()
        end_episodes(unwrapped, torch.arange(12))
        obs, _, terminated, truncated, extras = env.step(action)
    assert truncated.tolist() == [True] * 12 + [False] * 4
    assert torch.equal(extras["terminated"], terminated)
    terms = unwrapped.observation_manager
    index = terms.active_terms["policy"].index("actions")
    start = sum(math.prod(shape) for shape in terms.group_obs_term_dim["policy"][:index])
    columns = slice(start, start + math.prod(terms.group_obs_term_dim["policy"][index]))
    assert (obs["policy"][:12, columns] == 0.0).all()
    # Where there is a history, its last frame is the newest.
    newest = slice(columns.stop - action.shape[1], columns.stop)
    assert (extras["final_obs"]["policy"][:12, newest] == 0.125).all()
    assert (extras["final_obs"]["critic"].isfinite()).all()


SPACES = {
    # Sizes of what the policy sees, of what the critic sees, and of the actions, as the terms add up.
    # Joints and their speeds, a pose, actions; for the critic the error of pose and the time left.
    **dict.fromkeys(("Reach-Franka", "Reach-Position-Franka"), (7 + 7 + 7 + 7, 28 + 6 + 1, 7)),
    **dict.fromkeys(("Reach-UR10", "Reach-Position-UR10"), (6 + 6 + 7 + 6, 25 + 6 + 1, 6)),
    "Reach-SO101": (5 + 5 + 7 + 5, 22 + 6 + 1, 5),
    # Two fingers too, position and orientation of the object, the way to it, a position, 7 actions and the gripper's;
    # for the critic the object's velocity and the time left, and whether it has been carried.
    "Lift-Franka": (7 + 2 + 7 + 3 + 4 + 3 + 3 + 8, 37 + 6 + 1, 8),
    **dict.fromkeys(
        ("PickPlace-Franka", "PickPlace-Staged-Franka", "PickPlace-Sparse-Franka"), (37, 37 + 6 + 1 + 1, 8)
    ),
    # Joints and fingers, the way to the handle and where that points, 8 actions; for the critic the drawer
    # and its speed, and the time left.
    "Drawer-Franka": (7 + 2 + 7 + 3 + 2 + 8, 29 + 3, 8),
    # Joints, where the peg is in the frame of the hole and how it is turned, 7 actions.
    **dict.fromkeys(
        ("Insert-Franka", "Insert-Sparse-Franka", "Insert-Tight-Franka", "Insert-Tight-Sparse-Franka"),
        (7 + 7 + 3 + 3 + 7, 27 + 1, 7),
    ),
    # Joints, pose of the cube and rotation to the goal, 16 actions; for the critic the cube's velocity, four
    # fingertips and the time left.
    "Reorient-Allegro": (16 + 16 + 3 + 4 + 4 + 16, 59 + 6 + 12 + 1, 16),
    # Three vectors of the base, the command, positions and velocities of joints, actions; for the critic height and
    # feet. On rough ground 17 x 11 heights for both, and no height of the base.
    **dict.fromkeys(("Velocity-Flat-Go2", "Velocity-Flat-AnymalC"), (12 + 3 * 12, 48 + 1 + 4, 12)),
    **dict.fromkeys(("Velocity-Rough-Go2", "Velocity-Rough-AnymalC"), (48 + 187, 52 + 187, 12)),
    "Velocity-Flat-G1": (12 + 3 * 29, 99 + 1 + 2, 29),
    "Velocity-Rough-G1": (99 + 187, 101 + 187, 29),
    # Five frames of two vectors, positions and velocities of joints and actions, and the command; for the critic,
    # as for the teacher, friction of four feet, a mass, three numbers of each joint and the delay.
    "Velocity-Student-Go2": (5 * (6 + 36) + 3, 53 + 4 + 1 + 36 + 1, 12),
    # Two vectors of the base, joints and actions; for the critic its velocity, height and feet.
    "StandUp-Go2": (6 + 36, 42 + 3 + 1 + 4, 12),
    # The base's velocity and a command of four too; for the critic what it knows of hops and of jumps.
    "Hop-Go2": (6 + 36 + 3 + 4, 49 + 1 + 4 + 4 + 4, 12),
    "Jump-Go2": (6 + 36 + 3 + 4, 49 + 1 + 4 + 2, 12),
}


def test_spaces_are_those_that_the_terms_add_up_to(env: gym.Env) -> None:
    policy, critic, action = SPACES[env.spec.id.removeprefix("Gaitway-")]
    if "Student" in env.spec.id:
        assert env.observation_space["teacher"].shape == (NUM_ENVS, critic)
    assert env.observation_space["policy"].shape == (NUM_ENVS, policy)
    assert env.observation_space["critic"].shape == (NUM_ENVS, critic)
    assert env.action_space.shape == (NUM_ENVS, action)
