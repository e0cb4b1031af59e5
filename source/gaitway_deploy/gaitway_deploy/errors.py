"""What can go wrong, said so that one knows what to do."""

from __future__ import annotations


class DeployError(Exception):
    """Anything that this package refuses; the message says what was wrong, where, and what to do."""


class BundleError(DeployError):
    """A bundle that is damaged, changed, or of another version."""


class RobotError(DeployError):
    """A robot whose data does not fit the contract."""


class EndOfData(DeployError):
    """A recording that is played back has ended: a run ends with it, as it should."""
