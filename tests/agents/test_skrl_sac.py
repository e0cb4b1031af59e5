"""SAC on skrl: densities, ends of episodes, memory, checkpoints, and how skrl's Runner builds it. No simulator."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from isaaclab_rl.skrl import resolve_skrl_algorithm
from isaaclab_tasks.utils import resolve_task_config
from skrl.agents.torch.sac import SAC as SkrlSAC
from skrl.models.torch import Model
from skrl.utils.runner.torch import Runner

from gaitway.agents.sac.skrl import CHECK_EVERY, SAC, QModel, ReplayMemory, SacCfg, SquashedGaussianModel
from gaitway.errors import UsageError
from gaitway.runs.learn_skrl import SkrlLearner
from gaitway.runs.policy import _build_skrl
from gaitway.tasks import find_task, task_ids

OBS, STATES, ACTIONS = 3, 5, 2
LOW, HIGH = (-1.0, -0.5), (3.0, 2.5)
TASKS = [task for task in task_ids() if "skrl_sac" in find_task(task).agents]


def box(size: int) -> gym.spaces.Box:
    """A space without limits."""
    return gym.spaces.Box(-np.inf, np.inf, shape=(size,))


def spaces(states: bool = True) -> dict[str, gym.spaces.Box | None]:
    """Spaces of a small environment."""
    return {
        "observation_space": box(OBS),
        "state_space": box(STATES) if states else None,
        "action_space": gym.spaces.Box(np.array(LOW, dtype=np.float32), np.array(HIGH, dtype=np.float32)),
    }


def make_models(states: bool = True, **policy: Any) -> dict[str, Model]:
    """Small models for every role."""
    roles = ("critic_1", "critic_2", "target_critic_1", "target_critic_2")
    network = {"hidden_dims": (32, 32), "device": "cpu"}
    return {
        "policy": SquashedGaussianModel(**spaces(states), **network, **policy),
        **{role: QModel(**spaces(states), **network) for role in roles},
    }


def make_agent(num_envs: int = 4, *, states: bool = True, memory_size: int = 4000, **cfg: Any) -> SAC:
    """An agent in training."""
    settings = {"batch_size": 64, "learning_rate": 3.0e-3, "initial_entropy_value": 0.01} | cfg
    settings["experiment"] = {"write_interval": 0, "checkpoint_interval": 0}
    agent = SAC(
        models=make_models(states),
        memory=ReplayMemory(memory_size=memory_size, num_envs=num_envs, device="cpu"),
        device="cpu",
        cfg=settings,
        **spaces(states),
    )
    agent.init()
    agent.enable_training_mode(True)
    return agent


def step(agent: SAC, timestep: int = 0, **changes: Any) -> None:
    """Record a step in which nothing ends, but for the changes."""
    n = agent.memory.num_envs
    plain = {
        "observations": torch.zeros(n, OBS),
        "states": torch.zeros(n, STATES) if agent.state_space is not None else None,
        "actions": torch.zeros(n, ACTIONS),
        "rewards": torch.zeros(n, 1),
        "next_observations": torch.ones(n, OBS),
        "next_states": torch.ones(n, STATES) if agent.state_space is not None else None,
        "terminated": torch.zeros(n, 1, dtype=torch.bool),
        "truncated": torch.zeros(n, 1, dtype=torch.bool),
        "infos": {},
    }
    agent.record_transition(**plain | changes, timestep=timestep, timesteps=1000)


def flags(*values: int) -> torch.Tensor:
    """A column of flags. Shape is (n, 1)."""
    return torch.tensor(values, dtype=torch.bool).unsqueeze(-1)


def kept(agent: SAC, name: str, row: int = 0) -> torch.Tensor:
    """What the memory holds of a step. Shape is (num_envs, n)."""
    return agent.memory.get_tensor_by_name(name)[row]


def busy_policy(seed: int = 0) -> SquashedGaussianModel:
    """A policy whose means and standard deviations differ from observation to observation."""
    torch.manual_seed(seed)
    policy = make_models()["policy"]
    assert isinstance(policy, SquashedGaussianModel)
    for weight in policy.mlp.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return policy


# -- the policy -------------------------------------------------------------------------------------


def reference(policy: SquashedGaussianModel) -> torch.distributions.Distribution:
    """The same distribution, by torch, in double precision."""
    mean, std = (value.double() for value in policy.squashed.params)
    middle, half = (torch.tensor(HIGH) + torch.tensor(LOW)) / 2, (torch.tensor(HIGH) - torch.tensor(LOW)) / 2
    transforms = [
        torch.distributions.TanhTransform(),
        torch.distributions.AffineTransform(middle.double(), half.double()),
    ]
    squashed = torch.distributions.TransformedDistribution(torch.distributions.Normal(mean, std), transforms)
    return torch.distributions.Independent(squashed, 1)


def test_density_is_that_of_the_squashed_action() -> None:
    policy = busy_policy()
    inputs = {"observations": torch.randn(512, OBS)}
    torch.manual_seed(1)
    actions, outputs = policy.act(inputs)
    assert outputs["log_prob"].shape == (512, 1)
    # The same draw in double precision, since an action in single precision no longer tells where tanh was flat.
    torch.manual_seed(1)
    noise = torch.randn(512, ACTIONS).double()
    mean, std = (value.double() for value in policy.squashed.params)
    exact = mean + std * noise
    for transform in reference(policy).base_dist.transforms:
        exact = transform(exact)
    torch.testing.assert_close(actions.double(), exact, atol=1e-5, rtol=1e-5)
    expected = reference(policy).log_prob(exact)
    torch.testing.assert_close(outputs["log_prob"].squeeze(-1).double(), expected, atol=1e-5, rtol=1e-5)


def test_density_of_a_given_action_and_its_integral() -> None:
    policy = busy_policy()
    grid = [torch.linspace(low, high, 402)[1:-1] for low, high in zip(LOW, HIGH, strict=True)]
    actions = torch.cartesian_prod(*grid)
    inputs = {"observations": torch.randn(1, OBS).expand(len(actions), OBS), "taken_actions": actions}
    with torch.no_grad():
        _, outputs = policy.act(inputs)
        expected = reference(policy).log_prob(actions.double())
    torch.testing.assert_close(outputs["log_prob"].squeeze(-1).double(), expected, atol=1e-3, rtol=1e-4)
    cell = math.prod((high - low) / 401 for low, high in zip(LOW, HIGH, strict=True))
    assert float(outputs["log_prob"].double().exp().sum()) * cell == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_actions_stay_in_bounds_however_wild_the_network(scale: float) -> None:
    policy = busy_policy()
    inputs = {"observations": scale * torch.randn(2000, OBS)}
    low, high = torch.tensor(LOW), torch.tensor(HIGH)
    drawn, outputs = policy.act(inputs)
    for actions in (drawn, outputs["mean_actions"], policy.random_act(inputs)[0]):
        assert bool((actions >= low - 1e-6).all())
        assert bool((actions <= high + 1e-6).all())
    assert bool(torch.isfinite(outputs["log_prob"]).all())
    evenly = policy.random_act(inputs)[0]
    torch.testing.assert_close(evenly.amin(0), low, atol=0.02, rtol=0.0)
    torch.testing.assert_close(evenly.amax(0), high, atol=0.02, rtol=0.0)


def test_untrained_policy_keeps_the_default_pose_with_the_spread_asked_for() -> None:
    policy = make_models(init_std=0.1)["policy"]
    drawn, outputs = policy.act({"observations": torch.randn(20_000, OBS)})
    torch.testing.assert_close(outputs["mean_actions"], torch.zeros(20_000, ACTIONS), atol=1e-6, rtol=0.0)
    torch.testing.assert_close(drawn.std(0), torch.full((ACTIONS,), 0.1), atol=0.005, rtol=0.0)


def test_gradients_reach_the_network_through_the_action_and_its_density() -> None:
    policy = busy_policy()
    actions, outputs = policy.act({"observations": torch.randn(8, OBS)})
    for value in (actions, outputs["log_prob"]):
        grads = torch.autograd.grad(value.sum(), list(policy.parameters()), retain_graph=True)
        assert all(float(grad.abs().sum()) > 0.0 for grad in grads)


def test_actions_without_limits_are_refused_unless_given() -> None:
    unlimited = spaces() | {"action_space": box(ACTIONS)}
    with pytest.raises(UsageError, match="finite range"):
        SquashedGaussianModel(**unlimited, device="cpu")
    given = SquashedGaussianModel(**unlimited, device="cpu", action_limits=[2.0, 3.0])
    assert given.squashed.scale.tolist() == [2.0, 3.0]


@pytest.mark.parametrize("states", [True, False])
def test_critics_see_states_where_there_are_any(states: bool) -> None:
    critic = make_models(states)["critic_1"]
    torch.nn.init.normal_(critic.layers[-1].weight)
    inputs = {"observations": torch.randn(4, OBS), "states": None, "taken_actions": torch.randn(4, ACTIONS)}
    if states:
        inputs["states"] = torch.randn(4, STATES)
    value, _ = critic.act(inputs, role="critic_1")
    assert value.shape == (4, 1)
    seen, other = ("states", "observations") if states else ("observations", "states")
    assert not torch.equal(critic.act(inputs | {seen: inputs[seen] + 1.0})[0], value)
    assert torch.equal(critic.act(inputs | {other: None})[0], value)


# -- ends of episodes -------------------------------------------------------------------------------


@pytest.mark.parametrize("states", [True, False])
def test_last_observation_is_kept_where_an_episode_ended_and_nowhere_else(states: bool) -> None:
    agent = make_agent(4, states=states)
    final = {"policy": torch.full((4, OBS), 7.0)} | ({"critic": torch.full((4, STATES), 8.0)} if states else {})
    # in turn: goes on, terminates, time is up, both
    step(agent, terminated=flags(0, 1, 0, 1), truncated=flags(0, 0, 1, 1), infos={"final_obs": final})
    assert kept(agent, "next_observations")[:, 0].tolist() == [1.0, 7.0, 7.0, 7.0]
    if states:
        assert kept(agent, "next_states")[:, 0].tolist() == [1.0, 8.0, 8.0, 8.0]
    # Only what terminated is not bootstrapped.
    assert kept(agent, "terminated").flatten().tolist() == [False, True, False, True]
    # Isaac Lab leaves the key from the last reset: it says nothing about a step in which nothing ended.
    step(agent, infos={"final_obs": final})
    assert kept(agent, "next_observations", 1)[:, 0].tolist() == [1.0] * 4


def test_time_outs_without_a_last_observation_are_refused_soon() -> None:
    agent = make_agent(4)
    step(agent, terminated=flags(0, 1, 0, 1), truncated=flags(0, 0, 0, 1))
    agent.post_interaction(timestep=CHECK_EVERY - 1, timesteps=1000)  # terminations need none
    step(agent, truncated=flags(0, 1, 1, 0))
    for timestep in range(CHECK_EVERY - 1):  # the device is not waited for at every step
        agent.post_interaction(timestep=timestep, timesteps=1000)
    with pytest.raises(UsageError, match=r"2 episode\(s\) ended in time.*compute_final_obs"):
        agent.post_interaction(timestep=CHECK_EVERY - 1, timesteps=1000)


def test_values_are_right_at_both_kinds_of_ends() -> None:
    # Each step brings 1 and ends its episode: in state 1 because time is up, in state 0 for good. Resets lead to 0.
    agent = make_agent(
        32, discount_factor=0.5, learn_entropy=False, initial_entropy_value=1.0e-6, gradient_steps=10, polyak=0.1
    )
    kind = (torch.arange(32) % 2).float().unsqueeze(-1)
    obs, states = kind.expand(32, OBS).clone(), kind.expand(32, STATES).clone()
    for timestep in range(40):
        step(
            agent,
            timestep,
            observations=obs,
            states=states,
            actions=torch.rand(32, ACTIONS),
            rewards=torch.ones(32, 1),
            next_observations=torch.zeros(32, OBS),
            next_states=torch.zeros(32, STATES),
            terminated=kind == 0.0,
            truncated=kind == 1.0,
            infos={"final_obs": {"policy": obs, "critic": states}},
        )
        agent.post_interaction(timestep=timestep, timesteps=40)
    inputs = {"observations": obs, "states": states, "taken_actions": torch.full((32, ACTIONS), 0.5)}
    values = agent.critic_1.act(inputs)[0]
    assert float(values[kind == 0.0].mean()) == pytest.approx(1.0, abs=0.1)
    assert float(values[kind == 1.0].mean()) == pytest.approx(2.0, abs=0.15)  # 1 / (1 - 0.5); 1.5 from the reset


def test_numbers_that_are_not_finite_do_not_get_into_the_memory() -> None:
    agent = make_agent(4)
    rewards = torch.tensor([[1.0], [math.nan], [3.0], [4.0]])
    actions = torch.arange(4.0).unsqueeze(-1).expand(4, ACTIONS)
    final = {"policy": torch.full((4, OBS), math.inf), "critic": torch.zeros(4, STATES)}
    step(agent, rewards=rewards, actions=actions, terminated=flags(0, 0, 1, 0), infos={"final_obs": final})
    assert kept(agent, "rewards").flatten().tolist() == [1.0, 1.0, 3.0, 4.0]
    assert kept(agent, "actions")[:, 0].tolist() == [0.0, 0.0, 2.0, 3.0]
    assert kept(agent, "terminated").flatten().tolist() == [False, False, True, False]
    assert bool(torch.isfinite(kept(agent, "next_observations")).all())
    step(agent, rewards=torch.full((4, 1), math.nan))
    assert bool(torch.isfinite(kept(agent, "rewards", 1)).all())
    assert int(agent.memory.bad_rows) == 5
    with pytest.warns(UserWarning, match=r"5 transition\(s\)"):
        agent.post_interaction(timestep=CHECK_EVERY - 1, timesteps=1000)


# -- memory and settings ----------------------------------------------------------------------------


@pytest.mark.parametrize(("num_envs", "steps"), [(1, 1000), (64, 15), (4096, 1)])
def test_memory_holds_what_is_asked_for_whatever_the_number_of_environments(num_envs: int, steps: int) -> None:
    assert ReplayMemory(memory_size=1000, num_envs=num_envs, device="cpu").memory_size == steps


def test_learning_waits_for_transitions_also_after_a_resume() -> None:
    agent = make_agent(4, learning_starts=20)
    head = agent.critic_1.layers[-1].weight
    for timestep in range(500, 520):  # a resumed run goes on counting, with an empty memory
        assert float(head.detach().abs().sum()) == 0.0
        step(agent, timestep, rewards=torch.ones(4, 1))
        agent.post_interaction(timestep=timestep, timesteps=1000)
    assert float(head.detach().abs().sum()) > 0.0


def test_playing_back_never_acts_at_random() -> None:
    agent = make_agent(4, random_timesteps=100)
    asked = {"observations": torch.zeros(4, OBS), "states": None, "timestep": 0, "timesteps": 0}
    assert "mean_actions" not in agent.act(**asked)[1]
    agent.enable_training_mode(False)
    assert "mean_actions" in agent.act(**asked)[1]


def test_target_entropy_is_in_the_actions_own_unit() -> None:
    torch.manual_seed(0)
    normal = torch.distributions.Normal(0.0, 0.1)
    assert make_agent(target_std=0.1)._target_entropy == pytest.approx(ACTIONS * float(normal.entropy()))
    # -1 an action over ±1 is the entropy of Gaussians of this standard deviation; ranges of ±2 and ±1.5 widen it.
    scale = torch.log(torch.tensor([2.0, 1.5])).sum()
    assert make_agent()._target_entropy == pytest.approx(float(scale) - ACTIONS)
    assert make_agent(target_entropy=-3.0)._target_entropy == -3.0


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        ({"target_std": 0.1, "target_entropy": -1.0}, "exclude each other"),
        ({"target_std": -0.1}, "target_std"),
        ({"batch_size": 0}, "positive"),
        ({"gradient_steps": 0}, "positive"),
        ({"initial_entropy_value": 0.0}, "positive"),
    ],
)
def test_settings_out_of_range_are_refused(cfg: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_agent(**cfg)


def test_a_policy_that_is_not_squashed_is_refused() -> None:
    with pytest.raises(UsageError, match="SquashedGaussianModel"):
        SAC(models={"policy": make_models()["critic_1"]}, device="cpu", cfg={}, **spaces())


def test_settings_given_stay_as_they_are() -> None:
    cfg = SacCfg(target_std=0.1, experiment={"write_interval": 0})
    SAC(models=make_models(), device="cpu", cfg=cfg, **spaces())
    assert cfg.target_entropy is None


# -- checkpoints ------------------------------------------------------------------------------------


def fill(agent: SAC, steps: int, seed: int = 3) -> None:
    """Put random transitions into the memory."""
    generator = torch.Generator().manual_seed(seed)
    n = agent.memory.num_envs

    def random(size: int) -> torch.Tensor:
        return torch.randn(n, size, generator=generator)

    for timestep in range(steps):
        obs, states = random(OBS), random(STATES)
        step(agent, timestep, observations=obs, states=states, rewards=random(1), actions=random(ACTIONS).tanh())


def train(agent: SAC, updates: int, seed: int = 4) -> None:
    """Learn from what is in the memory."""
    torch.manual_seed(seed)
    for _ in range(updates):
        agent.update(timestep=100, timesteps=1000)


def test_all_of_it_survives_skrls_own_saving_and_loading(tmp_path: Path) -> None:
    agent = make_agent(8)
    fill(agent, 40)
    train(agent, 20)
    learnt = float(agent.log_entropy_coefficient)
    assert learnt != pytest.approx(math.log(0.01), abs=1e-3)
    agent.save(str(tmp_path / "agent.pt"))
    # Nothing in the file is executed.
    state = torch.load(tmp_path / "agent.pt", weights_only=True)
    assert float(state["log_entropy_coefficient"]["value"]) == learnt

    torch.manual_seed(99)
    resumed = make_agent(8)
    resumed.load(str(tmp_path / "agent.pt"))
    assert float(resumed.log_entropy_coefficient) == learnt
    assert float(resumed._entropy_coefficient) == pytest.approx(math.exp(learnt))
    assert resumed.log_entropy_coefficient.requires_grad
    # It goes on exactly as the first would have.
    fill(resumed, 40)
    for one in (agent, resumed):
        train(one, 5)
    for name in ("policy", "critic_1", "critic_2", "target_critic_1", "target_critic_2", "log_entropy_coefficient"):
        ours, theirs = (one.checkpoint_modules[name].state_dict() for one in (agent, resumed))
        for key in ours:
            torch.testing.assert_close(ours[key], theirs[key], atol=0.0, rtol=0.0)
    assert float(resumed.log_entropy_coefficient) != learnt


def test_policy_is_rebuilt_from_a_checkpoint_with_its_limits() -> None:
    torch.manual_seed(0)
    policy = busy_policy()
    network = {"hidden_dims": [32, 32], "activation": "relu"}
    cfg = {"models": {"policy": {"class": "gaitway.agents.sac.skrl:SquashedGaussianModel", **network}}}
    rebuilt = _build_skrl(cfg, {"policy": OBS, "critic": STATES}, ACTIONS, {"policy": policy.state_dict()})
    obs = torch.randn(16, OBS)
    torch.testing.assert_close(rebuilt(obs), policy.act({"observations": obs})[1]["mean_actions"])
    assert float(rebuilt(100.0 * obs).amax()) > 1.0


def learner_of(agent: SAC) -> SkrlLearner:
    """A learner around an agent, without an environment."""
    learner = SkrlLearner.__new__(SkrlLearner)
    learner._agent, learner._rollouts = agent, 24
    return learner


def test_a_run_keeps_and_restores_every_part(tmp_path: Path) -> None:
    agent, other = make_agent(8), make_agent(8)
    fill(agent, 40)
    train(agent, 5)
    torch.save(learner_of(agent).state(), tmp_path / "state.pt")
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    learner = learner_of(other)
    learner.restore(state, iteration=3)
    assert learner._timestep == 72
    assert float(other._entropy_coefficient) == pytest.approx(float(agent._entropy_coefficient))
    assert learner.state().keys() == state.keys() == agent.checkpoint_modules.keys()
    del state["log_entropy_coefficient"]
    with pytest.raises(UsageError, match="does not fit"):
        learner.restore(state, iteration=3)


def test_observations_for_the_export_are_those_that_were_made() -> None:
    agent = make_agent(8)
    assert learner_of(agent).observations(20).tolist() == [[0.0] * OBS] * 20
    step(agent, observations=torch.full((8, OBS), 3.0))
    assert learner_of(agent).observations(20).tolist() == [[3.0] * OBS] * 20


# -- recipes and skrl's Runner ----------------------------------------------------------------------


def fake_env(num_envs: int = 8) -> Any:
    """Just enough of a wrapped environment for skrl's Runner."""
    return SimpleNamespace(num_envs=num_envs, device="cpu", num_agents=1, close=lambda: None, **spaces())


