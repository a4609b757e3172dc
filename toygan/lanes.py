"""Lanes side by side in one tensor, and each with the bits that it has alone.

A processor goes through a vector in strides of 16 or 32 numbers, and what is left over at its end one number at a
time, where exponentials and fused multiplications are rounded otherwise. In a stack of lanes other numbers are left
over than in each lane alone. Where that matters a stack is taken apart.
"""

from __future__ import annotations

from torch import Tensor


def apart(stack: Tensor) -> tuple[Tensor, ...]:
    """The lanes (1, ...) of a stack (L, ...), as views; on a GPU, where every number is rounded alike, all at once."""
    return stack.split(1) if len(stack) > 1 and stack.device.type == "cpu" else (stack,)
