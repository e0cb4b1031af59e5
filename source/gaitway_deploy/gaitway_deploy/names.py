"""Names of the files in a bundle."""

from __future__ import annotations


def is_plain_name(name: str) -> bool:
    """Whether a name is a plain relative path: ASCII, forward slashes, no step up, read alike everywhere."""
    if not name or len(name) > 200 or not all(" " < c < "\x7f" and c not in '\\:*?"<>|' for c in name):
        return False
    return all(part.strip(".") and not part.endswith(".") for part in name.split("/"))
