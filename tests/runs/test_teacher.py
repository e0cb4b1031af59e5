"""Which teachers fit which students."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest

from gaitway.errors import UsageError
from gaitway.runs.teacher import check_same_view, use_teacher

INTERFACE = {
    "observations": {"teacher": [{"name": "mass", "size": 1}, {"name": "height", "size": 2}], "policy": []},
    "joint_names": ["a", "b"],
    "actions": [{"name": "joint_pos", "scale": [0.25, 0.25]}],
}


def test_a_student_gets_the_network_of_its_teacher() -> None:
    student = SimpleNamespace(obs_groups={"student": ["policy"], "teacher": ["teacher"]}, teacher=None)
    teacher = SimpleNamespace(obs_groups={"actor": ["teacher"]}, actor=object())
    use_teacher(student, teacher, "runs/t")
    assert student.teacher is teacher.actor
    teacher.obs_groups["actor"] = ["policy"]
    with pytest.raises(UsageError, match=r"runs/t: its policy sees the observations policy, .* is shown teacher"):
        use_teacher(student, teacher, "runs/t")


def test_a_teacher_must_see_and_do_the_same() -> None:
    check_same_view(INTERFACE, copy.deepcopy(INTERFACE), ["teacher"], "runs/t")
    other = copy.deepcopy(INTERFACE)
    other["observations"]["policy"] = [{"name": "more", "size": 9}]
    check_same_view(INTERFACE, other, ["teacher"], "runs/t")
    for change, said in (
        (lambda i: i["observations"]["teacher"].reverse(), r"mass \(1\), height \(2\); here they are height \(2\)"),
        (lambda i: i["observations"].pop("teacher"), "here they are not there"),
        (lambda i: i["joint_names"].reverse(), "joint names are not those of this robot"),
        (lambda i: i["actions"][0].update(scale=[0.5, 0.25]), "actions are not those of this robot"),
    ):
        other = copy.deepcopy(INTERFACE)
        change(other)
        with pytest.raises(UsageError, match=said):
            check_same_view(INTERFACE, other, ["teacher"], "runs/t")
