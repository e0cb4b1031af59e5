"""Starting fast. Nearly all of it is importing: some 4000 modules, before the first step of a training."""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path


def keep_bytecode() -> None:
    """Keep compiled modules in Gaitway's cache where Python keeps none.

    Compiling all modules anew takes longer than all the rest of a start. Python does so each time where it may not
    write beside the sources: ``PYTHONDONTWRITEBYTECODE`` is set, as in many container images, or the packages belong
    to somebody else. The folders of the packages are left as they are. Does nothing where the packages were compiled
    when they were installed, and where the user names a folder (``PYTHONPYCACHEPREFIX``).
    """
    if sys.pycache_prefix is not None:
        return
    # Torch stands for all: it is the largest, and every command that is slow to start needs it.
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return
    source = Path(spec.origin)
    compiled = Path(importlib.util.cache_from_source(spec.origin)).exists()
    if compiled or not (sys.dont_write_bytecode or not os.access(source.parent, os.W_OK)):
        return
    from platformdirs import user_cache_path

    # Python skips what it cannot write, so nothing breaks where this folder cannot be written either.
    sys.pycache_prefix = str(Path(os.environ.get("GAITWAY_CACHE") or user_cache_path("gaitway")) / "bytecode")
    sys.dont_write_bytecode = False


def let_idle_threads_sleep() -> None:
    """Have torch's threads sleep when they have nothing to do, unless the user says otherwise.

    GNU OpenMP has them spin for a while after each parallel operation, on the cores on which the simulation's own
    threads would be at work by then; on a machine that did other work too, training was three times as fast with one
    such thread as with two. Works only before torch is loaded.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the garbage collector for a block that builds much and drops little, as imports do.

    It would look through all that is loaded again and again: a million and a half objects, of which 2 % are garbage.
    """
    with _collector(running=False):
        yield


@contextlib.contextmanager
def collector_running() -> Iterator[None]:
    """Let the garbage collector work for a block inside one in which it is paused."""
    with _collector(running=True):
        yield


@contextlib.contextmanager
def _collector(*, running: bool) -> Iterator[None]:
    before = gc.isenabled()
    _set_collector(running)
    try:
        yield
    finally:
        _set_collector(before)


def _set_collector(running: bool) -> None:
    if running and not gc.isenabled():
        # What was loaded meanwhile is there to stay: each look through it would hold up training for a second.
        gc.freeze()
        gc.enable()
    elif not running:
        gc.disable()
