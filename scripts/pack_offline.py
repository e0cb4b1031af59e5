"""Pack Gaitway for a GPU machine without network, whose Python 3.12 has torch with CUDA, and numpy, and no more.

    uv run scripts/pack_offline.py --output DIR [--part_mb 60]

``DIR`` gets everything a headless run on Newton imports besides what torch brings: wheels in the versions that are
installed here, the robots as converted USD files, cut into parts that fit through a narrow gate. ``unpack.py`` beside
the parts does the rest over there, see `scripts/unpack_offline.py`.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.util
import io
import json
import pkgutil
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Collection, Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

import unpack_offline
from unpack_offline import FORMAT, PackError

PROVIDED = ("torch", "numpy")
"""What the other machine has, with all that it requires in turn."""

EXCLUDED: frozenset[str] = frozenset(
    {
        # the descriptions and meshes of the robots: they travel converted
        "example-robot-data",
        # PhysX, the second engine
        "ovphysx",
        "ovstage",
        # windows, pages in a browser, input devices
        "hidapi",
        "imgui-bundle",
        "pyglet",
        "pyopengl-accelerate",
        "viser",
        # the remote asset server
        "botocore",
        "hf-xet",
        "omniverseclient",
        # geometry that only the preparation of assets computes
        "alphashape",
        "fast-simplification",
        "meshio",
        "open3d",
        # inverse kinematics by Pinocchio, and its solver
        "daqp",
        "pin",
        "pin-pink",
        # perception
        "torchvision",
        "transformers",
        # a compiler that no headless run calls
        "numba",
    }
)
"""Requirements that a headless run on Newton never imports; what only they require stays behind with them."""

COMMANDS = ("gaitway", "tensorboard")
"""Distributions whose commands are to exist over there."""

MB = 1_000_000

PYTHON_VERSION = "3.12"
GLIBC_MINORS = range(5, 36)
"""Minor versions of glibc 2 whose wheels the other machine can load. usd-exchange wants 2.34; Ubuntu 22.04 has 2.35."""

PIP_VERSION = "26.3"


class Package(NamedTuple):
    """A distribution that travels."""

    name: str
    version: str
    source: Path | None
    """The source tree it is installed from, where it comes from no index."""


def canonical(name: str) -> str:
    """Return *name* as package indexes spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(roots: Iterable[str], leave_out: Collection[str] = ()) -> dict[str, Distribution]:
    """Return the installed distributions that *roots* require, themselves included, by name.

    Args:
        roots: Names of distributions.
        leave_out: Names neither to include nor to follow.

    Raises:
        PackError: One of *roots* is not installed.
    """
    from packaging.requirements import Requirement

    found: dict[str, Distribution] = {}
    queue: list[tuple[str, frozenset[str]]] = [(canonical(name), frozenset()) for name in roots]
    first = len(queue)
    done: set[tuple[str, frozenset[str]]] = set()
    for index, (name, extras) in enumerate(queue):
        if (name, extras) in done or name in leave_out:
            continue
        done.add((name, extras))
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            if index < first:
                raise PackError(f"{name} is not installed here.") from None
            continue  # for another platform, or an extra that nobody asked for
        for line in found[name].requires or ():
            requirement = Requirement(line)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""}):
                queue.append((canonical(requirement.name), frozenset(requirement.extras)))
    return found


def source_of(dist: Distribution) -> Path | None:
    """Return the source tree that *dist* is installed from, if it is installed from one."""
    text = dist.read_text("direct_url.json")
    url = urlsplit(json.loads(text)["url"]) if text else None
    return Path(url2pathname(url.path)) if url is not None and url.scheme == "file" else None


def travelling() -> list[Package]:
    """Return the packages that the other machine lacks, by name."""
    provided = closure(PROVIDED)
    needed = closure(["gaitway"], leave_out=EXCLUDED | provided.keys())
    return [Package(name, dist.version, source_of(dist)) for name, dist in sorted(needed.items())]


def entry_points(names: Iterable[str]) -> dict[str, str]:
    """Return the commands of the distributions *names*, each with the function behind it."""
    return {
        entry.name: entry.value
        for name in names
        for entry in distribution(name).entry_points
        if entry.group == "console_scripts"
    }


