"""Parts of SAC, held against others' code and against loops written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from stable_baselines3.common.distributions import SquashedDiagGaussianDistribution

from gaitway.agents.sac import QCritic, Replay, RewardScale, SquashedGaussian, categorical_mean, project_categorical
from gaitway.errors import UsageError


def gaussian(mean: torch.Tensor, std: torch.Tensor, low: float = -1.0, high: float = 1.0) -> SquashedGaussian:
    distribution = SquashedGaussian(mean.shape[-1], action_low=low, action_high=high)
    distribution._mean, distribution._std = mean, std
    return distribution


def test_log_probability_is_stable_baselines3s() -> None:
    torch.manual_seed(0)
    mean, std = 0.5 * torch.randn(64, 5), 0.1 + 0.3 * torch.rand(64, 5)
    theirs = SquashedDiagGaussianDistribution(5).proba_distribution(mean, std.log())
    ours = gaussian(mean, std)
    actions, log_prob = ours.rsample()
    # Theirs adds 1e-6 inside the logarithm, which shows in the sixth digit where an action is near its limit.
    expected = theirs.log_prob(actions, gaussian_actions=torch.atanh(actions.double()).float())
    torch.testing.assert_close(log_prob, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours.log_prob(actions), expected, atol=1e-5, rtol=1e-5)


def test_log_probability_counts_the_range_of_each_action() -> None:
    torch.manual_seed(0)
    mean, std = torch.randn(32, 3, dtype=torch.float64), 0.2 + torch.rand(32, 3, dtype=torch.float64)
    low, high = torch.tensor([-1.0, -4.0, 0.5]), torch.tensor([1.0, 10.0, 0.75])
    ours = SquashedGaussian(3, action_low=low, action_high=high).double()
    ours._mean, ours._std = mean, std
    transforms = torch.distributions.transforms
    theirs = torch.distributions.TransformedDistribution(
        torch.distributions.Normal(mean, std),
        [transforms.TanhTransform(), transforms.AffineTransform((high + low).double() / 2, (high - low).double() / 2)],
    )
    actions, log_prob = ours.rsample()
    assert ((actions >= low) & (actions <= high)).all()
    torch.testing.assert_close(log_prob, theirs.log_prob(actions).sum(-1), atol=1e-6, rtol=1e-6)


def test_density_far_out_is_finite_and_has_finite_gradients() -> None:
    mean = torch.tensor([[30.0, -30.0]], requires_grad=True)
    _, log_prob = gaussian(mean, torch.full((1, 2), 0.1)).rsample()
    (gradient,) = torch.autograd.grad(log_prob.sum(), mean)
    # log π = log N - log(1 - tanh² u), whose slope is 2 sign(u) far out
    torch.testing.assert_close(gradient, torch.tensor([[2.0, -2.0]]))


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (-4.9, 2.65), (-10.8, 9.0)])
def test_an_untrained_policy_stands_still_and_explores_as_told(low: float, high: float) -> None:
    torch.manual_seed(0)
    distribution = SquashedGaussian(2, init_std=0.2, std_range=(0.01, 2.0), action_low=low, action_high=high)
    distribution.update(torch.zeros(20_000, 2, 2))
    actions = distribution.sample()
    torch.testing.assert_close(distribution.mean[0], torch.zeros(2), atol=1e-5, rtol=0.0)
    torch.testing.assert_close(actions.std(0), torch.full((2,), 0.2), atol=0.01, rtol=0.0)
    torch.testing.assert_close(distribution.std[0], torch.full((2,), 0.2))
    edges = torch.tensor([-100.0, 100.0]).view(2, 1, 1).expand(2, 1, 2)
    for head, std in zip(edges, (0.01, 2.0), strict=True):
        distribution.update(torch.stack((torch.zeros(1, 2), head), dim=-2))
        torch.testing.assert_close(distribution.std[0], torch.full((2,), std))


def test_unbounded_actions_are_refused() -> None:
    with pytest.raises(ValueError, match="finite ranges"):
        SquashedGaussian(2, action_low=-math.inf, action_high=math.inf)
    with pytest.raises(ValueError, match="std_range"):
        SquashedGaussian(2, init_std=3.0, std_range=(0.1, 2.0))


def brute_force_projection(probs: np.ndarray, shift: float, discount: float, support: np.ndarray) -> np.ndarray:
    out = np.zeros_like(probs)
    step = support[1] - support[0]
    for p, z in zip(probs, support, strict=True):
        place = (np.clip(shift + discount * z, support[0], support[-1]) - support[0]) / step
        below, above = math.floor(place), math.ceil(place)
        if below == above:
            out[below] += p
        else:
            out[below] += p * (above - place)
            out[above] += p * (place - below)
    return out


@settings(max_examples=100, deadline=None)
@given(
    raw=hnp.arrays(np.float64, (3, 11), elements=st.floats(0.0, 1.0)),
    shift=hnp.arrays(np.float64, 3, elements=st.floats(-15.0, 15.0) | st.integers(-12, 12).map(float)),
    discount=hnp.arrays(np.float64, 3, elements=st.sampled_from([0.0, 0.5, 0.97, 1.0])),
)
def test_projection_is_the_loop_and_keeps_mass_and_mean(
    raw: np.ndarray, shift: np.ndarray, discount: np.ndarray
) -> None:
    probs = (raw + 1e-3) / (raw + 1e-3).sum(-1, keepdims=True)
    support = np.linspace(-10.0, 10.0, 11)
    args = [torch.from_numpy(x) for x in (probs, shift, discount, support)]
    out = project_categorical(*args)
    expected = [brute_force_projection(*row, support) for row in zip(probs, shift, discount, strict=True)]
    np.testing.assert_allclose(out.numpy(), np.array(expected), atol=1e-12)
    np.testing.assert_allclose(out.sum(-1).numpy(), 1.0, atol=1e-12)
    moved = np.clip(shift[:, None] + discount[:, None] * support, -10.0, 10.0)
    np.testing.assert_allclose(out.numpy() @ support, (probs * moved).sum(-1), atol=1e-9)


def test_projection_of_several_critics_at_once() -> None:
    probs = torch.softmax(torch.randn(2, 5, 7), dim=-1)
    shift, discount, support = torch.randn(5), torch.rand(5), torch.linspace(-3.0, 3.0, 7)
    both = project_categorical(probs, shift, discount, support)
    for i in range(2):
        torch.testing.assert_close(both[i], project_categorical(probs[i], shift, discount, support))


def test_mean_of_logits() -> None:
    logits = torch.log(torch.tensor([[0.25, 0.5, 0.25], [0.0, 0.1, 0.9]]))
    torch.testing.assert_close(categorical_mean(logits, torch.tensor([-2.0, 0.0, 4.0])), torch.tensor([0.5, 3.6]))


def test_means_are_not_rounded_by_autocast() -> None:
    torch.manual_seed(0)
    logits, support = torch.randn(8, 101), torch.linspace(-10.0, 10.0, 101)
    exact = categorical_mean(logits, support)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(categorical_mean(logits, support), exact)


def test_critics_are_those_of_separate_networks() -> None:
    torch.manual_seed(0)
    obs = {"policy": torch.randn(6, 4)}
    critic = QCritic(obs, {"critic": ["policy"]}, "critic", 2, [8, 8], obs_normalization=False, layer_norm=True)
    torch.nn.init.normal_(critic.layers[-1].weight)
    actions = torch.randn(6, 2)
    together = critic(critic.latent(obs), actions)
    for i in range(2):
        x = torch.cat((obs["policy"], actions), dim=-1)
        for layer in critic.layers:
            if hasattr(layer, "weight") and layer.weight is not None:
                x = x @ layer.weight[i] + layer.bias[i]
            else:
                x = layer(x)
        torch.testing.assert_close(together[i], x)
    assert not torch.allclose(together[0], together[1])


def filled_replay(steps: int, slots: int, n_step: int, rng: np.random.Generator, num_envs: int = 2) -> tuple:
    """A ring after some steps, and all that went into it. Observations are the number of the step, +0.5 at an end."""
    example = {"policy": torch.zeros(num_envs, 1)}
    replay = Replay(slots * num_envs, num_envs, example, 1, "cpu", n_step, gamma=0.9)
    log = []
    for t in range(steps):
        done = rng.random(num_envs) < 0.3
        terminated = done & (rng.random(num_envs) < 0.5)
        rewards = rng.normal(size=num_envs)
        after = t + 1 - 0.5 * done
        cut = bool(rng.random() < 0.1)
        replay.add(
            {"policy": torch.full((num_envs, 1), float(t))},
            torch.full((num_envs, 1), float(t)),
            torch.tensor(rewards),
            {"policy": torch.tensor(after, dtype=torch.float32).unsqueeze(-1)},
            torch.tensor(terminated),
            torch.tensor(done),
        )
        if cut:
            replay.cut()
        log.append((rewards, done | cut, terminated, after))
    return replay, log


@settings(max_examples=150, deadline=None)
@given(
    steps=st.integers(1, 25),
    slots=st.integers(6, 9),
    n_step=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_returns_of_several_steps_are_the_loop(steps: int, slots: int, n_step: int, seed: int) -> None:
    replay, log = filled_replay(steps, slots, n_step, np.random.default_rng(seed))
    held = min(steps, slots)
    for env in range(2):
        batch = replay.gather(torch.arange(held), torch.full((held,), env))
        for age in range(held):
            start = steps - held + age
            total, t = 0.0, start
            while True:
                rewards, ended, terminated, after = (column[env] for column in log[t])
                total += 0.9 ** (t - start) * rewards
                if ended or t - start + 1 == n_step or t + 1 == steps:
                    break
                t += 1
            assert batch.obs["policy"][age, 0] == batch.actions[age, 0] == start
            assert batch.rewards[age].item() == pytest.approx(total, abs=1e-5)
            assert batch.next_obs["policy"][age, 0].item() == pytest.approx(after)
            expected = 0.0 if terminated else 0.9 ** (t - start + 1)
            assert batch.discount[age].item() == pytest.approx(expected, abs=1e-6)


def test_all_transitions_are_drawn_alike() -> None:
    replay, _ = filled_replay(13, 6, 3, np.random.default_rng(0))
    torch.manual_seed(0)
    starts = replay.sample(12_000).obs["policy"][:, 0]
    values, counts = starts.unique(return_counts=True)
    assert values.tolist() == [7.0, 8.0, 9.0, 10.0, 11.0, 12.0]
    assert (counts - 2000).abs().max() < 200


def test_replay_says_what_it_takes_and_what_would_fit(monkeypatch) -> None:
    obs = {"policy": torch.zeros(4, 10), "critic": torch.zeros(4, 20)}
    replay = Replay(1003, 4, obs, 3, "cpu", 1, 0.9)
    says = replay.allocate()
    # 4 bytes for each of 2 x 30 observations, 3 actions and a reward; a byte for each of two flags
    assert replay.num_bytes == 1000 * (4 * 64 + 2) == sum(t.nbytes for t in replay._tensors().values())
    assert "1,000 transitions (250 steps of 4 environments) of 258 bytes" in says
    monkeypatch.setattr("gaitway.agents.sac.replay._free_bytes", lambda device: 258 * 1000)
    with pytest.raises(UsageError, match=r"; 900 transitions would fit"):
        Replay(2000, 4, obs, 3, "cpu", 1, 0.9).allocate()
    with pytest.raises(UsageError, match="at least 24"):
        Replay(16, 4, obs, 3, "cpu", 5, 0.9)


def test_replay_goes_on_from_a_checkpoint() -> None:
    rng = np.random.default_rng(1)
    replay, _ = filled_replay(11, 6, 3, rng)
    other, _ = filled_replay(2, 6, 3, rng)
    other.load_state_dict(replay.state_dict())
    ages, envs = torch.arange(6), torch.ones(6, dtype=torch.long)
    a, b = replay.gather(ages, envs), other.gather(ages, envs)
    assert torch.equal(a.rewards, b.rewards)
    assert torch.equal(a.next_obs["policy"], b.next_obs["policy"])
    smaller, _ = filled_replay(2, 7, 3, rng)
    with pytest.raises(UsageError, match="another size"):
        smaller.load_state_dict(replay.state_dict())


def test_what_lies_beyond_an_end_does_not_leak_back() -> None:
    replay = Replay(8, 1, {"policy": torch.zeros(1, 1)}, 1, "cpu", 3, 0.9)
    obs = {"policy": torch.zeros(1, 1)}
    for reward, done in ((1.0, False), (2.0, True), (float("nan"), False)):
        done = torch.tensor([done])
        replay.add(obs, torch.zeros(1, 1), torch.tensor([reward]), obs, torch.zeros_like(done), done)
    batch = replay.gather(torch.arange(3), torch.zeros(3, dtype=torch.long))
    torch.testing.assert_close(batch.rewards[:2], torch.tensor([1.0 + 0.9 * 2.0, 2.0]))


def test_one_outlier_does_not_set_the_scale() -> None:
    torch.manual_seed(0)
    scale, same = RewardScale(64, gamma=0.9), RewardScale(64, gamma=0.9)
    for step in range(400):
        rewards, dones = torch.randn(64), torch.rand(64) < 0.05
        same.update(rewards, dones)
        if step == 100:
            rewards = rewards.clone()
            rewards[0] = -1e25
        if step == 101:
            rewards[1] = float("nan")
        scale.update(rewards, dones)
    assert scale.factor.item() == pytest.approx(same.factor.item(), rel=0.2)


def test_rewards_are_divided_by_the_spread_of_returns() -> None:
    scale = RewardScale(2, gamma=0.5)
    assert scale.factor == 1.0
    returns = []
    now = np.zeros(2)
    for rewards, dones in (([1.0, 2.0], [0, 1]), ([3.0, -1.0], [0, 0]), ([0.5, 0.0], [1, 0])):
        scale.update(torch.tensor(rewards), torch.tensor(dones))
        now = 0.5 * now + np.array(rewards)
        returns.append(now)
        now = now * (1 - np.array(dones))
    assert scale.factor.item() == pytest.approx(1.0 / np.std(returns), rel=1e-5)
    bounded = RewardScale(1, gamma=0.0, max_return=2.0)
    bounded.update(torch.tensor([8.0]), torch.tensor([0]))
    assert bounded.factor.item() == pytest.approx(0.25)
