"""SAC as a whole: against stable-baselines3's, on problems with known answers, and when things go wrong."""

from __future__ import annotations

import copy
import io
import math
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
import torch
from tensordict import TensorDict
from torch.utils._python_dispatch import TorchDispatchMode

from gaitway.agents.sac.env_contract import action_range, request_final_obs
from gaitway.agents.sac.replay import Batch
from gaitway.errors import UsageError

OBS, ACTIONS, ROWS = 5, 2, 32


class _Box(gym.Env):
    observation_space = gym.spaces.Box(-np.inf, np.inf, (OBS,), dtype=np.float32)
    action_space = gym.spaces.Box(-1.0, 1.0, (ACTIONS,), dtype=np.float32)


@pytest.fixture
def both(make_sac, monkeypatch):
    """Ours and stable-baselines3's with the same weights, the same batch and the same noise."""
    import stable_baselines3
    from stable_baselines3.common.logger import Logger
    from stable_baselines3.common.type_aliases import ReplayBufferSamples

    torch.manual_seed(0)
    theirs = stable_baselines3.SAC(
        "MlpPolicy", _Box(), learning_rate=1e-3, batch_size=ROWS, tau=0.05, gamma=0.9, ent_coef="auto_0.2",
        policy_kwargs={"net_arch": [16, 16]}, device="cpu", seed=0,
    )  # fmt: skip
    theirs.set_logger(Logger(None, []))
    ours = make_sac(
        num_obs=OBS, num_actions=ACTIONS, obs_groups={"actor": ["policy"], "critic": ["policy"]},
        obs_normalization=False, critic={"obs_normalization": False, "layer_norm": False},
        distribution={"init_std": 0.4, "std_range": (0.01, 2.0)},
        batch_size=ROWS, tau=0.05, gamma=0.9, init_temperature=0.2, target_entropy=-float(ACTIONS),
        actor_learning_rate=1e-3, critic_learning_rate=1e-3, temperature_learning_rate=1e-3,
    )  # fmt: skip
    with torch.no_grad():
        actor = theirs.actor
        torch.nn.init.zeros_(actor.log_std.weight)
        actor.log_std.bias.fill_(math.log(0.4))
        for mine, other in zip(
            (ours.actor.mlp[0], ours.actor.mlp[2]), (actor.latent_pi[0], actor.latent_pi[2]), strict=True
        ):
            mine.weight.copy_(other.weight)
            mine.bias.copy_(other.bias)
        head = ours.actor.mlp[4]
        head.weight[:ACTIONS].copy_(actor.mu.weight)
        head.bias[:ACTIONS].copy_(actor.mu.bias)
        for critic, networks in (
            (ours.critic, theirs.critic.q_networks),
            (ours.target_critic, theirs.critic_target.q_networks),
        ):
            for mine, layer in zip(critic.layers[::2], (0, 2, 4), strict=True):
                for i, network in enumerate(networks):
                    mine.weight[i].copy_(network[layer].weight.T)
                    mine.bias[i, 0].copy_(network[layer].bias)
    obs, next_obs = torch.randn(2, ROWS, OBS)
    actions, rewards = torch.rand(ROWS, ACTIONS) * 1.8 - 0.9, torch.randn(ROWS)
    dones = (torch.rand(ROWS) < 0.3).float()
    noise = torch.randn(ROWS, ACTIONS)
    theirs.replay_buffer = SimpleNamespace(
        sample=lambda *_, **__: ReplayBufferSamples(obs, actions, next_obs, dones[:, None], rewards[:, None])
    )
    ours.storage.sample = lambda size: Batch(
        {"policy": obs}, actions, rewards, 0.9 * (1.0 - dones), {"policy": next_obs}
    )
    monkeypatch.setattr(torch, "randn_like", lambda like: noise)
    monkeypatch.setattr("torch.distributions.normal._standard_normal", lambda *_, **__: noise)
    return ours, theirs


