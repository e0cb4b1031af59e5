"""A start keeps bytecode where Python keeps none, and leaves the garbage collector alone while it loads."""

from __future__ import annotations

import gc
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from gaitway.cli import main
from gaitway.cli.start_up import collector_paused, collector_running, keep_bytecode


@pytest.fixture
def torch_source(monkeypatch, tmp_path) -> Path:
    """A torch that has not been compiled, in a Python that keeps no bytecode; returns its ``__init__.py``."""
    source = tmp_path / "site" / "torch" / "__init__.py"
    source.parent.mkdir(parents=True)
    source.touch()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: ModuleSpec(name, None, origin=str(source)))
    monkeypatch.setenv("GAITWAY_CACHE", str(tmp_path / "cache"))
    return source


def test_bytecode_goes_to_the_cache_where_python_keeps_none(torch_source: Path, tmp_path: Path) -> None:
    keep_bytecode()
    assert sys.pycache_prefix == str(tmp_path / "cache" / "bytecode")
    assert not sys.dont_write_bytecode


def test_bytecode_goes_to_the_cache_where_packages_cannot_be_written(torch_source: Path, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != torch_source.parent)
    keep_bytecode()
    assert sys.pycache_prefix == str(tmp_path / "cache" / "bytecode")


def test_python_is_left_alone_where_it_keeps_bytecode_itself(torch_source: Path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    keep_bytecode()
    assert sys.pycache_prefix is None


def test_python_is_left_alone_where_packages_are_compiled(torch_source: Path) -> None:
    compiled = Path(importlib.util.cache_from_source(str(torch_source)))
    compiled.parent.mkdir()
    compiled.touch()
    keep_bytecode()
    assert sys.pycache_prefix is None
    assert sys.dont_write_bytecode


def test_a_folder_that_the_user_named_stays(torch_source: Path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", "mine")
    keep_bytecode()
    assert sys.pycache_prefix == "mine"


def test_the_collector_pauses_runs_and_pauses_again() -> None:
    assert gc.isenabled()
    with collector_paused():
        assert not gc.isenabled()
        with collector_running():
            assert gc.isenabled()
            with collector_paused():
                assert not gc.isenabled()
            assert gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_the_collector_runs_again_after_an_error() -> None:
    with pytest.raises(ValueError, match="x"), collector_paused():
        raise ValueError("x")
    assert gc.isenabled()


def test_what_was_loaded_meanwhile_is_not_looked_through_again() -> None:
    gc.unfreeze()
    with collector_paused():
        pass
    assert gc.get_freeze_count() > 0
    gc.unfreeze()


def test_a_command_leaves_the_collector_as_it_found_it(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["gaitway", "train", "--num_envs", "0"])
    with pytest.raises(SystemExit):
        main()
    assert gc.isenabled()
