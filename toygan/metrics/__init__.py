"""How far the samples are from the data: exact transport, coverage, and what the critic says of itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from toygan.distributions import Distribution
from toygan.metrics.coverage import Coverage, Shares, coverage, perfect_shares, reverse_kl
from toygan.metrics.critic import critic_report

if TYPE_CHECKING:
    from toygan.metrics.transport import Floor, noise_floor, wasserstein

__all__ = [
    "Coverage",
    "Floor",
    "Shares",
    "coverage",
    "critic_report",
    "evaluate",
    "noise_floor",
    "perfect_shares",
    "reverse_kl",
    "wasserstein",
]


def __getattr__(name: str) -> Any:
    # Transport imports POT, which takes most of a second: only for those who measure distances.
    if name in ("Floor", "noise_floor", "wasserstein"):
        from toygan.metrics import transport

        return getattr(transport, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def evaluate(
    samples: ArrayLike, real: ArrayLike, distribution: Distribution, orders: Iterable[int] = (1, 2)
) -> dict[str, float | int | None]:
    """All metrics of samples (n, 2) against as many real points, as numbers that fit into JSON.

    `w1`, `w2` (data units; None when p is not in `orders` or a sample is not finite), `modes`,
    `modes_total`, `modes_by_share`, `high_quality` (0 to 1) and `reverse_kl` (nats or None), as in
    `coverage`. Raises ValueError for other shapes or orders and for clouds of different sizes.
    """
    from toygan.metrics.transport import wasserstein

    samples, real = np.asarray(samples, dtype=np.float64), np.asarray(real, dtype=np.float64)
    covered = coverage(samples, distribution)
    distances: dict[str, float | int | None] = {"w1": None, "w2": None}
    if np.isfinite(samples).all():
        for p in orders:
            distance = wasserstein(samples, real, p)
            distances[f"w{p}"] = distance if np.isfinite(distance) else None
    return {
        **distances,
        "modes": covered.modes,
        "modes_total": covered.total,
        "modes_by_share": covered.modes_by_share,
        "high_quality": covered.high_quality,
        "reverse_kl": covered.reverse_kl,
    }
