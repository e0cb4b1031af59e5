"""A bundle's files in memory: read from a folder or from one zip file, and written whole or not at all.

The zip is of one form only: entries stored, sorted, dated 1980. What is read must be, byte for byte, what writing its
contents gives; so nothing can hide in it, and no two readers can see two things in it.
"""

from __future__ import annotations

import os
import stat
import struct
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from .errors import BundleError
from .names import is_plain_name

MAX_FILES = 10_000
MAX_FILE_BYTES = 512 * 2**20
MAX_BYTES = 1024 * 2**20
MAX_DEPTH = 8
"""Folders within folders."""

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_DATE_1980 = (1 << 5) | 1
_ATTRIBUTES = 0o644 << 16


def check_names(files: Mapping[str, bytes]) -> None:
    """Refuse names that could leave the bundle's folder, or be another file on another system, and what is too large.

    Raises:
        BundleError: A name is not a plain relative path, two are too alike, or there is too much.
    """
    if len(files) > MAX_FILES:
        raise BundleError(f"There are {len(files)} files; a bundle has at most {MAX_FILES}.")
    folded: dict[str, str] = {}
    for name, data in files.items():
        if not is_plain_name(name):
            raise BundleError(f"{name[:200]!r}: not a plain relative path; nothing with such a name is a bundle.")
        other = folded.setdefault(name.lower(), name)
        if other != name:
            raise BundleError(f"{name}: differs from {other} by its case alone; rename one of them.")
        if len(data) > MAX_FILE_BYTES:
            raise BundleError(f"{name}: {len(data)} bytes; a file has at most {MAX_FILE_BYTES}.")
    for name in files:
        parts = name.lower().split("/")
        for i in range(1, len(parts)):
            if "/".join(parts[:i]) in folded:
                raise BundleError(f"{name}: a part of its path is a file too; rename one of them.")
    if sum(map(len, files.values())) > MAX_BYTES:
        raise BundleError(f"The files have more than {MAX_BYTES} bytes together, the most that a bundle has.")


# -- reading ------------------------------------------------------------------------------------------


def read_files(path: Path) -> dict[str, bytes]:
    """All files of a bundle, by name.

    Args:
        path: A folder or a zip file.

    Raises:
        BundleError: There is no such bundle, or it holds what is no plain file.
    """
    try:
        info = path.stat()
        if stat.S_ISDIR(info.st_mode):
            files: dict[str, bytes] = {}
            _read_folder(path, "", files, 0)
        elif stat.S_ISREG(info.st_mode):
            if info.st_size > MAX_BYTES:
                raise BundleError(f"{info.st_size} bytes; a bundle has at most {MAX_BYTES}.")
            files = unpack_zip(path.read_bytes())
        else:
            raise BundleError("neither a folder nor a file; give a bundle as `gaitway export` writes it.")
    except FileNotFoundError:
        raise BundleError("there is nothing; check the path.") from None
    except (OSError, ValueError) as error:
        raise BundleError(f"cannot be read ({error}).") from None
    check_names(files)
    return files


def _read_folder(folder: Path, prefix: str, files: dict[str, bytes], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise BundleError(f"{prefix}: folders within folders, deeper than {MAX_DEPTH}; a bundle has no such.")
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            name = prefix + entry.name
            shown = name if name.isprintable() and name.isascii() else ascii(name)
            if entry.is_symlink():
                raise BundleError(f"{shown}: a link; a bundle holds plain files only. Copy the file itself.")
            if entry.is_dir(follow_symlinks=False):
                _read_folder(Path(entry.path), name + "/", files, depth + 1)
            elif entry.is_file(follow_symlinks=False):
                if len(files) >= MAX_FILES:
                    raise BundleError(f"There are more than {MAX_FILES} files, the most that a bundle has.")
                files[name] = _read_file(entry.path, shown, MAX_BYTES - sum(map(len, files.values())))
            else:
                raise BundleError(f"{shown}: neither a file nor a folder; a bundle holds plain files only.")


def _read_file(path: str, name: str, room: int) -> bytes:
    # What is a plain file now may have been exchanged since it was listed.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as file:
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode):
            raise BundleError(f"{name}: not a plain file.")
        most = min(MAX_FILE_BYTES, room)
        if info.st_size > most:
            raise BundleError(
                f"{name}: {info.st_size} bytes; a file of a bundle has at most {MAX_FILE_BYTES}, "
                f"all together at most {MAX_BYTES}."
            )
        return file.read(most + 1)


