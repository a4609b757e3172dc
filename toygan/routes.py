"""Which library multiplies matrices on the processor, chosen once a process.

PyTorch hands products to its BLAS, which is MKL on x86. For float32 there are two others, and each is faster somewhere:

- OpenBLAS, which NumPy brings, has kernels of their own for thin and for small products on processors with AVX-512: a
  network's last layer with two outputs takes MKL 10 to 20 times as long on AMD's Zen 4, its first one with two inputs
  twice as long, and layers of 128 by 128 some per cent longer.
- oneDNN, which PyTorch turns to when told that bfloat16 would do. Where the processor has matrix units it then really
  computes in bfloat16; where it has none it computes in float32 all the same, and large products take 3 to 7 % less
  time than the others' on AMD's Zen 4. Small products take twice as long.

The choice must not depend on the clock: two workers of one machine that chose differently would give one run other
bits. So it follows from the processor and the shape alone. oneDNN is taken where its error against float64 is that of
float32; OpenBLAS on AMD's processors with AVX-512, where it was measured, as long as it is to keep to one thread, which
PyTorch cannot tell it; and PyTorch's default everywhere else. ``TOYGAN_ROUTE=default`` keeps to the default, for
whoever wants the same bits on several kinds of machine.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl
import torch
from torch import Tensor

#: Multiplications from which on a product is worth oneDNN's dearer call: 768 points through a layer of 128 by 128 are.
LARGE = 10**7

#: The largest relative error that passes for float32's: bfloat16's is thousands of times larger, float32's a third.
_ERROR = 1e-6

#: OpenBLAS's names of its kernels for AVX-512.
_AVX512 = {"SkylakeX", "Cooperlake"}

Product = Callable[[], object]


def product(a: Tensor, b: Tensor, out: Tensor) -> Product:
    """``out = a b`` as a call, for buffers that stay where they are while their numbers change.

    a (R, I), b (I, O), out (R, O), or all three with a first axis of lanes.
    """
    rows, inner = a.shape[-2:]
    if inner == 1:
        # One multiplication a number: no library is quicker, and OpenBLAS takes ten times as long.
        return functools.partial(torch.mul, a, b, out=out)
    default = functools.partial(torch.bmm if a.ndim == 3 else torch.mm, a, b, out=out)
    if a.dtype != torch.float32 or a.device.type != "cpu":
        return default
    if rows * inner * b.shape[-1] >= LARGE and onednn():
        return functools.partial(_by_onednn, default)
    if openblas():
        return functools.partial(np.matmul, a.numpy(), b.numpy(), out.numpy())
    return default


# PyTorch's own property, without the half microsecond that its checks take.
_allow: Callable[[str, str, str], object] = torch._C._set_fp32_precision_setter


def _by_onednn(multiply: Product) -> None:
    _allow("mkldnn", "matmul", "bf16")
    try:
        multiply()
    finally:
        _allow("mkldnn", "matmul", "none")


def route() -> str:
    """Which libraries multiply beside PyTorch's default, in words for a report."""
    found = {"openblas": openblas(), "onednn": onednn()}
    return ", ".join(name for name, there in found.items() if there) or "default"


@functools.cache
def onednn() -> bool:
    """Whether oneDNN is there and as exact as float32 should be."""
    return not _only_default() and torch.backends.mkldnn.is_available() and error() < _ERROR


@functools.cache
def openblas() -> bool:
    """Whether NumPy multiplies by OpenBLAS's kernels for AVX-512, on one thread, beside an AMD processor's MKL."""
    if _only_default() or not torch.backends.mkl.is_available() or "openblas" not in _numpy_blas():
        return False
    found = _numpys_openblas()
    kernels = all(library["architecture"] in _AVX512 for library in found)
    threads = {torch.get_num_threads(), *(library["num_threads"] for library in found)}
    return _processor().startswith("AMD") and bool(found) and kernels and threads == {1}


def _only_default() -> bool:
    return os.environ.get("TOYGAN_ROUTE") == "default"


def _numpys_openblas() -> list[dict[str, Any]]:
    """The OpenBLAS that NumPy multiplies by, of those that are loaded.

    Where NumPy comes from a wheel, SciPy has one of its own, which may be loaded already or not yet.
    """
    found = [library for library in threadpoolctl.threadpool_info() if library["internal_api"] == "openblas"]
    own = [library for library in found if "numpy.libs" in Path(library["filepath"]).parts]
    return own or found


def _numpy_blas() -> str:
    """What NumPy was built with."""
    return str(np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"])


def _processor() -> str:
    """The processor's name, which begins with its maker's."""
    return str(torch.cpu.get_capabilities().get("cpu_name", ""))


def error() -> float:
    """oneDNN's relative error, in the Euclidean norm, in a product of two 512 by 512 matrices of N(0, 1)."""
    random = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 512, 512, generator=random)
    found, exact = torch.empty_like(a), a.double() @ b.double()
    _by_onednn(functools.partial(torch.mm, a, b, out=found))
    return float((found.double() - exact).norm() / exact.norm())
