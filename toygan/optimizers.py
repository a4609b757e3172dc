"""Update rules on one flat vector of weights a lane, in place.

``moments`` are two of (L, P), and ``update`` says which update of theirs this is, counted from 1. Everything is
elementwise, so that no lane can touch another. Equal to ``torch.optim`` to rounding, without the 1.3 s its import
costs a worker.

``update`` and ``rate`` may be tensors without axes, on the weights' device, and then no value of theirs is read here:
an update that is recorded once and replayed takes what they hold at each replay. The weights come out the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from toygan.lanes import apart

_EPSILON = 1e-8

Number = float | Tensor
Moments = Sequence[Tensor] | Tensor
Update = Callable[[Tensor, Tensor, Moments, Number, Number, float, float], None]


def adam(
    weights: Tensor, gradient: Tensor, moments: Moments, update: Number, rate: Number, beta1: float, beta2: float
) -> None:
    """Adam with bias correction (Kingma and Ba 2015, algorithm 1), epsilon 1e-8."""
    count = update if isinstance(update, Tensor) else torch.tensor(float(update), device=weights.device)
    vectors, slopes, first, second = map(apart, (weights, gradient.contiguous(), *moments))
    # The kernel behind torch.optim.Adam(fused=True): one pass over the four vectors instead of six. It takes their
    # numbers to lie side by side without looking, which autograd does not promise of a gradient.
    torch._fused_adam_(
        vectors,
        slopes,
        first,
        second,
        [],
        [count] * len(vectors),
        lr=rate,
        beta1=beta1,
        beta2=beta2,
        weight_decay=0.0,
        eps=_EPSILON,
        amsgrad=False,
        maximize=False,
    )


def rmsprop(
    weights: Tensor, gradient: Tensor, moments: Moments, update: Number, rate: Number, beta1: float, beta2: float
) -> None:
    """RMSProp without momentum, ``beta2`` its smoothing constant (Tieleman and Hinton 2012), epsilon 1e-8."""
    second = moments[1]
    second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
    spread = second.sqrt().add_(_EPSILON)
    if isinstance(rate, Tensor):
        weights.addcdiv_(gradient * rate, spread, value=-1)
    else:
        weights.addcdiv_(gradient, spread, value=-rate)


def sgd(
    weights: Tensor, gradient: Tensor, moments: Moments, update: Number, rate: Number, beta1: float, beta2: float
) -> None:
    """Gradient descent with momentum ``beta1``: v <- beta1 v + g, w <- w - rate v (Polyak 1964)."""
    velocity = moments[0]
    velocity.mul_(beta1).add_(gradient)
    if isinstance(rate, Tensor):
        weights.addcmul_(velocity, rate, value=-1)
    else:
        weights.add_(velocity, alpha=-rate)


OPTIMIZERS: dict[str, Update] = {"adam": adam, "rmsprop": rmsprop, "sgd": sgd}


def clip_norm(gradient: Tensor, bound: float) -> Tensor:
    """Each lane's gradient (L, P), scaled down to Euclidean norm ``bound`` where it is longer."""
    norms = gradient.norm(dim=1, keepdim=True)
    return gradient * (bound / norms.clamp_min(bound))