def unpack_zip(data: bytes) -> dict[str, bytes]:
    """The files of a zip that :func:`pack_zip` has written.

    Raises:
        BundleError: It differs from what :func:`pack_zip` writes.
    """
    files: dict[str, bytes] = {}
    try:
        *_, count, _size, at, _comment = _END.unpack(data[-_END.size :])
        if count > MAX_FILES:
            raise BundleError(f"{count} files; a bundle has at most {MAX_FILES}.")
        place = 0
        for _ in range(count):
            entry = _CENTRAL.unpack_from(data, at)
            size, name_length, start = entry[9], entry[10], entry[16]
            name = data[at + _CENTRAL.size : at + _CENTRAL.size + name_length].decode("ascii")
            content = start + _LOCAL.size + name_length
            # Entries follow each other, so that together they cannot be larger than the file.
            if start != place:
                raise ValueError(f"the entry {name[:200]!r} is not in its place")
            if name in files or not is_plain_name(name):
                raise BundleError(f"{name[:200]!r}: twice in the zip, or not a plain relative path; this is no bundle.")
            files[name] = data[content : content + size]
            at, place = at + _CENTRAL.size + name_length, content + size
        if pack_zip(files) != data:
            raise ValueError(_difference(files, data))
    except (struct.error, ValueError) as error:
        raise BundleError(
            f"not a zip as Gaitway writes it ({error}); it is damaged or was packed by another program. "
            "Fetch it again, or unpack it and give the folder."
        ) from None
    return files


def _difference(files: Mapping[str, bytes], data: bytes) -> str:
    """The entry in which a zip first differs from what writing its contents gives."""
    expected, at = pack_zip(files), 0
    first = next((i for i, (a, b) in enumerate(zip(expected, data)) if a != b), min(len(expected), len(data)))
    for name in sorted(files):
        at += _LOCAL.size + len(name) + len(files[name])
        if first < at:
            return f"first in the entry {name}, byte {first}"
    return f"first in the list of contents, byte {first}"


# -- writing ------------------------------------------------------------------------------------------


def pack_zip(files: Mapping[str, bytes]) -> bytes:
    """Files as a zip, the same bytes for the same files."""
    body, contents, at = [], [], 0
    for name in sorted(files):
        data, coded = files[name], name.encode("ascii")
        crc, size = zlib.crc32(data), len(data)
        shared = (0, 0, 0, _DATE_1980, crc, size, size, len(coded), 0)
        body += [_LOCAL.pack(b"PK\x03\x04", 20, *shared), coded, data]
        made_by = 20 | 3 << 8
        contents += [_CENTRAL.pack(b"PK\x01\x02", made_by, 20, *shared, 0, 0, 0, _ATTRIBUTES, at), coded]
        at += _LOCAL.size + len(coded) + size
    length = sum(map(len, contents))
    end = _END.pack(b"PK\x05\x06", 0, 0, len(files), len(files), length, at, 0)
    return b"".join([*body, *contents, end])


def write_files(files: Mapping[str, bytes], path: Path) -> None:
    """Write files as a folder, or as a zip if the path ends in ``.zip``: whole or not at all.

    Raises:
        BundleError: There is something already, a name is not plain, or it cannot be written.
    """
    check_names(files)
    if path.exists() or path.is_symlink():
        raise BundleError(f"{path}: there is something already; remove it or give another path.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as scratch:
            whole = Path(scratch) / "whole"
            if path.suffix == ".zip":
                _write_file(whole, pack_zip(files))
            else:
                whole.mkdir()
                for name, data in files.items():
                    (whole / name).parent.mkdir(parents=True, exist_ok=True)
                    _write_file(whole / name, data)
            whole.rename(path)
    except OSError as error:
        raise BundleError(f"{path}: cannot be written ({error.strerror or error}).") from None


def _write_file(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
