"""What makes a program wait for its GPU, found on the CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

WAITS = {
    "aten::_local_scalar_dense", "aten::item", "aten::nonzero", "aten::masked_select", "aten::equal",
    "aten::is_nonzero", "aten::_unique2", "aten::unique_dim", "aten::unique_consecutive", "aten::allclose",
    "aten::repeat_interleave.Tensor", "aten::bincount",
}  # fmt: skip
"""Operators whose answer, or its shape, the host must know before it can go on."""
INDEXING = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}


class NeverWaits(TorchDispatchMode):
    """Within it, an operator that would wait for a GPU fails: to read a value, to select by a mask, to copy between
    devices, or to make a tensor of numbers that the host holds. (On the CPU, ``tolist`` and ``numpy`` read memory with
    no operator; tensors on the device ``meta`` refuse them.)"""

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        name = func._schema.name
        overload = func._overloadname
        if name in WAITS or f"{name}.{overload}" in WAITS:
            raise AssertionError(f"{name} waits for the device")
        picks = args[1] if name in INDEXING else ()
        if any(index is not None and index.dtype in (torch.bool, torch.uint8) for index in picks):
            raise AssertionError(f"{name} with a mask waits for the device")
        if name in ("aten::_to_copy", "aten::copy_"):
            source, target = (args[0], kwargs.get("device")) if name == "aten::_to_copy" else (args[1], args[0].device)
            if target is not None and torch.device(target).type != source.device.type:
                raise AssertionError(f"{name} from {source.device} to {target} waits for the device")
        if name in ("aten::lift_fresh", "aten::lift_fresh_copy"):
            raise AssertionError("numbers of the host become a tensor, which is copied to the device")
        return func(*args, **kwargs)