def recipe(task: str, *overrides: str) -> dict[str, Any]:
    """A task's recipe, with no files written and little memory taken."""
    _, cfg = resolve_task_config(task, find_task(task).recipe_key("skrl_sac"), overrides=list(overrides))
    cfg["agent"]["experiment"] |= {"write_interval": 0, "checkpoint_interval": 0}
    cfg["trainer"]["close_environment_at_exit"] = False
    cfg["memory"]["memory_size"] = 1000
    return cfg


@pytest.mark.parametrize("size", ["default", "cpu", "cuda"])
@pytest.mark.parametrize("task", TASKS)
def test_runner_builds_ours_from_every_recipe(task: str, size: str) -> None:
    cfg = recipe(task, *([] if size == "default" else [f"presets={size}"]))
    assert resolve_skrl_algorithm(cfg, "SAC") == "sac"
    assert cfg["agent"]["rollouts"] > 0
    agent = Runner(fake_env(), cfg).agent
    assert type(agent) is SAC
    assert type(agent.memory) is ReplayMemory
    assert isinstance(agent.policy, SquashedGaussianModel)
    assert all(type(agent.models[role]) is QModel for role in agent.models if role != "policy")
    assert agent.policy.squashed.offset.tolist() == [1.0, 1.0]  # from the environment's limits
    assert {"observation_preprocessor", "state_preprocessor", "log_entropy_coefficient"} <= set(
        agent.checkpoint_modules
    )
    assert agent.cfg.target_std is not None
    if cfg["agent"]["rewards_shaper_scale"] != 1.0:
        scaled = agent.cfg.rewards_shaper(torch.ones(1), 0, 0)
        assert float(scaled) == pytest.approx(cfg["agent"]["rewards_shaper_scale"])  # in float32


