"""How many processor threads a command's own process trains with."""

from __future__ import annotations

import os


def usual_threads() -> int | None:
    """How many where no argument says so: one, or with OMP_NUM_THREADS what it says, which ``None`` leaves as it is."""
    return None if os.environ.get("OMP_NUM_THREADS") else 1


def limit_threads(count: int | None) -> None:
    """Keep PyTorch, and what else multiplies matrices, to ``count`` threads.

    To be called before anything is trained: the number of threads has a say in which library multiplies, which is
    chosen once a process.
    """
    import threadpoolctl
    import torch

    if count is not None:
        torch.set_num_threads(count)
        # NumPy's products too, by which training goes on some processors.
        threadpoolctl.threadpool_limits(count, user_api="blas")