def pip_command() -> list[str]:
    """Return how to call pip here: an environment made by uv has none of its own.

    Raises:
        PackError: There is neither pip nor uv.
    """
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    uv = shutil.which("uv")
    if uv is None:
        raise PackError("Neither pip nor uv is here to fetch wheels with.")
    return [uv, "tool", "run", "--quiet", "--python", PYTHON_VERSION, f"pip=={PIP_VERSION}"]


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


def fetch_wheel(package: Package, folder: Path, pip: list[str]) -> Path:
    """Fetch or build the wheel of *package* for the other machine, into the empty *folder*.

    Args:
        package: What to fetch.
        folder: An empty folder.
        pip: How to call pip.

    Returns:
        The wheel.

    Raises:
        PackError: There is no wheel for the other machine.
    """
    pinned = f"{package.name}=={package.version}"
    common = ["--quiet", "--disable-pip-version-check", "--no-deps"]
    result = None
    if package.source is None:
        platforms = ["manylinux1_x86_64", "manylinux2010_x86_64", "manylinux2014_x86_64", "linux_x86_64"]
        platforms += [f"manylinux_2_{minor}_x86_64" for minor in GLIBC_MINORS]
        tags = [f"--platform={platform}" for platform in platforms]
        tags += [f"--python-version={PYTHON_VERSION}", "--implementation=cp", "--only-binary=:all:"]
        result = _run([*pip, "download", *common, *tags, f"--dest={folder}", pinned])
    if result is None or result.returncode != 0:
        # a source tree, or a package that is published as source only
        what = pinned if package.source is None else str(package.source)
        built = _run([*pip, "wheel", *common, f"--wheel-dir={folder}", what])
        if built.returncode != 0:
            reason = (result or built).stderr.strip().splitlines() or ["no reason given"]
            raise PackError(f"{pinned}: no wheel to be had ({reason[-1]}).")
        if not any(wheel.name.endswith("-none-any.whl") for wheel in folder.glob("*.whl")):
            raise PackError(f"{pinned} is published as source only, and what it builds here fits this machine alone.")
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise PackError(f"{pinned}: pip left {len(wheels)} wheels instead of one.")
    return wheels[0]


def glibc_minor(wheel: str) -> int:
    """Return the minor version of glibc 2 that the wheel named *wheel* needs at least; 0 where it needs none."""
    old_names = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}
    minors = [int(minor) for minor in re.findall(r"manylinux_2_(\d+)_x86_64", wheel)]
    minors += [minor for name, minor in old_names.items() if f"{name}_x86_64" in wheel]
    return min(minors, default=0)


def collect_wheels(packages: Iterable[Package], folder: Path) -> list[dict]:
    """Fetch the wheels of *packages* into *folder*.

    Returns:
        Name, version, file and size of each. Unit of sizes: bytes.
    """
    folder.mkdir(parents=True)
    pip = pip_command()
    rows = []
    for package in packages:
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            fetched = fetch_wheel(package, Path(scratch), pip)
            wheel = fetched.rename(folder / fetched.name)
        size = wheel.stat().st_size
        rows.append({"name": package.name, "version": package.version, "file": wheel.name, "size": size})
        print(f"{size / MB:8.1f} MB  {wheel.name}", flush=True)
    return rows


def collect_robots(folder: Path) -> list[str]:
    """Copy the converted robots of `gaitway.robots` into *folder*.

    Returns:
        Names of the robots' folders.

    Raises:
        PackError: A robot cannot be converted.
    """
    import gaitway.robots
    from gaitway.robots.assets import AssetError, RobotAsset

    names = set()
    for module_info in pkgutil.iter_modules(gaitway.robots.__path__, "gaitway.robots."):
        module = importlib.import_module(module_info.name)
        for asset in vars(module).values():
            if isinstance(asset, RobotAsset):
                try:
                    converted = asset.usd_path().parent
                except AssetError as error:
                    raise PackError(str(error)) from error
                shutil.copytree(converted, folder / converted.name, dirs_exist_ok=True)
                names.add(converted.name)
    return sorted(names)


