"""Returns as distributions over fixed values (Bellemare, Dabney and Munos 2017, "C51")."""

from __future__ import annotations

import torch


def project_categorical(
    probs: torch.Tensor, shift: torch.Tensor, discount: torch.Tensor, support: torch.Tensor
) -> torch.Tensor:
    """Move a distribution's values to ``shift + discount · z`` and share the mass among the fixed values nearest.

    Each value that falls between two neighbours gives them its mass in proportion to nearness, so that the whole mass
    is kept, and the mean too for what stays inside the support; what falls outside goes to the edge.

    Args:
        probs: Mass at each value. Shape is (..., batch, num_atoms).
        shift: Shape is (batch,).
        discount: Shape is (batch,).
        support: The values, evenly spaced. Shape is (num_atoms,).

    Returns:
        Shape is that of ``probs``.
    """
    low, high = support[0], support[-1]
    step = (high - low) / (len(support) - 1)
    moved = torch.clamp(torch.addcmul(shift.unsqueeze(-1), discount.unsqueeze(-1), support), min=low, max=high)
    place = ((moved - low) / step).clamp(0, len(support) - 1)
    left = place.floor()
    # A value that falls upon an atom gives it all: its share to the right is 0, and its right neighbour may not exist.
    to_right = place - left
    left_index = left.long().expand_as(probs)
    right_index = (left_index + 1).clamp(max=len(support) - 1)
    out = torch.zeros_like(probs)
    out.scatter_add_(-1, left_index, probs * (1.0 - to_right))
    return out.scatter_add_(-1, right_index, probs * to_right)


def categorical_mean(logits: torch.Tensor, support: torch.Tensor) -> torch.Tensor:
    """Mean of a distribution. Shape of ``logits`` is (..., num_atoms), of the result (...)."""
    # Not a matrix product: autocast would round that to bfloat16, and critics that differ little would look the same.
    return (torch.softmax(logits.float(), dim=-1) * support).sum(dim=-1)