def test_sizes_differ_and_a_recipe_is_made_anew_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # Hydra leaves a folder where it is called
    cpu, cuda = (recipe(TASKS[0], f"presets={size}") for size in ("cpu", "cuda"))
    assert cpu["agent"]["batch_size"] < cuda["agent"]["batch_size"]
    cpu["agent"]["batch_size"] = 1
    assert recipe(TASKS[0], "presets=cpu")["agent"]["batch_size"] > 1
    # "++" goes through Hydra, which takes plain values only.
    for override in ("agent.agent.batch_size=33", "++agent.agent.batch_size=33"):
        assert recipe(TASKS[0], override)["agent"]["batch_size"] == 33


def test_recipes_without_paths_go_where_they_always_went() -> None:
    runner = Runner.__new__(Runner)
    runner._env = SimpleNamespace(cfg=SimpleNamespace(compute_final_obs=False))
    runner._cfg = {"agent": {"class": "SAC"}}
    assert runner._component("sac") is SkrlSAC
    assert not runner._env.cfg.compute_final_obs
    runner._cfg = {"agent": {"class": "SAC", "class_path": "gaitway.agents.sac.skrl:SAC"}}
    assert runner._component("sac") is SAC
    assert runner._env.cfg.compute_final_obs, "ours is told how episodes ended"
    assert runner._component("sac_CFG") is SacCfg
    assert runner._component("PPO").__name__ == "PPO"
    with pytest.raises(ValueError, match="not supported"):
        runner._component("nothing")