def test_losses_and_steps_are_stable_baselines3s(both) -> None:
    ours, theirs = both
    log = ours._update_once()
    theirs.train(gradient_steps=1, batch_size=ROWS)
    said = theirs.logger.name_to_value
    assert log["critic"].item() == pytest.approx(said["train/critic_loss"], abs=1e-5)
    assert log["actor"].item() == pytest.approx(said["train/actor_loss"], abs=1e-5)
    for mine, i, layer in ((m, i, k) for m, k in zip(ours.critic.layers[::2], (0, 2, 4), strict=True) for i in (0, 1)):
        network = theirs.critic.q_networks[i]
        torch.testing.assert_close(mine.weight[i], network[layer].weight.T, atol=1e-5, rtol=0.0)
    for mine, i, layer in (
        (m, i, k) for m, k in zip(ours.target_critic.layers[::2], (0, 2, 4), strict=True) for i in (0, 1)
    ):
        network = theirs.critic_target.q_networks[i]
        torch.testing.assert_close(mine.weight[i], network[layer].weight.T, atol=1e-5, rtol=0.0)
    torch.testing.assert_close(ours.actor.mlp[4].weight[:ACTIONS], theirs.actor.mu.weight, atol=1e-5, rtol=0.0)
    torch.testing.assert_close(ours.log_temperature, theirs.log_ent_coef[0], atol=1e-5, rtol=0.0)


def test_the_environment_is_gymnasiums(pendulum) -> None:
    ours, theirs = pendulum.Pendulum(1, 0), gym.make("Pendulum-v1")
    theirs.reset(seed=0)
    theirs.unwrapped.state = np.array([ours.angle.item(), ours.speed.item()])
    rng = np.random.default_rng(0)
    for step in range(200):
        action = rng.uniform(-2.5, 2.5, 1).astype(np.float32)
        _, reward, done, extras = ours.step(torch.from_numpy(action)[None])
        obs, expected, _, truncated, _ = theirs.step(action)
        np.testing.assert_allclose(extras["final_obs"]["policy"][0], obs, atol=2e-3)
        assert reward.item() == pytest.approx(expected, abs=2e-2)
        assert bool(done) == truncated == (step == 199)


@pytest.mark.parametrize("num_atoms", [1, 101])
def test_it_swings_the_pendulum_up(pendulum, num_atoms: int) -> None:
    runner = pendulum.make_runner(0, num_atoms=num_atoms, updates_per_step=12.0)
    runner.learn(40)
    # A policy that does not act has -1,200; benchmarks/pendulum.py goes on to -150.
    assert pendulum.mean_return(runner) > -500.0


class Corridor:
    """Two states. From the first one step leads to the second, which gives 1 a step for ever; time ends episodes."""

    def __init__(self, num_envs: int, final_obs_is_true: bool):
        self.num_envs, self.num_actions = num_envs, 1
        self.single_action_space = gym.spaces.Box(-1.0, 1.0, (1,), dtype=np.float32)
        self.true = final_obs_is_true
        self.state = torch.zeros(num_envs)
        self.time = torch.arange(num_envs) % 3
        self.obs = self.observe(self.state)

    def observe(self, state: torch.Tensor) -> TensorDict:
        obs = torch.nn.functional.one_hot(state.long(), 2).float()
        return TensorDict({"policy": obs}, batch_size=[self.num_envs])

    def step(self, sac) -> None:
        sac.act(self.observe(self.state))
        rewards = self.state.clone()
        after = torch.ones_like(self.state)
        self.time = self.time + 1
        time_outs = self.time >= 3
        self.time = torch.where(time_outs, 0, self.time)
        self.state = torch.where(time_outs, 0.0, after)
        final = self.observe(after if self.true else self.state)
        extras = {"time_outs": time_outs, "final_obs": final}
        sac.process_env_step(self.observe(self.state), rewards, time_outs.long(), extras)


