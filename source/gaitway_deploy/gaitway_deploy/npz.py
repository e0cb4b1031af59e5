"""Arrays of numbers in a ``.npz`` file: read without pickle, and without trusting the sizes that it states."""

from __future__ import annotations

import io
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from .errors import BundleError

MAX_ARRAYS = 1000
MAX_BYTES = 512 * 2**20


def pack_npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as an uncompressed ``.npz``, the same bytes for the same arrays."""
    buffer = io.BytesIO()
    contents: dict[str, Any] = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    np.savez(buffer, **contents)
    return buffer.getvalue()


def unpack_npz(data: bytes, file: str) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz``, by name.

    Args:
        data: The file.
        file: Its name, for the message.

    Raises:
        BundleError: It is damaged, too large, or holds something other than numbers.
    """
    arrays: dict[str, np.ndarray] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ARRAYS or sum(entry.file_size for entry in entries) > MAX_BYTES:
                raise ValueError(f"more than {MAX_ARRAYS} arrays, or than {MAX_BYTES} bytes")
            for entry in entries:
                name = entry.filename[: -len(".npy")]
                if not entry.filename.endswith(".npy") or name in arrays:
                    raise ValueError(f"the entry {entry.filename[:60]!r} is no array, or is there twice")
                with archive.open(entry) as member:
                    # Never more than was announced.
                    content = member.read(entry.file_size + 1)
                arrays[name] = _array(content, name)
    except (
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        KeyError,
        EOFError,
        OSError,
        RuntimeError,
        NotImplementedError,
        MemoryError,
        SyntaxError,
        tokenize.TokenError,  # numpy looks at old headers with Python's tokenizer
        TypeError,
        OverflowError,
        AttributeError,
        IndexError,
    ) as error:
        raise BundleError(f"{file}: not readable as arrays ({error}); the file is damaged, fetch it again.") from None
    return arrays


def _array(content: bytes, name: str) -> np.ndarray:
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    elif version == (2, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    else:
        raise ValueError(f"array '{name}' is of the format {version}")
    if dtype.kind not in "fiub":
        raise ValueError(f"array '{name}' holds {dtype}, not numbers")
    if any(size < 0 for size in shape):
        raise ValueError(f"array '{name}' has the shape {shape}")
    # Nothing is made of the size that is stated: what is there either fits the shape, or is refused.
    flat = np.frombuffer(content, dtype=dtype, offset=stream.tell())
    array = flat.reshape(shape, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="))
