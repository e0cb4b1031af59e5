"""Bundles on disk: written, checked, and only then left behind."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from gaitway.errors import UsageError
from gaitway_deploy.bundle import Verification, verify, write_bundle
from gaitway_deploy.errors import BundleError


def check_free(path: Path) -> None:
    """Refuse a path for a new bundle at which there is something.

    Raises:
        UsageError: There is something other than an empty folder.
    """
    if path.is_dir() and not path.is_symlink() and path.suffix != ".zip" and not any(path.iterdir()):
        return
    if path.exists() or path.is_symlink():
        raise UsageError(f"--output {path}: there is something already; name another or remove it.")


def make_bundle(files: Mapping[str, bytes], path: Path) -> Verification:
    """Write a new bundle that has passed all checks of the robot's side.

    Args:
        files: Its files by name.
        path: A folder, or a file if it ends in ``.zip``.

    Returns:
        What the checks measured.

    Raises:
        UsageError: There is something already, or it does not pass: the robot's own code, given the recorded states,
            does not come to the recorded observations and targets. The message names the term and the step; nothing is
            left behind.
    """
    check_free(path)
    scratch = _scratch(path)
    try:
        write_bundle(files, scratch)
        measured = _verify(scratch, path)
        if path.is_dir():
            path.rmdir()
        scratch.rename(path)
    finally:
        _remove(scratch)
    return measured


def replace_bundle(files: Mapping[str, bytes], path: Path) -> None:
    """Write a bundle in the place of one that is there; until the new one is whole and checked, the old one stays.

    Raises:
        UsageError: It does not pass the checks.
    """
    scratch, old = _scratch(path), path.with_name(f".{path.name}.{os.getpid()}.old")
    try:
        write_bundle(files, scratch)
        _verify(scratch, path)
        if path.is_dir():
            path.rename(old)
            try:
                scratch.rename(path)
            except OSError:
                old.rename(path)
                raise
        else:
            scratch.replace(path)
    finally:
        _remove(scratch)
        _remove(old)


def _verify(scratch: Path, path: Path) -> Verification:
    try:
        return verify(scratch)
    except BundleError as error:
        reason = str(error).replace(str(scratch), path.name)
        raise UsageError(
            f"The bundle does not pass its own checks, so nothing was written to {path}. {reason} "
            "If the task is your own, its contract says something else than its terms do."
        ) from error


def _scratch(path: Path) -> Path:
    """Beside the bundle, so that a rename suffices; of its kind, which the ending decides."""
    return path.with_name(f".{path.stem}.{os.getpid()}.new{path.suffix}")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