@pytest.mark.parametrize("n_step", [1, 3])
@pytest.mark.parametrize("num_atoms", [1, 51])
def test_time_outs_do_not_end_the_value(make_sac, n_step: int, num_atoms: int) -> None:
    def learned(final_obs_is_true: bool) -> tuple[float, float]:
        torch.manual_seed(0)
        env = Corridor(16, final_obs_is_true)
        sac = make_sac(
            env=env, obs_groups={"actor": ["policy"], "critic": ["policy"]}, obs_normalization=False,
            critic={"obs_normalization": False, "num_atoms": num_atoms, "value_range": (-1.0, 5.0)},
            gamma=0.5, n_step=n_step, tau=0.1, batch_size=128, critic_learning_rate=5e-3, learn_temperature=False,
            init_temperature=1e-6, replay_capacity=16 * 60,
        )  # fmt: skip
        with torch.inference_mode():
            for _ in range(60):
                env.step(sac)
        for _ in range(250):
            sac._update_once()
        obs = TensorDict({"policy": torch.eye(2)}, batch_size=[2])
        with torch.no_grad():
            values = sac.critic.value(sac.critic(sac.critic.latent(obs), torch.zeros(2, 1))).mean(dim=0)
        return tuple(values.tolist())

    # 1 + γ + γ² ... = 2, and γ times that a step before
    assert learned(final_obs_is_true=True) == pytest.approx((1.0, 2.0), abs=0.1)
    # Taken from the next episode's beginning instead, the value of a time-out is too low.
    assert learned(final_obs_is_true=False)[1] < 1.8


def weights(sac) -> list[torch.Tensor]:
    return [p.detach().clone() for p in [*sac.actor.parameters(), *sac.critic.parameters(), sac.log_temperature]]


@pytest.mark.parametrize("field", ["obs.policy", "next_obs.critic", "rewards", "actions"])
def test_nan_in_a_batch_is_left_out_named_and_counted(make_sac, feed, field: str) -> None:
    torch.manual_seed(0)
    sac = make_sac()
    feed(sac, 20)
    kind, _, group = field.partition(".")
    tensor = (
        {"obs": sac.storage._obs, "next_obs": sac.storage._next_obs}[kind][group]
        if group
        else getattr(sac.storage, f"_{kind}")
    )
    sac.storage._done.zero_()
    sac.storage._terminated.zero_()
    tensor[3:9] = float("nan")
    tensor[12] = float("inf")
    with pytest.warns(UserWarning, match=rf"{field} \("):
        log = sac.update()
    assert log["bad_rows"] > 0
    assert log["bad_updates"] == 0
    assert all(torch.isfinite(w).all() for w in weights(sac))
    before = log["bad_rows"]
    assert sac.update()["bad_rows"] > before


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e30])
def test_an_observation_that_is_not_finite_stays_out_of_the_statistics(make_sac, feed, bad: float) -> None:
    torch.manual_seed(0)
    sac = make_sac(num_envs=4)
    feed(sac, 20)
    obs = TensorDict({"policy": torch.zeros(4, 5), "critic": torch.zeros(4, 6)}, batch_size=[4])
    obs["policy"][2] = bad
    with torch.inference_mode():
        sac.act(obs)
        sac.process_env_step(obs, torch.zeros(4), torch.zeros(4, dtype=torch.long), {})
        actions = sac.act(obs)
    assert actions[[0, 1, 3]].isfinite().all()
    assert sac.actor.obs_normalizer._var.max() < 10.0
    before = weights(sac)
    sac.update()
    assert all(torch.isfinite(w).all() for w in weights(sac))
    assert not all(torch.equal(a, b) for a, b in zip(before, weights(sac), strict=True))
    # Statistics learned while collecting can be loaded over.
    sac.load(copy.deepcopy(sac.save()), None, strict=True)


def test_learning_gives_up_when_nothing_finite_comes(make_sac, feed) -> None:
    sac = make_sac()
    feed(sac, 20)
    sac.storage._rewards.fill_(1e38)
    with pytest.warns(UserWarning, match="gradients"):
        sac.update()
    for _ in range(8):
        sac.update()
    with pytest.raises(UsageError, match="last 10 rounds"):
        sac.update()


