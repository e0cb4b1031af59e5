"""What the user sees: our own lines on the terminal, the libraries' in a log file."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console


def show(line: str, *, as_json: bool) -> None:
    """Print a line for people: to standard output, or beside it when that is for JSON."""
    print(line, file=sys.stderr if as_json else sys.stdout, flush=True)


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object as the last line of standard output; NaN becomes null."""
    print(json.dumps(_plain(value)), flush=True)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    return value


@contextlib.contextmanager
def library_output_to(log: Path | None, *, as_json: bool) -> Iterator[Console]:
    """Send what libraries print, native ones too, to a file; yield a console that still reaches the terminal.

    Args:
        log: The file, which is appended to; None leaves the output on the terminal.
        as_json: Whether standard output is kept for JSON.
    """
    terminal = 2 if as_json else 1
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(1), os.dup(2)]
    stream = os.fdopen(os.dup(terminal), "w", encoding="utf-8")
    # A terminal that is none (a pipe, a file) gets plain lines.
    console = Console(file=stream, force_terminal=None if os.isatty(terminal) else False, soft_wrap=True)
    try:
        if log is not None:
            sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(sink, 1)
            os.dup2(sink, 2)
            os.close(sink)
        elif as_json:
            os.dup2(2, 1)
        yield console
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # What C libraries have printed may still be in their buffers, and would come out on the terminal.
        ctypes.CDLL(None).fflush(None)
        stream.flush()
        for number, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, number)
            os.close(copy)
        stream.close()
