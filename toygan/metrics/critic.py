"""What the critic itself says: its estimate of the distance, its gradients and its weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import ArrayLike

_PLACES = ("real", "fake", "between")


def critic_report(
    real_values: ArrayLike,
    fake_values: ArrayLike,
    gradient_norms: Mapping[str, ArrayLike],
    weights: np.ndarray | Iterable[ArrayLike] | None = None,
    clip: float | None = None,
) -> dict[str, float | None]:
    """Critic diagnostics from its raw outputs r at real and f at fake points, and its input-gradient norms.

    `real_mean`, `fake_mean`: mean r and mean f. `critic_gap` = mean r - mean f. `lipschitz`: the largest
    norm over all places in `gradient_norms`, per data unit; a lower bound on the true constant.
    `critic_estimate` = critic_gap / lipschitz, in data units: by Kantorovich and Rubinstein at most W1, if
    the measured constant is the true one (WGAN, Arjovsky et al. 2017). `gradient_norm_real`, `_fake`,
    `_between`: mean norms there. `clipped_share`: share of `weights` (an array, or several) with |w| >=
    clip (up to 1e-6 of it), from 0 to 1. What is not given or not finite is None.
    """
    norms = {place: _flat(values) for place, values in gradient_norms.items()}
    real_mean, fake_mean = _mean(_flat(real_values)), _mean(_flat(fake_values))
    gap = None if real_mean is None or fake_mean is None else _finite(real_mean - fake_mean)
    # np.max keeps NaN, Python's max would depend on the order
    lipschitz = _finite(np.max([values.max() for values in norms.values() if values.size], initial=-math.inf))
    return {
        "critic_gap": gap,
        "lipschitz": lipschitz,
        "critic_estimate": None if gap is None or not lipschitz else _finite(gap / lipschitz),
        **{f"gradient_norm_{place}": _mean(norms.get(place, np.empty(0))) for place in _PLACES},
        "clipped_share": _clipped_share(weights, clip),
        "real_mean": real_mean,
        "fake_mean": fake_mean,
    }


def _clipped_share(weights: np.ndarray | Iterable[ArrayLike] | None, clip: float | None) -> float | None:
    if weights is None or clip is None:
        return None
    parts = [weights] if isinstance(weights, np.ndarray) else weights
    flat = np.concatenate([np.empty(0), *map(_flat, parts)])
    return _mean(np.abs(flat) >= clip * (1 - 1e-6))


def _flat(values: ArrayLike) -> np.ndarray:
    return np.asarray(values, dtype=np.float64).ravel()


def _mean(values: np.ndarray) -> float | None:
    with np.errstate(over="ignore", invalid="ignore"):
        return _finite(values.mean()) if values.size else None


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
