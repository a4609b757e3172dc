"""Update rules on one flat vector of weights a lane, in place.

``moments`` are two of (L, P), ``updates`` how many updates they have seen before this one. Everything is
elementwise, so that no lane can touch another. Equal to ``torch.optim`` to rounding, without the 1.3 s its import
costs a worker.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

_EPSILON = 1e-8

Moments = Sequence[Tensor] | Tensor
Update = Callable[[Tensor, Tensor, Moments, int, float, float, float], None]


def adam(
    weights: Tensor, gradient: Tensor, moments: Moments, updates: int, rate: float, beta1: float, beta2: float
) -> None:
    """Adam with bias correction (Kingma and Ba 2015, algorithm 1), epsilon 1e-8."""
    first, second = moments
    # The kernel behind torch.optim.Adam(fused=True): one pass over the four vectors instead of six. It takes their
    # numbers to lie side by side without looking, which autograd does not promise of a gradient.
    torch._fused_adam_(
        [weights],
        [gradient.contiguous()],
        [first],
        [second],
        [],
        [torch.tensor(updates + 1.0, device=weights.device)],
        lr=rate,
        beta1=beta1,
        beta2=beta2,
        weight_decay=0.0,
        eps=_EPSILON,
        amsgrad=False,
        maximize=False,
    )


def rmsprop(
    weights: Tensor, gradient: Tensor, moments: Moments, updates: int, rate: float, beta1: float, beta2: float
) -> None:
    """RMSProp without momentum, ``beta2`` its smoothing constant (Tieleman and Hinton 2012), epsilon 1e-8."""
    second = moments[1]
    second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
    weights.addcdiv_(gradient, second.sqrt().add_(_EPSILON), value=-rate)


def sgd(
    weights: Tensor, gradient: Tensor, moments: Moments, updates: int, rate: float, beta1: float, beta2: float
) -> None:
    """Gradient descent with momentum ``beta1``: v <- beta1 v + g, w <- w - rate v (Polyak 1964)."""
    velocity = moments[0]
    velocity.mul_(beta1).add_(gradient)
    weights.add_(velocity, alpha=-rate)


OPTIMIZERS: dict[str, Update] = {"adam": adam, "rmsprop": rmsprop, "sgd": sgd}


def clip_norm(gradient: Tensor, bound: float) -> Tensor:
    """Each lane's gradient (L, P), scaled down to Euclidean norm ``bound`` where it is longer."""
    norms = gradient.norm(dim=1, keepdim=True)
    return gradient * (bound / norms.clamp_min(bound))
