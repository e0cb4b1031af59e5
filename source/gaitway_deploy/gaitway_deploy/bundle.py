"""A bundle: a policy with all that a robot must know to run it, in a folder or in one zip file.

A bundle is data. Nothing in it is executed or unpickled, and it is never unpacked to disk: its files are read into
memory, checked against their checksums, the schema and each other, and refused by name if anything does not fit.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Union

import numpy as np

from . import __version__
from .archive import read_files, write_files
from .contract import Contract, canonical_json
from .description import check_descriptions
from .episode import Episode, check_arrays
from .errors import BundleError
from .npz import unpack_npz
from .onnx_file import check_model, check_session, open_session
from .strict_json import parse_json

FORMAT = "gaitway.bundle"
VERSION = 1
"""The version of bundles that this package reads and writes."""
CHECKSUMS, CONTRACT, SELFTEST, EPISODE, CARD = (
    "checksums.json",
    "contract.json",
    "selftest.npz",
    "episode.npz",
    "MODEL_CARD.md",
)
SELFTEST_PAIRS = 256
"""Observations and actions of the self-test."""

PathLike = Union[str, "os.PathLike[str]"]


@dataclass(frozen=True, eq=False)
class Bundle:
    """A bundle that has been checked."""

    path: Path
    """Where it was read from."""
    contract: Contract = field(repr=False)
    files: Mapping[str, bytes] = field(repr=False)
    """All its files by name. Not to be changed."""

    @classmethod
    def open(cls, path: PathLike) -> Bundle:
        """Read a bundle and check it: checksums, schema, and that contract, model and description fit together.

        What the policy answers is checked by :func:`verify`.

        Args:
            path: A folder or a zip file.

        Raises:
            BundleError: It is damaged, changed, of another version, or no bundle; the message names the file.
        """
        try:
            files = read_files(Path(path))
            _check_checksums(files)
            contract = Contract.from_dict(_parse_canonical(files, CONTRACT))
            _check_files(files, contract)
        except BundleError as error:
            raise BundleError(f"{os.fspath(path)}: {error}") from None
        return cls(Path(path), contract, files)

    @property
    def model(self) -> bytes:
        """The ONNX file."""
        return self.files[self.contract.policy.file]

    def npz(self, name: str) -> dict[str, np.ndarray]:
        """Arrays of one of its ``.npz`` files, such as ``selftest.npz``.

        Raises:
            BundleError: There is no such file, or it is damaged.
        """
        if name not in self.files:
            raise BundleError(f"{self.path}: {name}: missing; fetch the whole bundle again.")
        return unpack_npz(self.files[name], name)

    def episode(self) -> Episode:
        """The recorded episode."""
        return Episode.from_arrays(self.npz(EPISODE), self.contract, EPISODE)


@dataclass(frozen=True)
class Verification:
    """What :func:`verify` measured."""

    files: int
    bytes: int
    selftest_max_diff: float
    """Largest difference of an action from the recorded one over the self-test, relative to the larger of 1 and it."""
    episode_max_diff: float
    """Largest difference of an observation, built from the recorded states, from the recorded one."""
    episode_actions_max_diff: float
    """Largest difference of an action over the episode, the policy's memory carried along."""
    episode_targets_max_diff: float
    """Largest difference of a joint target, decoded from the recorded actions. Unit: rad or m."""


def verify(path: PathLike) -> Verification:
    """Check all of a bundle: what :meth:`Bundle.open` does, the self-test, and the episode through this package.

    Args:
        path: A folder or a zip file.

    Raises:
        BundleError: It does not pass; the message names the file.
    """
    from .verification import verify_bundle  # which needs the policy, which needs bundles

    bundle = Bundle.open(path)
    try:
        return verify_bundle(bundle)
    except BundleError as error:
        raise BundleError(f"{os.fspath(path)}: {error}") from None