def test_learning_goes_on_when_some_updates_are_skipped(make_sac, feed) -> None:
    torch.manual_seed(0)
    sac = make_sac(updates_per_step=4.0)
    feed(sac, 20)
    critic, calls = sac._critic_loss, iter(range(10**6))

    def sometimes(*args):
        loss, log = critic(*args)
        return (loss * math.nan, log | {"critic": loss.detach() * math.nan}) if next(calls) % 8 == 0 else (loss, log)

    sac._critic_loss = sometimes
    with pytest.warns(UserWarning, match="gradients"):
        sac.update()
    for _ in range(12):
        log = sac.update()
    assert log["bad_updates"] == 13
    assert math.isfinite(log["critic"])


def test_bfloat16_learns_the_same_within_its_rounding(make_sac, feed) -> None:
    for num_atoms in (1, 11):
        logs = []
        for precision in ("float32", "bfloat16"):
            torch.manual_seed(0)
            sac = make_sac(precision=precision, critic={"num_atoms": num_atoms})
            feed(sac, 20)
            torch.manual_seed(1)
            logs.append(sac._update_once())
            assert all(p.dtype == torch.float32 for p in sac.critic.parameters())
        assert logs[0]["critic"].item() == pytest.approx(logs[1]["critic"].item(), rel=0.02)
        assert logs[1]["critic"].dtype == logs[1]["actor"].dtype == torch.float32


def test_what_follows_a_termination_may_be_nan(make_sac, feed) -> None:
    sac = make_sac()
    feed(sac, 20)
    sac.storage._next_obs["critic"][sac.storage._terminated] = float("nan")
    assert sac.update()["bad_rows"] == 0


def test_gradients_that_are_not_finite_change_nothing(make_sac, feed) -> None:
    torch.manual_seed(0)
    sac = make_sac(critic={"layer_norm": False})
    feed(sac, 20)
    sac.update()
    before = weights(sac), copy.deepcopy(sac.critic_optimizer.state_dict()["state"][0]["exp_avg"])
    sac.storage._rewards.fill_(1e38)
    with pytest.warns(UserWarning, match="gradients"):
        assert sac.update()["bad_updates"] > 0
    after = weights(sac)
    critic = slice(len(list(sac.actor.parameters())), -1)
    for a, b in zip(before[0][critic], after[critic], strict=True):
        assert torch.equal(a, b)
    assert torch.equal(before[1], sac.critic_optimizer.state_dict()["state"][0]["exp_avg"])


