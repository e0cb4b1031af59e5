"""Potential-based shaping: what it adds to returns, that it leaves the best policies the best, and resets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from isaaclab.managers import RewardTermCfg

from gaitway import mdp
from gaitway.mdp.rewards import set_discount
from gaitway.runs.learner import discount_of


class World:
    """Environments whose state is a number each, that a test moves by hand, and shaping as a manager computes it."""

    def __init__(self, states: torch.Tensor, gamma: float, weight: float = 1.0, step_dt: float = 0.02):
        self.states = states
        self.done = SimpleNamespace(terminated=torch.zeros(len(states), dtype=torch.bool))
        self.env: Any = SimpleNamespace(
            num_envs=len(states), device="cpu", step_dt=step_dt, before_step=[], termination_manager=self.done
        )
        self.env.sim = SimpleNamespace(vis_marker_registry=SimpleNamespace(clear_debug_vis_callback=lambda term: None))
        self.params = {"potential": lambda env, scale: scale * self.states, "params": {"scale": 1.0}, "gamma": gamma}
        self.weight = weight
        self.term = mdp.PotentialShaping(
            RewardTermCfg(mdp.PotentialShaping, params=self.params, weight=weight), self.env
        )

    def step(self, states: torch.Tensor, terminated: torch.Tensor) -> torch.Tensor:
        """Go to the next states; what the manager adds to the reward."""
        for listener in self.env.before_step:
            listener()
        self.states, self.done.terminated = states, terminated
        return self.term(self.env, **self.params) * self.weight * self.env.step_dt


EPISODES = st.lists(
    st.tuples(
        st.lists(st.floats(-100.0, 100.0, width=32), min_size=2, max_size=12), st.booleans(), st.sampled_from([0, 1, 2])
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(
    episodes=EPISODES, gamma=st.floats(0.0, 1.0), weight=st.floats(-3.0, 3.0), dt=st.sampled_from([0.005, 0.02, 1.0])
)
def test_the_discounted_return_changes_by_the_potentials_at_the_ends_alone(episodes, gamma, weight, dt) -> None:
    # Three environments side by side; each runs its episodes one after the other, and rests when it has no more.
    queues: list[list] = [[episode for episode in episodes if episode[2] == i] for i in range(3)]
    world = World(torch.zeros(3), gamma, weight, dt)
    place = [0] * 3  # how far each is in its episode
    sums = [0.0] * 3
    for i, queue in enumerate(queues):
        if queue:
            world.states[i] = queue[0][0][0]
    while any(queues):
        states, terminated = world.states.clone(), torch.zeros(3, dtype=torch.bool)
        over = []
        for i, queue in enumerate(queues):
            if queue:
                values, for_good, _ = queue[0]
                place[i] += 1
                states[i] = values[place[i]]
                if place[i] == len(values) - 1:
                    over.append(i)
                    terminated[i] = for_good
        reward = world.step(states, terminated)
        for i, queue in enumerate(queues):
            if queue:
                sums[i] += gamma ** (place[i] - 1) * float(reward[i])
        for i in over:
            values, for_good, _ = queues[i].pop(0)
            last = 0.0 if for_good else gamma ** (len(values) - 1) * values[-1]
            assert sums[i] == pytest.approx(weight * (last - values[0]), abs=2e-3)
            place[i], sums[i] = 0, 0.0
            world.term.reset(torch.tensor([i]))
            if queues[i]:
                # Known only when the reset is over, as a new command is.
                world.states[i] = queues[i][0][0][0]


def test_the_sum_over_a_few_steps_telescopes_too() -> None:
    world = World(torch.tensor([2.0]), gamma=0.5)
    none = torch.tensor([False])
    rewards = [float(world.step(torch.tensor([value]), none)) for value in (4.0, -8.0, 16.0)]
    # 0.5·4 - 2, 0.5·-8 - 4, 0.5·16 + 8
    assert rewards == pytest.approx([0.0, -8.0, 16.0])
    assert sum(0.5**k * reward for k, reward in enumerate(rewards)) == pytest.approx(0.5**3 * 16.0 - 2.0)


def test_a_push_between_two_steps_counts_with_the_later_one() -> None:
    world = World(torch.tensor([2.0, 1.0]), gamma=0.5)
    first = world.step(torch.tensor([4.0, 1.0]), torch.tensor([False, True]))
    world.term.reset(torch.tensor([1]))
    world.states = torch.tensor([10.0, 6.0])
    second = world.step(torch.tensor([12.0, 6.0]), torch.tensor([False, False]))
    # 0.5·4 - 2 and 0.5·12 - 4 for the one that was pushed; -1, and anew 0.5·6 - 6 for the other.
    assert first.tolist() == pytest.approx([0.0, -1.0])
    assert second.tolist() == pytest.approx([2.0, -3.0])


def test_a_state_that_is_lost_pays_as_any_end(fake_env) -> None:
    world = World(torch.tensor([3.0, 3.0]), gamma=0.9)
    reward = world.step(torch.tensor([float("nan"), 1.0]), torch.tensor([True, False]))
    assert reward.tolist() == pytest.approx([-3.0, 0.9 - 3.0])
    world.term.reset(torch.tensor([0]))
    world.states = torch.tensor([5.0, 1.0])
    assert world.step(torch.tensor([5.0, 1.0]), torch.tensor([False, False])).tolist() == pytest.approx([-0.5, -0.1])


def test_a_reset_may_be_outside_of_inference_mode() -> None:
    world = World(torch.tensor([1.0, 2.0]), gamma=0.5)
    for _ in range(2):
        with torch.inference_mode():
            world.step(torch.tensor([1.0, 2.0]), torch.tensor([False, False]))
        world.term.reset(torch.tensor([0]))
    assert world.step(torch.tensor([3.0, 2.0]), torch.tensor([False, False])).tolist() == pytest.approx([0.5, -1.0])


def test_an_environment_that_does_not_say_when_a_step_begins_is_refused(fake_env) -> None:
    env = fake_env(joint_pos=torch.zeros(2, 1))
    del env.before_step
    with pytest.raises(TypeError, match="TaskEnv"):
        mdp.PotentialShaping(RewardTermCfg(mdp.PotentialShaping, params={"potential": len}, weight=1.0), env)


def test_the_discount_is_the_learners() -> None:
    cfg = SimpleNamespace(
        rewards=SimpleNamespace(
            help=RewardTermCfg(mdp.PotentialShaping, params={"potential": len, "params": {}, "gamma": 0.5}, weight=1.0),
            other=RewardTermCfg(mdp.joint_power, weight=1.0),
            none=None,
        )
    )
    for recipe in (
        SimpleNamespace(algorithm=SimpleNamespace(gamma=0.95)),
        {"agent": {"class": "PPO", "discount_factor": 0.95}},
    ):
        cfg.rewards.help.params["gamma"] = 0.5
        set_discount(cfg.rewards, discount_of(recipe))
        assert cfg.rewards.help.params["gamma"] == 0.95
        assert cfg.rewards.other.params == {}
    assert discount_of(SimpleNamespace(algorithm=SimpleNamespace())) is None


def test_whoever_reads_a_task_and_a_recipe_gets_the_recipes_discount(monkeypatch) -> None:
    import isaaclab_tasks.utils as utils

    from gaitway.cli.session import resolve_configs
    from gaitway.tasks import find_task

    def with_shaping(*args: Any, real: Any = utils.resolve_task_config, **words: Any) -> tuple[Any, Any]:
        env_cfg, agent_cfg = real(*args, **words)
        params = {"potential": mdp.base_height_l2, "params": {}, "gamma": 0.5}
        env_cfg.rewards.help = RewardTermCfg(mdp.PotentialShaping, params=params, weight=1.0)
        return env_cfg, agent_cfg

    monkeypatch.setattr(utils, "resolve_task_config", with_shaping)
    info = find_task("Gaitway-Reach-Franka")
    env_cfg, agent_cfg = resolve_configs(info.id, info.recipe_key("rsl_rl_sac"), ["agent.algorithm.gamma=0.91"])
    assert agent_cfg.algorithm.gamma == 0.91
    assert env_cfg.rewards.help.params["gamma"] == 0.91
    env_cfg, _ = resolve_configs(info.id, None, [])
    assert env_cfg.rewards.help.params["gamma"] == 0.5


# -- the best policy --------------------------------------------------------------------------------


def solve(transitions: np.ndarray, rewards: np.ndarray, terminal: np.ndarray, gamma: float) -> np.ndarray:
    """Values of actions by value iteration; arrays are over (state, action, next state)."""
    values = np.zeros(transitions.shape[:2])
    for _ in range(300):
        after = np.where(terminal, 0.0, values.max(axis=1))
        values = (transitions * (rewards + gamma * after)).sum(axis=-1)
    return values


def test_the_best_policies_of_small_worlds_stay_the_best() -> None:
    n, m, gamma = 7, 3, 0.9
    terminal = np.arange(n) == n - 1
    led_astray = 0
    for seed in range(5):
        rng = np.random.default_rng(seed)
        transitions = rng.dirichlet(np.full(n, 0.3), size=(n, m))
        rewards = rng.normal(size=(n, m, n))
        potential = torch.tensor(rng.normal(scale=20.0, size=n), dtype=torch.float32)
        # One environment a pair of states says what shaping adds on the way from one to the other.
        begin, end = (grid.flatten() for grid in torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij"))
        world = World(potential[begin], gamma)
        added = world.step(potential[end], torch.tensor(terminal)[end]).numpy().reshape(n, 1, n)
        plain, shaped = (solve(transitions, r, terminal, gamma) for r in (rewards, rewards + added))
        assert np.array_equal(plain.argmax(axis=1), shaped.argmax(axis=1))
        np.testing.assert_allclose(shaped, plain - potential.numpy()[:, None], atol=1e-3)
        # Pay for the potential itself, and another policy is the best.
        naive = solve(transitions, rewards + potential.numpy(), terminal, gamma)
        led_astray += not np.array_equal(plain.argmax(axis=1), naive.argmax(axis=1))
    assert led_astray >= 2


# -- in a simulation --------------------------------------------------------------------------------

GAMMA = 0.97


def nearness(env: Any, scale: float) -> torch.Tensor:
    """How near the hand is to the goal, which moves with every reset."""
    term = env.reward_manager.get_term_cfg("distance")
    return -scale * term.func(env, **term.params)


def test_in_a_simulation_returns_change_by_the_potentials_at_the_ends(open_env) -> None:
    def edit(cfg: Any) -> None:
        cfg.episode_length_s = 0.4
        cfg.rewards.help = RewardTermCfg(
            mdp.PotentialShaping,
            weight=2.0,
            params={"potential": nearness, "params": {"scale": 3.0}, "gamma": 0.5},
        )
        set_discount(cfg.rewards, GAMMA)

    with open_env("Gaitway-Reach-Position-Franka", "mujoco_cpu", 4, edit) as env, torch.inference_mode():
        base = env.unwrapped
        manager = base.reward_manager
        column = manager.active_terms.index("help")
        generator = torch.Generator().manual_seed(0)
        env.reset()
        total = torch.zeros(4)
        first = nearness(base, 3.0)
        steps = torch.zeros(4)
        last: dict[str, torch.Tensor] = {}
        original = manager.compute

        def compute(dt: float) -> torch.Tensor:
            # The state at the end of the step, which is gone when the environment has been reset.
            last["potential"] = nearness(base, 3.0)
            # Some episodes end for good.
            base.termination_manager.terminated[:] = ends
            return original(dt)

        manager.compute = compute
        counted = {"for good": 0, "time": 0}
        for step in range(60):
            ends = torch.tensor([step in (7, 30), False, step == 41, False])
            over = base.episode_length_buf + 1 >= base.max_episode_length
            ends &= ~over
            env.step(2.0 * torch.rand(env.action_space.shape, generator=generator) - 1.0)
            total += GAMMA**steps * manager._step_reward[:, column] * base.step_dt
            steps += 1
            done = over | ends
            if bool(ends.any()):
                base._reset_idx(ends.nonzero().squeeze(-1))
                base.obs_buf = base.observation_manager.compute(update_history=True)
            expected = 2.0 * (torch.where(ends, 0.0, GAMMA**steps * last["potential"]) - first)
            torch.testing.assert_close(total[done], expected[done], atol=2e-5, rtol=1e-4)
            counted["for good"] += int(ends.sum())
            counted["time"] += int(over.sum())
            first = torch.where(done, nearness(base, 3.0), first)
            total, steps = torch.where(done, 0.0, total), torch.where(done, 0.0, steps)
    assert counted["for good"] >= 2
    assert counted["time"] >= 8
