"""JSON as a bundle may hold it: no names twice, no NaN, nothing that differs between one parser and the next."""

from __future__ import annotations

import json
from typing import Any

from .errors import BundleError

_LONGEST_INTEGER = 18


def parse_json(data: bytes, name: str) -> Any:
    """Parse JSON strictly.

    Args:
        data: The file.
        name: Its name, for the message.

    Raises:
        BundleError: It is not JSON, or not strictly.
    """
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refused_constant,
            parse_int=_short_int,
        )
    except RecursionError:
        raise BundleError(f"{name}: nested too deeply; this was not written by Gaitway.") from None
    except ValueError as error:
        raise BundleError(f"{name}: not readable as JSON ({error}); the file is damaged, fetch it again.") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"'{twice[:60]}' is there twice")
    return found


def _refused_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def _short_int(text: str) -> int:
    if len(text) > _LONGEST_INTEGER:
        raise ValueError(f"an integer of {len(text)} digits")
    return int(text)
