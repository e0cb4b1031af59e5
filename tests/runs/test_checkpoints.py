"""Checkpoints: whole or not at all, and exact."""

from __future__ import annotations

import errno
import random

import numpy as np
import pytest
import torch

from gaitway.errors import UsageError
from gaitway.runs.checkpoints import Checkpoints, random_state, set_random_state


def write(checkpoints: Checkpoints, step: int) -> None:
    checkpoints.write({"w": torch.full((3,), float(step))}, step=step, iteration=step // 10, seconds=step / 100)


def test_newest_is_read_back_and_the_oldest_go(tmp_path):
    checkpoints = Checkpoints(tmp_path / "c", keep=3)
    for step in range(10, 60, 10):
        write(checkpoints, step)
    newest = checkpoints.newest()
    assert (newest.step, newest.iteration, newest.seconds) == (50, 5, 0.5)
    assert newest.load("cpu")["w"].tolist() == [50.0] * 3
    assert sorted(p.name for p in (tmp_path / "c").iterdir()) == ["0000000030", "0000000040", "0000000050", "last"]
    assert (tmp_path / "c" / "last").resolve().name == "0000000050"


@pytest.mark.parametrize("damage", ["truncate", "flip", "no_info", "bad_info", "no_state"])
def test_damaged_one_is_named_and_the_one_before_is_taken(tmp_path, damage):
    checkpoints = Checkpoints(tmp_path)
    write(checkpoints, 10)
    write(checkpoints, 20)
    state, info = tmp_path / "0000000020" / "state.pt", tmp_path / "0000000020" / "checkpoint.json"
    content = bytearray(state.read_bytes())
    if damage == "truncate":
        state.write_bytes(content[:-100])
    elif damage == "flip":
        content[len(content) // 2] ^= 1
        state.write_bytes(content)
    elif damage == "no_info":
        info.unlink()
    elif damage == "bad_info":
        info.write_text("{")
    else:
        state.unlink()
    lines: list[str] = []
    assert checkpoints.newest(warn=lines.append).step == 10
    assert len(lines) == 1
    assert "0000000020 is damaged" in lines[0]


def test_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path)
    write(checkpoints, 10)

    def fill(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", fill)
    with pytest.raises(OSError, match="No space left"):
        write(checkpoints, 20)
    assert checkpoints.newest(warn=pytest.fail).step == 10
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0000000010", "last"]


def test_none_at_all_is_said(tmp_path):
    with pytest.raises(UsageError, match="No whole checkpoint"):
        Checkpoints(tmp_path / "nothing").newest()


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return (tmp_path.joinpath("sprung").touch, ())

    checkpoints = Checkpoints(tmp_path / "c")
    checkpoints.write({"trap": Trap()}, step=1, iteration=1, seconds=1.0)
    with pytest.raises(Exception, match=r"(?i)weights"):
        checkpoints.newest().load("cpu")
    assert not (tmp_path / "sprung").exists()


def test_random_state_goes_through_a_checkpoint(tmp_path):
    def draw() -> list[float]:
        return [random.random(), float(np.random.rand()), float(torch.rand(()))]

    random.seed(1)
    np.random.seed(2)
    torch.manual_seed(3)
    draw()
    checkpoints = Checkpoints(tmp_path)
    checkpoints.write({"random": random_state()}, step=1, iteration=1, seconds=0.0)
    expected = [draw() for _ in range(3)]
    set_random_state(checkpoints.newest().load("cpu")["random"])
    assert [draw() for _ in range(3)] == expected
