"""Unpack Gaitway on a machine without network, from the parts beside this file.

    python unpack.py --target DIR
    . DIR/env.sh
    gaitway train --device cuda:0

Run it with the Python 3.12 that has torch; it needs nothing but the standard library. ``DIR`` gets the packages in
``site``, the converted robots in ``cache``, commands in ``bin``, and ``env.sh``, which puts all of it to use. Nothing
outside ``DIR`` is touched, and a failure leaves nothing behind.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import io
import json
import platform
import shlex
import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

FORMAT = 1
"""Version of the pack's layout; what has another cannot be read here."""

CHUNK = 1 << 20


class PackError(Exception):
    """Why the pack cannot be made or unpacked, in one line."""


class PartsReader(io.RawIOBase):
    """Several files read as one stream."""

    def __init__(self, paths: list[Path]) -> None:
        self._rest = iter(paths)
        self._file: io.BufferedReader | None = None

    def readable(self) -> bool:
        """Return that this stream can be read."""
        return True

    def readinto(self, buffer) -> int:
        """Fill *buffer* from the current part, or from the next one."""
        while True:
            if self._file is None:
                path = next(self._rest, None)
                if path is None:
                    return 0
                self._file = path.open("rb")
            count = self._file.readinto(buffer)
            if count:
                return count
            self._file.close()
            self._file = None

    def close(self) -> None:
        """Close the part that is open."""
        if self._file is not None:
            self._file.close()
            self._file = None
        super().close()


def read_manifest(folder: Path) -> dict:
    """Return the pack's manifest.

    Raises:
        PackError: There is none in *folder*, or it is not one of this format.
    """
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PackError(f"{path} is missing.") from None
    except ValueError:
        raise PackError(f"{path} is damaged: not JSON.") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise PackError(f"{path} is not of format {FORMAT}.")
    missing = {"gaitway", "glibc", "launchers", "parts", "requires", "robots", "wheels"} - manifest.keys()
    if missing:
        raise PackError(f"{path} is damaged: it lacks {', '.join(sorted(missing))}.")
    return manifest


def check_parts(folder: Path, manifest: dict) -> list[Path]:
    """Return the parts in their order, each with the size and the checksum that the manifest states.

    Raises:
        PackError: A part is missing or differs.
    """
    paths = []
    for part in manifest["parts"]:
        path = folder / part["name"]
        if not path.is_file():
            raise PackError(f"Part {part['name']} is missing in {folder}.")
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
        if path.stat().st_size != part["size"] or digest.hexdigest() != part["sha256"]:
            raise PackError(f"Part {part['name']} is damaged: copy it again.")
        paths.append(path)
    return paths


def _wheel_members(wheel: zipfile.ZipFile) -> Iterator[tuple[zipfile.ZipInfo, str]]:
    """Yield what belongs on the import path, each with its place there."""
    for info in wheel.infolist():
        if info.is_dir():
            continue
        top, _, rest = info.filename.partition("/")
        if top.endswith(".data"):
            # What else a wheel may hold there (scripts, headers, manual pages) is for other uses than importing.
            scheme, _, inner = rest.partition("/")
            if scheme in ("purelib", "platlib"):
                yield info, inner
        else:
            yield info, info.filename


def install_wheel(path: Path, site: Path) -> None:
    """Unzip a wheel into the folder *site*.

    Raises:
        PackError: A file of it would land outside of *site*.
    """
    with zipfile.ZipFile(path) as wheel:
        for info, inner in _wheel_members(wheel):
            target = site / inner
            if inner.startswith("/") or ".." in Path(inner).parts:
                raise PackError(f"{path.name} holds the unsafe path {inner}.")
            target.parent.mkdir(parents=True, exist_ok=True)
            with wheel.open(info) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink, CHUNK)
            # Zip files know of modes, Python's zipfile does not: programs inside of packages have to stay executable.
            if info.external_attr >> 16 & 0o111:
                target.chmod(0o755)