# -- learning ---------------------------------------------------------------------------------------


def test_it_learns() -> None:
    """Bring the action to what is observed; one step an episode."""
    torch.manual_seed(0)
    agent = make_agent(64, gradient_steps=2, target_std=0.1, polyak=0.05, learning_starts=4)
    obs, states = torch.rand(64, OBS), torch.zeros(64, STATES)

    def error() -> float:
        test = torch.rand(500, OBS, generator=torch.Generator().manual_seed(7))
        mean = agent.policy.act({"observations": test})[1]["mean_actions"]
        return float((mean - test[:, :ACTIONS]).abs().mean().detach())

    assert error() > 0.4
    for timestep in range(120):
        with torch.no_grad():
            actions, _ = agent.act(obs, states, timestep=timestep, timesteps=120)
        states = torch.nn.functional.pad(obs, (0, STATES - OBS))
        reward = -(actions - obs[:, :ACTIONS]).square().sum(-1, keepdim=True)
        after = torch.rand(64, OBS)
        step(
            agent, timestep, observations=obs, states=states, actions=actions, rewards=reward,
            next_observations=after, terminated=torch.ones(64, 1, dtype=torch.bool),
            infos={"final_obs": {"policy": obs, "critic": states}},
        )  # fmt: skip
        agent.post_interaction(timestep=timestep, timesteps=120)
        obs = after
    assert error() < 0.15
