"""Quaternions (x, y, z, w) in numpy, in the last axis of arrays, as vectors are."""

from __future__ import annotations

import numpy as np


def rotate(quat: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Turn vectors by quaternions: from the body's frame to the world's."""
    axis, w = quat[..., :3], quat[..., 3:]
    twice = 2.0 * np.cross(axis, vector)
    return vector + w * twice + np.cross(axis, twice)


def rotate_back(quat: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Turn vectors by the inverses of quaternions: from the world's frame to the body's."""
    return rotate(quat * np.array([-1.0, -1.0, -1.0, 1.0]), vector)


def multiply(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Product of quaternions: turns by the second, then by the first."""
    a, b = first[..., :3], second[..., :3]
    w1, w2 = first[..., 3:], second[..., 3:]
    axis = w1 * b + w2 * a + np.cross(a, b)
    return np.concatenate([axis, w1 * w2 - (a * b).sum(axis=-1, keepdims=True)], axis=-1)


def angle_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Angle of the rotation that leads from one orientation to the other. Unit: rad, 0 to pi."""
    # From the difference of unit vectors rather than from their product, which is flat near zero.
    first = first / np.linalg.norm(first, axis=-1, keepdims=True)
    second = second / np.linalg.norm(second, axis=-1, keepdims=True)
    nearer = np.minimum(np.linalg.norm(first - second, axis=-1), np.linalg.norm(first + second, axis=-1))
    return 4.0 * np.arcsin(np.minimum(nearer / 2.0, 1.0))


def tilt(quat: np.ndarray) -> np.ndarray:
    """Angle between a body's z axis and the world's. Unit: rad."""
    upright = 1.0 - 2.0 * (quat[..., 0] ** 2 + quat[..., 1] ** 2)
    return np.arccos(np.clip(upright, -1.0, 1.0))