class PartsWriter(io.RawIOBase):
    """A stream that becomes several files of a given size, the last one as long as is left."""

    def __init__(self, folder: Path, stem: str, part_bytes: int) -> None:
        self._folder = folder
        self._stem = stem
        self._part_bytes = part_bytes
        self._file: io.BufferedWriter | None = None
        self._digest = hashlib.sha256()
        self._size = 0
        self.parts: list[dict] = []
        """Name, size and checksum of every part that is complete."""

    def writable(self) -> bool:
        """Return that this stream can be written."""
        return True

    def write(self, data) -> int:
        """Write *data*, beginning a new part wherever one is full."""
        view = memoryview(data).cast("B")
        written = 0
        while written < len(view):
            if self._file is None:
                self._file = (self._folder / f"{self._stem}.part{len(self.parts):03d}").open("wb")
                self._digest, self._size = hashlib.sha256(), 0
            piece = view[written : written + self._part_bytes - self._size]
            self._file.write(piece)
            self._digest.update(piece)
            self._size += len(piece)
            written += len(piece)
            if self._size == self._part_bytes:
                self._finish()
        return written

    def _finish(self) -> None:
        if self._file is not None:
            self._file.close()
            name = Path(self._file.name).name
            self.parts.append({"name": name, "size": self._size, "sha256": self._digest.hexdigest()})
            self._file = None

    def close(self) -> None:
        """Complete the last part."""
        self._finish()
        super().close()


def _same_for_all(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Keep out of the archive who packed it and when: the same content gives the same parts."""
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    return info


def write_pack(content: Path, output: Path, manifest: dict, part_bytes: int) -> dict:
    """Write the parts, the manifest and ``unpack.py``.

    Args:
        content: Folder that holds ``wheels`` and ``cache``.
        output: Folder to write to.
        manifest: What the manifest is to say beside the parts.
        part_bytes: Size of a part at most. Unit: bytes.

    Returns:
        The manifest as written.
    """
    writer = PartsWriter(output, f"gaitway-{manifest['gaitway']}.tar", part_bytes)
    with writer, tarfile.open(fileobj=writer, mode="w|") as archive:
        for name in ("cache", "wheels"):
            archive.add(content / name, arcname=name, filter=_same_for_all)
    manifest = {"format": FORMAT, **manifest, "parts": writer.parts}
    (output / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    shutil.copyfile(unpack_offline.__file__, output / "unpack.py")
    return manifest


def pack(output: Path, part_bytes: int) -> dict:
    """Pack what is installed here into the new folder *output*.

    Args:
        output: The folder to make; it may exist when it is empty.
        part_bytes: Size of a part at most. Unit: bytes.

    Returns:
        The manifest.

    Raises:
        PackError: The folder is in use, or something is not to be had.
    """
    output = output.absolute()
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise PackError(f"{output} exists and is not an empty folder.")
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}-") as scratch:
        content, whole = Path(scratch) / "content", Path(scratch) / "whole"
        whole.mkdir()
        (content / "cache").mkdir(parents=True)
        robots = collect_robots(content / "cache" / "robots")
        wheels = collect_wheels(travelling(), content / "wheels")
        manifest = {
            "gaitway": distribution("gaitway").version,
            "requires": {name: distribution(name).version for name in PROVIDED},
            "glibc": f"2.{max(glibc_minor(wheel['file']) for wheel in wheels)}",
            "launchers": entry_points(COMMANDS),
            "robots": robots,
            "wheels": wheels,
        }
        manifest = write_pack(content, whole, manifest, part_bytes)
        # The rename is the moment at which the pack exists.
        whole.rename(output)
    return manifest


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(description="Pack Gaitway for a GPU machine without network.")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="the folder to make")
    parser.add_argument("--part_mb", type=float, default=60.0, metavar="MB", help="most a part may hold (default: 60)")
    options = parser.parse_args(arguments)
    part_bytes = int(options.part_mb * MB)
    if part_bytes < 1:
        parser.error("--part_mb must be a positive size")
    try:
        manifest = pack(options.output, part_bytes)
    except (PackError, OSError) as error:
        print(f"pack_offline: {error}", file=sys.stderr)
        return 2
    total = sum(part["size"] for part in manifest["parts"])
    print(f"{len(manifest['wheels'])} packages and {len(manifest['robots'])} robots, ", end="")
    print(f"{total / MB:.0f} MB in {len(manifest['parts'])} parts, are in {options.output.absolute()}.")
    print("Carry all of that folder over, then: python unpack.py --target DIR")
    return 0


if __name__ == "__main__":
    sys.exit(main())
