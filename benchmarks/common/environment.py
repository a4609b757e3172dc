"""The environment of what is measured; to be settled before NumPy and PyTorch are imported, which read it once."""

from __future__ import annotations

import os


def own_kernels() -> None:
    """Let OpenBLAS choose its kernels.

    Some machines name others than it would choose, by which NumPy's products take twice as long. Of the contenders that
    would hold back toygan alone.
    """
    for variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(variable, None)


def one_thread() -> None:
    """Keep all libraries of linear algebra to one thread."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = "1"
