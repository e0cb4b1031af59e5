"""Errors that are the user's to mend."""

from __future__ import annotations


class UsageError(ValueError):
    """Wrong input. The message is one line: what was wrong, where, and what to do.

    The CLI prints it and exits with status 2.
    """


class Advice(UserWarning):
    """A choice that is known to go wrong. The message is one line: what, why, and what to do.

    The CLI shows it, and goes on.
    """


class BrokenError(RuntimeError):
    """Something failed that is not the user's to mend. The message is one line that names the log.

    The CLI prints it and exits with status 1.
    """