class _Syncs(TorchDispatchMode):
    """Counts what would make a GPU wait: numbers read back, and results whose size depends on values."""

    NAMES = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "item", "is_nonzero", "equal")

    def __init__(self):
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in self.NAMES:
            self.seen.append(name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("num_atoms", [1, 11])
def test_an_update_waits_for_nothing(make_sac, feed, num_atoms: int) -> None:
    sac = make_sac(n_step=3, max_grad_norm=1.0, normalize_rewards=True, critic={"num_atoms": num_atoms})
    feed(sac, 20)
    sac.update()
    with _Syncs() as syncs:
        for _ in range(3):
            sac._update_once()
        feed(sac, 3)
    assert syncs.seen == []
    with _Syncs() as syncs:
        torch.ones(2).sum().item()
    assert syncs.seen == ["_local_scalar_dense"]


def test_a_resumed_run_goes_on_exactly(make_sac, feed) -> None:
    def make():
        return make_sac(n_step=2, normalize_rewards=True, save_replay=True, updates_per_step=1.7, policy_delay=2)

    torch.manual_seed(3)
    first = make()
    feed(first, 20)
    for _ in range(3):
        first.update()
    file = io.BytesIO()
    torch.save(first.save(), file)
    file.seek(0)
    torch.manual_seed(99)
    second = make()
    # Nothing in a checkpoint is executed.
    assert second.load(torch.load(file, weights_only=True), None, strict=True)
    second.train_mode()
    assert second.updates == first.updates
    assert second.env_steps == first.env_steps
    start = torch.get_rng_state()
    results = []
    for sac in (first, second):
        torch.set_rng_state(start)
        feed(sac, 5, seed=1)
        log = sac.update()
        results.append((weights(sac), log))
    assert results[0][1] == results[1][1]
    for a, b in zip(results[0][0], results[1][0], strict=True):
        assert torch.equal(a, b)


def test_a_checkpoint_restores_the_random_numbers(make_sac, feed) -> None:
    sac = make_sac(save_replay=True)
    feed(sac, 10)
    state = copy.deepcopy(sac.save())
    sac.update()
    expected = weights(sac)
    again = make_sac(save_replay=True)
    again.load(state, None, strict=True)
    again.train_mode()
    again.update()
    for a, b in zip(expected, weights(again), strict=True):
        assert torch.equal(a, b)


def test_export_gives_the_policy_with_its_statistics(pendulum, tmp_path) -> None:
    import onnxruntime

    runner = pendulum.make_runner(0)
    runner.learn(8)
    runner.export_policy_to_jit(str(tmp_path))
    runner.export_policy_to_onnx(str(tmp_path))
    obs = runner.env.get_observations()
    with torch.inference_mode():
        expected = runner.get_inference_policy()(obs)
        scripted = torch.jit.load(tmp_path / "policy.pt")(obs["policy"])
    session = onnxruntime.InferenceSession(tmp_path / "policy.onnx")
    actions = [session.run(None, {"obs": row[None].numpy()})[0] for row in obs["policy"]]
    torch.testing.assert_close(scripted, expected, atol=1e-6, rtol=0.0)
    np.testing.assert_allclose(np.concatenate(actions), expected, atol=1e-5)
    assert expected.abs().max() <= 2.0


def test_half_of_a_batch_is_mirrored(make_sac, feed) -> None:
    sac = make_sac(batch_size=8, symmetry_cfg={"use_data_augmentation": True, "data_augmentation_func": flip})
    feed(sac, 20)
    seen = []
    critic = sac._critic_loss

    def record(latent, actions, *rest):
        seen.append((latent, actions, rest[0]))
        return critic(latent, actions, *rest)

    sac._critic_loss = record
    sac._update_once()
    latent, actions, rewards = seen[0]
    assert len(actions) == 8
    torch.testing.assert_close(actions[4:], -actions[:4])
    torch.testing.assert_close(rewards[4:], rewards[:4])
    mean = sac.critic.obs_normalizer._mean / (sac.critic.obs_normalizer._std + 1e-2)
    torch.testing.assert_close(latent[4:] + mean, -(latent[:4] + mean), atol=1e-5, rtol=1e-5)


def test_mirrors_may_make_more_than_one_copy(make_sac, feed) -> None:
    symmetry = {"use_data_augmentation": True, "data_augmentation_func": four}
    sac = make_sac(batch_size=18, symmetry_cfg=symmetry)
    feed(sac, 20)
    batch, weight = sac._draw()
    assert len(batch.actions) == len(batch.rewards) == len(weight) == 16
    torch.testing.assert_close(batch.rewards, batch.rewards[:4].repeat(4))
    with pytest.raises(UsageError, match="at least 4"):
        make_sac(batch_size=3, symmetry_cfg=symmetry).train_mode()


def four(env, obs, actions):
    return torch.cat([obs] * 4), None if actions is None else torch.cat([actions] * 4)


def flip(env, obs, actions):
    both = None if actions is None else torch.cat((actions, -actions))
    return torch.cat((obs, obs.apply(torch.neg))), both


def test_compiled_losses_are_the_same(make_sac, feed, monkeypatch) -> None:
    # The whole of the compiler but its last stage, which makes machine code and takes minutes.
    compiler = torch.compile
    monkeypatch.setattr(torch, "compile", lambda f, mode: compiler(f, backend="aot_eager", fullgraph=True))
    results = []
    for mode in (None, "default"):
        torch.manual_seed(0)
        sac = make_sac(torch_compile_mode=mode)
        feed(sac, 20)
        torch.manual_seed(1)
        results.append(sac.update())
    assert results[0] == pytest.approx(results[1], rel=1e-4, abs=1e-6)


def test_time_outs_without_their_observations_are_refused(make_sac) -> None:
    sac = make_sac(num_envs=2)
    obs = TensorDict({"policy": torch.zeros(2, 5), "critic": torch.zeros(2, 6)}, batch_size=[2])
    sac.act(obs)
    sac.process_env_step(obs, torch.zeros(2), torch.tensor([1, 1]), {"time_outs": torch.tensor([True, False])})
    with pytest.raises(UsageError, match=r"1 episode\(s\) ended in time.*compute_final_obs"):
        sac.update()


def test_a_fall_in_the_last_step_is_a_fall(make_sac) -> None:
    sac = make_sac(num_envs=2)
    obs = TensorDict({"policy": torch.zeros(2, 5), "critic": torch.zeros(2, 6)}, batch_size=[2])
    sac.act(obs)
    ends = {"time_outs": torch.tensor([True, True]), "terminated": torch.tensor([True, False]), "final_obs": obs}
    sac.process_env_step(obs, torch.zeros(2), torch.tensor([1, 1]), ends)
    assert sac.storage._terminated[0].tolist() == [True, False]


def test_ranges_come_from_the_environment_or_the_recipe() -> None:
    env = SimpleNamespace(single_action_space=gym.spaces.Box(np.float32([-1, -2]), np.float32([3, 4])))
    low, high = action_range(env, None, 2)
    assert (low.tolist(), high.tolist()) == ([-1, -2], [3, 4])
    low, high = action_range(env, [5.0, 6.0], 2)
    assert (low.tolist(), high.tolist()) == ([-5, -6], [5, 6])
    env.single_action_space = gym.spaces.Box(-np.inf, np.inf, (2,))
    with pytest.raises(UsageError, match=r"action\(s\) \[0, 1\].*action_limits"):
        action_range(env, None, 2)
    with pytest.warns(UserWarning, match="±100"):
        action_range(env, 100.0, 2)


def test_terms_with_a_memory_are_refused_by_name() -> None:
    from isaaclab.managers import ObservationTermCfg
    from isaaclab.utils import modifiers

    def env(**settings):
        terms = [ObservationTermCfg(func=flip), ObservationTermCfg(func=flip, **settings)]
        manager = SimpleNamespace(active_terms={"policy": ["joint_pos", "imu"]}, _group_obs_term_cfgs={"policy": terms})
        return SimpleNamespace(cfg=SimpleNamespace(compute_final_obs=False), observation_manager=manager)

    plain = env(modifiers=[modifiers.ModifierCfg(func=modifiers.scale, params={"multiplier": 2.0})])
    request_final_obs(plain)
    assert plain.cfg.compute_final_obs
    with pytest.raises(UsageError, match="'imu' of group 'policy' has a history of 3"):
        request_final_obs(env(history_length=3))
    with pytest.raises(UsageError, match="'imu' of group 'policy' has a delay of up to 2"):
        request_final_obs(env(delay_max_lag=2))
    # An environment that gets these right says so.
    for remembered in (env(history_length=3), env(delay_max_lag=2)):
        remembered.final_obs_remembers = True
        request_final_obs(remembered)
    with pytest.raises(UsageError, match="'imu' of group 'policy' has the modifier Integrator"):
        request_final_obs(env(modifiers=[modifiers.IntegratorCfg(dt=0.1)]))


def test_ratios_that_are_known_to_fail_draw_a_warning(make_sac) -> None:
    with pytest.warns(UserWarning, match="drawn only 0.25 times"):
        make_sac(num_envs=64, batch_size=16, replay_capacity=64 * 10).train_mode()
    with pytest.warns(UserWarning, match=r"4 updates a transition.*layer normalisation"):
        make_sac(num_envs=4, updates_per_step=16.0, critic={"layer_norm": False}).train_mode()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tau": 0.0}, "tau"),
        ({"q_target": "max"}, "q_target"),
        ({"target_std": 0.1, "target_entropy": 1.0}, "exclude"),
        ({"target_std": 0.0}, "must be positive"),
        ({"learning_starts": 401}, "the replay, which holds 400"),
        ({"precision": "float16"}, "precision"),
        ({"torch_compile_mode": "reduce-overhead"}, "CUDA graphs"),
        ({"multi_gpu": {"world_size": 2}}, "one GPU"),
    ],
)
def test_wrong_settings_are_named(make_sac, changes: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_sac(**changes)