def write_bundle(files: Mapping[str, bytes], path: PathLike) -> None:
    """Write a bundle with the checksums of its files: whole or not at all.

    Args:
        files: All its files by name, without ``checksums.json``.
        path: A folder, or a file if it ends in ``.zip``. There must be nothing yet.

    Raises:
        BundleError: There is something already, a name is not a plain relative path, or it cannot be written.
    """
    if CHECKSUMS in files:
        raise BundleError(f"{CHECKSUMS}: is made here; leave it out.")
    write_files({**files, CHECKSUMS: canonical_json(checksums(files))}, Path(path))


def checksums(files: Mapping[str, bytes]) -> dict[str, Any]:
    """The content of ``checksums.json`` for files."""
    listed = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        for name, data in files.items()
        if name != CHECKSUMS
    }
    return {"format": FORMAT, "version": VERSION, "files": listed}


# -- checks -------------------------------------------------------------------------------------------


def _parse_canonical(files: Mapping[str, bytes], name: str) -> Any:
    """Parse JSON that must be written in the one way in which bundles have it."""
    if name not in files:
        raise BundleError(f"{name}: missing; this is no bundle, or not the whole of one.")
    data = parse_json(files[name], name)
    try:
        same = canonical_json(data) == files[name]
    except (ValueError, RecursionError):  # a number that no float holds, or nested as no contract is
        same = False
    if not same:
        raise BundleError(f"{name}: not written as Gaitway writes it; it was changed after the export.")
    return data


def _check_checksums(files: Mapping[str, bytes]) -> None:
    data = _parse_canonical(files, CHECKSUMS)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise BundleError(f"{CHECKSUMS}: its 'format' must be '{FORMAT}'; this is no bundle.")
    version = data.get("version")
    if isinstance(version, bool) or version != VERSION:
        raise BundleError(
            f"{CHECKSUMS}: bundle version {str(version)[:40]}; this is gaitway_deploy {__version__}, which reads "
            f"version {VERSION}: install one that fits."
        )
    listed, found = data.get("files"), checksums(files)["files"]
    if not isinstance(listed, dict) or set(data) != {"format", "version", "files"}:
        raise BundleError(f"{CHECKSUMS}: has other fields than 'format', 'version' and 'files'.")
    for name in sorted({*listed, *found}):
        if name not in found:
            raise BundleError(f"{name[:200]}: missing; fetch the whole bundle again.")
        if name not in listed:
            raise BundleError(f"{name}: not listed in {CHECKSUMS}; remove it, or fetch the bundle again.")
        if listed[name] != found[name]:
            raise BundleError(
                f"{name}: its checksum is not that of {CHECKSUMS}; it is damaged or was changed. Fetch it again."
            )


def _check_files(files: Mapping[str, bytes], contract: Contract) -> None:
    policy, robot = contract.policy, contract.robot
    for name in (policy.file, robot.urdf, robot.colliders, SELFTEST, EPISODE, CARD):
        if name not in files:
            raise BundleError(f"{name}: missing; export the policy anew.")
    check_descriptions(files, contract)
    try:
        check_model(files[policy.file], policy.opset)
        check_session(open_session(files[policy.file]), contract)
    except BundleError as error:
        raise BundleError(f"{policy.file}: {error}") from None
    _check_selftest(files, contract)
    Episode.from_arrays(unpack_npz(files[EPISODE], EPISODE), contract, EPISODE)
    try:
        files[CARD].decode("utf-8")
    except UnicodeDecodeError as error:
        raise BundleError(f"{CARD}: not text ({error}).") from None


def _check_selftest(files: Mapping[str, bytes], contract: Contract) -> None:
    wanted: dict[str, tuple[int, ...]] = {"obs": (contract.obs_width,), "actions": (contract.action_width,)}
    for item in contract.policy.state:
        wanted[f"in_{item.input}"] = item.shape
        wanted[f"out_{item.output}"] = item.shape
    shapes = {name: (SELFTEST_PAIRS, *shape) for name, shape in wanted.items()}
    check_arrays(unpack_npz(files[SELFTEST], SELFTEST), shapes, tuple(shapes), SELFTEST)
