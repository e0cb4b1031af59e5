"""Runs a policy on a robot: needs numpy and onnxruntime, and nothing of what trained it."""

from __future__ import annotations

__version__ = "0.1.0"