def _write_script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def write_environment(root: Path, target: Path, launchers: dict[str, str]) -> None:
    """Write ``env.sh`` and the commands into *root*, which is to become *target*.

    Args:
        root: Folder to write to.
        target: Where that folder will be.
        launchers: The function behind each command, as ``package.module:function``.
    """
    site, cache, programs = (shlex.quote(str(target / name)) for name in ("site", "cache", "bin"))
    (root / "env.sh").write_text(
        f"""\
# Source this file: . {shlex.quote(str(target / "env.sh"))}
export PYTHONPATH={site}"${{PYTHONPATH:+:$PYTHONPATH}}"
export PATH={programs}":$PATH"
export GAITWAY_CACHE={cache}
# RSL-RL imports GitPython, which refuses to load on a machine without git unless told to be quiet.
export GIT_PYTHON_REFRESH="${{GIT_PYTHON_REFRESH:-quiet}}"
""",
        encoding="utf-8",
    )
    for name, entry in launchers.items():
        module, _, function = entry.partition(":")
        code = f'import sys; sys.argv[0] = "{name}"; from {module} import {function} as main; sys.exit(main())'
        _write_script(
            root / "bin" / name,
            f"#!/bin/sh\n. {shlex.quote(str(target / 'env.sh'))}\n"
            f'exec {shlex.quote(sys.executable)} -c {shlex.quote(code)} "$@"\n',
        )


def complaints(manifest: dict) -> list[str]:
    """Return what the pack requires and this machine has in another version, or not at all; one line each."""
    lines = []
    libc, version = platform.libc_ver()
    if libc == "glibc" and [*map(int, version.split("."))] < [*map(int, manifest["glibc"].split("."))]:
        lines.append(f"this machine has glibc {version}; the pack needs glibc {manifest['glibc']}")
    for name, wanted in manifest["requires"].items():
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            lines.append(f"this Python has no {name}; the pack needs {name} {wanted}")
            continue
        # torch's local version says which CUDA it was built for
        if found.split("+")[0] != wanted.split("+")[0]:
            lines.append(f"this Python has {name} {found}; the pack was made with {name} {wanted}")
    return lines


def unpack(folder: Path, target: Path) -> dict:
    """Unpack the parts in *folder* into *target*.

    Args:
        folder: Where the manifest and the parts are.
        target: The folder to make; it may exist when it is empty.

    Returns:
        The manifest.

    Raises:
        PackError: The target is in use, or the pack is not whole.
    """
    target = target.absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise PackError(f"{target} exists and is not an empty folder.")
    manifest = read_manifest(folder)
    parts = check_parts(folder, manifest)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
        whole = Path(scratch) / "whole"
        site = whole / "site"
        site.mkdir(parents=True)
        with PartsReader(parts) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            archive.extractall(scratch, filter="data")
        for wheel in sorted(Path(scratch).glob("wheels/*.whl")):
            install_wheel(wheel, site)
            wheel.unlink()
        shutil.move(Path(scratch) / "cache", whole / "cache")
        write_environment(whole, target, manifest["launchers"])
        # The rename is the moment at which the target exists.
        whole.rename(target)
    return manifest


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(description="Unpack Gaitway on a machine without network.")
    parser.add_argument("--target", type=Path, required=True, metavar="DIR", help="the folder to make")
    options = parser.parse_args(arguments)
    try:
        manifest = unpack(Path(__file__).resolve().parent, options.target)
    except (PackError, OSError, tarfile.TarError, zipfile.BadZipFile) as error:
        print(f"unpack: {error}", file=sys.stderr)
        return 2
    for line in complaints(manifest):
        print(f"unpack: {line}", file=sys.stderr)
    target = options.target.absolute()
    print(f"Gaitway {manifest['gaitway']} is in {target}: {len(manifest['wheels'])} packages, ", end="")
    print(f"robots {', '.join(manifest['robots']) or 'none'}.")
    print(f"Next: . {shlex.quote(str(target / 'env.sh'))} && gaitway train --device cuda:0")
    return 0


if __name__ == "__main__":
    if sys.version_info[:2] != (3, 12):
        print("unpack: run this with the Python 3.12 that has torch", file=sys.stderr)
        sys.exit(2)
    sys.exit(main())
