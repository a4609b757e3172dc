"""Which library multiplies matrices on the processor, chosen once a process.

PyTorch hands float32 products to its BLAS (MKL on x86) or, when told that bfloat16 would do, to oneDNN. Where the
processor has matrix units oneDNN then really computes in bfloat16; where it has none it computes in float32 all the
same, and large products take 3 to 7 % less time than MKL's on AMD's Zen 4, half of it on some others. Small products
take twice as long.

The choice must not depend on the clock: two workers of one machine that chose differently would give one run other
bits. So it follows from the processor alone: oneDNN, for products of ``LARGE`` multiplications or more, where its error
against float64 is that of float32, and PyTorch's default everywhere else. ``TOYGAN_ROUTE=default`` keeps to the
default, for whoever wants the same bits on several kinds of machine.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable

import torch
from torch import Tensor

#: Multiplications from which on a product is worth oneDNN's dearer call: 768 points through a layer of 128 by 128 are.
LARGE = 10**7

#: The largest relative error that passes for float32's: bfloat16's is thousands of times larger, float32's a third.
_ERROR = 1e-6

Product = Callable[[Tensor, Tensor, Tensor], None]


def product(like: Tensor, multiplications: int) -> Product:
    """``product(a, b, out)``, out = a b, for matrices of a lane that take so many multiplications.

    a (R, I), b (I, O), out (R, O), all with a first axis of lanes unless there is one lane. ``like`` (L, ...) tells
    lanes, precision and device.
    """
    lanes, single = len(like), like.dtype == torch.float32 and like.device.type == "cpu"
    if multiplications >= LARGE and single and route() == "onednn":
        return _onednn_one if lanes == 1 else _onednn_stack
    return _one if lanes == 1 else _stack


def _one(a: Tensor, b: Tensor, out: Tensor) -> None:
    torch.mm(a, b, out=out)


def _stack(a: Tensor, b: Tensor, out: Tensor) -> None:
    torch.bmm(a, b, out=out)


# PyTorch's own property, without the half microsecond that its checks take.
_allow: Callable[[str, str, str], object] = torch._C._set_fp32_precision_setter


def _onednn_one(a: Tensor, b: Tensor, out: Tensor) -> None:
    _allow("mkldnn", "matmul", "bf16")
    try:
        torch.mm(a, b, out=out)
    finally:
        _allow("mkldnn", "matmul", "none")


def _onednn_stack(a: Tensor, b: Tensor, out: Tensor) -> None:
    _allow("mkldnn", "matmul", "bf16")
    try:
        torch.bmm(a, b, out=out)
    finally:
        _allow("mkldnn", "matmul", "none")


@functools.cache
def route() -> str:
    """ "onednn" where it is there and as exact as float32 should be, else "default"."""
    if os.environ.get("TOYGAN_ROUTE") == "default" or not torch.backends.mkldnn.is_available():
        return "default"
    return "onednn" if error() < _ERROR else "default"


def error() -> float:
    """oneDNN's relative error, in the Euclidean norm, in a product of two 512 by 512 matrices of N(0, 1)."""
    random = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 512, 512, generator=random)
    found, exact = torch.empty_like(a), a.double() @ b.double()
    _onednn_one(a, b, found)
    return float((found.double() - exact).norm() / exact.norm())
