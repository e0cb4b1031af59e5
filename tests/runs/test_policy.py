"""Policies out of checkpoints, held against the networks that learned."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from isaaclab_rl.rsl_rl import RslRlDistillationRunnerCfg, RslRlMLPModelCfg, RslRlOnPolicyRunnerCfg, RslRlRNNModelCfg
from rsl_rl.models import MLPModel, RNNModel
from tensordict import TensorDict

from gaitway.errors import UsageError
from gaitway.runs.policy import Player, load_policy

SIZES = {"policy": 5, "extra": 3}
GAUSSIAN = RslRlMLPModelCfg.GaussianDistributionCfg(init_std=1.0)


def a_run(algorithm: str) -> Any:
    interface = {
        "observations": {group: [{"name": "x", "size": size}] for group, size in SIZES.items()},
        "actions": [{"name": "joint_pos", "size": 2}],
    }
    return SimpleNamespace(
        library="rsl_rl", agent=f"rsl_rl_{algorithm}", task="Gaitway-Some-Task", interface=lambda: interface
    )


def a_checkpoint(**learner: Any) -> Any:
    return SimpleNamespace(path="some/checkpoint", load=lambda device: {"learner": learner})


def observations(steps: int, num_envs: int) -> list[TensorDict]:
    torch.manual_seed(0)
    return [
        TensorDict({group: torch.randn(num_envs, size) for group, size in SIZES.items()}, batch_size=[num_envs])
        for _ in range(steps)
    ]


def trained(model: Any) -> Any:
    """As after training: the normaliser has seen something."""
    model.train()
    model.update_normalization(observations(1, 50)[0])
    return model.eval()


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_a_recurrent_policy_remembers_as_the_one_that_learned(kind):
    spec = {
        "hidden_dims": [8],
        "activation": "elu",
        "obs_normalization": True,
        "rnn_type": kind,
        "rnn_hidden_dim": 6,
        "rnn_num_layers": 2,
    }
    groups = ["extra", "policy"]
    first = observations(1, 4)[0]
    model = trained(RNNModel(first, {"actor": groups}, "actor", 2, **spec))
    recipe = RslRlOnPolicyRunnerCfg(obs_groups={"actor": groups}, actor=RslRlRNNModelCfg(**spec))
    policy = load_policy(a_run("ppo"), a_checkpoint(actor_state_dict=model.state_dict()), recipe)

    assert policy.obs_groups == ("extra", "policy")
    names = ["h_in", "c_in"] if kind == "lstm" else ["h_in"]
    assert [(item["input"], item["output"], item["shape"]) for item in policy.state] == [
        (name, name.replace("in", "out"), [2, 1, 6]) for name in names
    ]
    player = Player(policy, 4, "cpu")
    with torch.inference_mode():
        for step, obs in enumerate(observations(6, 4)):
            torch.testing.assert_close(player.act(obs), model(obs))
            ended = torch.arange(4) == step  # one after the other
            player.forget(ended)
            model.reset(ended.long())


def test_the_policy_of_a_distillation_is_its_student():
    spec = {"hidden_dims": [8], "activation": "elu", "obs_normalization": True}
    first = observations(1, 1)[0]
    student = trained(MLPModel(first, {"student": ["policy"]}, "student", 2, **spec))
    teacher = MLPModel(first, {"teacher": ["extra"]}, "teacher", 2, **spec)
    recipe = RslRlDistillationRunnerCfg(
        obs_groups={"student": ["policy"], "teacher": ["extra"]},
        student=RslRlMLPModelCfg(**spec),
        teacher=RslRlMLPModelCfg(**spec),
    )
    learner = {"student_state_dict": student.state_dict(), "teacher_state_dict": teacher.state_dict()}
    policy = load_policy(a_run("distillation"), a_checkpoint(**learner), recipe)
    (obs,) = observations(1, 7)
    assert policy.obs_groups == ("policy",)
    assert policy.state == ()
    torch.testing.assert_close(Player(policy, 7, "cpu").act(obs), student(obs).detach())


def test_weights_of_another_network_are_refused():
    spec = {"hidden_dims": [8], "activation": "elu", "obs_normalization": False}
    model = MLPModel(observations(1, 1)[0], {"actor": ["policy"]}, "actor", 2, **spec)
    for learner in ({"actor_state_dict": model.state_dict()}, {"student_state_dict": model.state_dict()}):
        wider = RslRlMLPModelCfg(**spec | {"hidden_dims": [9]})
        recipe = RslRlOnPolicyRunnerCfg(obs_groups={"actor": ["policy"]}, actor=wider)
        with pytest.raises(UsageError, match="does not fit the agent rsl_rl_ppo"):
            load_policy(a_run("ppo"), a_checkpoint(**learner), recipe)
