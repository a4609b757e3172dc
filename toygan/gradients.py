"""The gradients one iteration needs, of the critic's loss and of the generator's; by hand-derived passes or autograd.

A critic tells the gradient of its own loss with respect to its weights, and that of the generator's loss with respect
to the points that are fake; a generator makes points, and carries the latter on to its weights. Neither knows how the
other does it. Where the activation is piecewise linear they fill the buffers of ``passes.py``, and elsewhere they ask
autograd, which takes half as long again and also tests the passes.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from toygan.constraints import Constraint
from toygan.lanes import apart
from toygan.networks import ACTIVATIONS, Shape, forward, value_and_gradient
from toygan.objectives import Objective
from toygan.passes import Pass, Tangent
from toygan.penalties import Toward, Where, gradient_norms, penalty_slopes

#: A penalty: where, toward what, and its weight.
Term = tuple[Where, Toward, float]

#: Points (L, R, 2) of weights (L, P) and latents (L, R, Z).
Points = Callable[[Tensor, Tensor], Tensor]


class CriticGradients(Protocol):
    """Gradients of both losses as far as the critic goes; L lanes, U updates, batch B, P weights."""

    def look(self, real: Tensor, fake: Tensor, noises: Sequence[Tensor | None]) -> None:
        """Take the points of the coming updates, (L, U, B, 2); ``noises`` (L, U, B, width) one a penalty."""

    def of_weights(self, update: int) -> Tensor:
        """The gradient (L, P) of the critic's loss at the points of one of these updates."""

    def losses(self) -> tuple[Tensor, Tensor]:
        """The critic's loss (L,) that ``of_weights`` last differentiated, and the part of it that is penalty."""

    def of_points(self, fake: Tensor, paired: Tensor | None) -> tuple[Tensor, Tensor]:
        """The gradient (L, B, 2) of the generator's loss with respect to fake points, and that loss (L,)."""


class GeneratorGradients(Protocol):
    """A generator that makes points and carries their gradients back."""

    def points(self, latents: Tensor) -> Tensor:
        """Points (L, U, B, 2) of latents (L, U, B, Z)."""

    def of_weights(self, slopes: Tensor) -> Tensor:
        """The gradient (L, P) of a loss with these ``slopes`` (L, B, 2) at the last B of the points."""


def critic_gradients(
    shape: Shape,
    flat: Tensor,
    batch: int,
    objective: Objective,
    terms: tuple[Term, ...],
    constraint: Constraint,
    vectors: Tensor,
) -> CriticGradients:
    """For weights ``flat`` (L, P) and what constrains them, read where they are at each call."""
    kind = CriticByPasses if ACTIVATIONS[shape.activation].gate else CriticByAutograd
    return kind(shape, flat, batch, objective, terms, constraint, vectors)


def generator_gradients(
    points: Points, shape: Shape | None, flat: Tensor, batch: int, updates: int
) -> GeneratorGradients:
    """For weights ``flat`` (L, P), read where they are at each call, and ``updates`` batches of points.

    ``shape`` is that of the network that ``points`` goes through, if it is one.
    """
    if shape is not None and ACTIVATIONS[shape.activation].gate:
        return GeneratorByPasses(shape, flat, batch, updates)
    return GeneratorByAutograd(points, flat)


@contextlib.contextmanager
def _recording() -> Iterator[None]:
    """Record for autograd, whatever the mode outside; tensors made in inference mode have to be copied for it."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


class _Seats:
    """Which rows of the critic's batch each penalty looks at: real points, fake points, then points of its own."""

    def __init__(self, like: Tensor, batch: int, terms: tuple[Term, ...]) -> None:
        self._terms, self._batch = terms, batch
        real, fake = like.new_zeros(2, len(like), 1, batch, 2)
        points, seats = [real, fake], []
        for where, _, _ in terms:
            place = where.points(real, fake, like.new_zeros(len(like), 1, batch, where.width))
            # Real and fake points are in the batch already: a penalty there needs no rows of its own.
            seat = next((i for i, known in enumerate(points) if known is place), len(points))
            if seat == len(points):
                points.append(place)
            seats.append(seat)
        first, last = (min(seats), max(seats) + 1) if seats else (0, 0)
        self._own = [seat > 1 for seat in seats]
        self._parts = [slice((seat - first) * batch, (seat - first + 1) * batch) for seat in seats]
        #: How many rows there are, and from which to which any penalty looks.
        self.rows, self.looked_at = len(points) * batch, (first * batch, last * batch)

    def points(self, real: Tensor, fake: Tensor, noises: Sequence[Tensor | None]) -> Tensor:
        """All points, (L, U, rows, 2)."""
        own = [
            where.points(real, fake, noise)
            for (where, _, _), noise, own in zip(self._terms, noises, self._own, strict=True)
            if own
        ]
        return torch.cat([real, fake, *own], dim=2)

    def penalty(self, gradients: Tensor) -> Tensor:
        """The sum of the penalties (L,) of gradients (L, r, 2) at the rows looked at."""
        if not self._terms:
            return gradients.new_zeros(len(gradients))
        parts = zip(self._terms, self._parts, strict=True)
        found = [w * toward.value(gradient_norms(gradients[:, part])).mean(dim=-1) for (_, toward, w), part in parts]
        return functools.reduce(torch.add, found)

    def slopes(self, gradients: Tensor) -> Tensor:
        """The derivative of ``penalty`` with respect to the gradients, (L, r, 2)."""
        if len(self._terms) == 1:
            ((_, toward, weight),) = self._terms
            return penalty_slopes(toward, weight, gradients)
        total = torch.zeros_like(gradients)
        for (_, toward, weight), part in zip(self._terms, self._parts, strict=True):
            total[:, part] += penalty_slopes(toward, weight, gradients[:, part])
        return total


class CriticByPasses:
    """``CriticGradients`` for piecewise-linear activations."""

    def __init__(
        self,
        shape: Shape,
        flat: Tensor,
        batch: int,
        objective: Objective,
        terms: tuple[Term, ...],
        constraint: Constraint,
        vectors: Tensor,
    ) -> None:
        self._objective, self._terms, self._batch = objective, terms, batch
        self._shape, self._flat, self._constraint, self._vectors = shape, flat, constraint, vectors
        self._free = constraint.free
        self._weights = flat if self._free else torch.empty_like(flat)
        self._seats = seats = _Seats(flat, batch, terms)
        self._pass = critic = Pass(shape, self._weights, torch.empty_like(flat), seats.rows)
        self._values = critic.values[:, :batch, 0], critic.values[:, batch : 2 * batch, 0]
        self._looked_at = critic.rows(*seats.looked_at)
        self._gradients = self._looked_at.points
        self._place_seeds()
        self._tangent = Tangent(self._looked_at, self._scale) if terms else None
        self._seed()
        self._of_generator = critic.rows(0, batch * (1 + objective.paired), apart=True)
        self._at_fakes = self._of_generator.rows(0, batch)

    def look(self, real: Tensor, fake: Tensor, noises: Sequence[Tensor | None]) -> None:
        """See ``CriticGradients``."""
        self._points = self._seats.points(real, fake, noises)

    def of_weights(self, update: int) -> Tensor:
        """See ``CriticGradients``."""
        critic = self._pass
        effective = self._constrain()
        critic.points.copy_(self._points[:, update])
        critic.forward()
        if not self._objective.linear:
            self._seed()
        critic.backward()
        if self._tangent is None:
            return self._pull_back(effective, critic.differentiate())
        self._gradients = self._looked_at.slopes()
        self._tangent.replace(self._seats.slopes(self._gradients))
        gradient = critic.differentiate()
        self._tangent.restore()
        return self._pull_back(effective, gradient)

    def _place_seeds(self) -> None:
        """Say where slopes go. The seed is one where a penalty looks, which wants the gradient of the critic itself."""
        critic, batch, (start, stop) = self._pass, self._batch, self._seats.looked_at
        shared = start < min(2 * batch, stop)
        slopes = torch.zeros_like(critic.seeds) if shared else critic.seeds
        self._slopes, self._scale = slopes, slopes[:, start:stop] if shared else None
        at_real, at_fake = slopes[:, :batch, 0], slopes[:, batch : 2 * batch, 0]
        self._lanes = list(zip(*map(apart, (*self._values, at_real, at_fake)), strict=True))
        self._looked_at.seeds.fill_(1)

    def _seed(self) -> None:
        for real, fake, at_real, at_fake in self._lanes:
            real_slopes, fake_slopes = self._objective.critic_slopes(real, fake)
            at_real.copy_(real_slopes)
            at_fake.copy_(fake_slopes)
        if self._scale is not None:
            self._pass.seeds.copy_(self._slopes)
            self._looked_at.seeds.fill_(1)

    def losses(self) -> tuple[Tensor, Tensor]:
        """See ``CriticGradients``."""
        penalty = self._seats.penalty(self._gradients)
        return self._objective.critic(*self._values) + penalty, penalty

    def of_points(self, fake: Tensor, paired: Tensor | None) -> tuple[Tensor, Tensor]:
        """See ``CriticGradients``."""
        self._constrain()
        critic, batch = self._of_generator, self._batch
        critic.points[:, :batch] = fake
        if paired is not None:
            critic.points[:, batch:] = paired
        critic.forward()
        values = critic.values[:, batch:, 0], critic.values[:, :batch, 0]
        for real, fakes, seeds in zip(*map(apart, (*values, self._at_fakes.seeds[..., 0])), strict=True):
            seeds.copy_(self._objective.generator_slope(real, fakes))
        self._at_fakes.backward()
        return self._at_fakes.slopes(), self._objective.generator(*values)

    def _constrain(self) -> tuple[Tensor, Tensor] | None:
        """Bring the weights the critic computes with up to date, and keep how they follow from its own."""
        if self._free:
            return None
        with _recording():
            leaf = self._flat.detach().requires_grad_()
            effective = self._constraint.weights(self._shape, leaf, self._vectors)
        self._weights.copy_(effective.detach())
        return leaf, effective

    def _pull_back(self, effective: tuple[Tensor, Tensor] | None, gradient: Tensor) -> Tensor:
        if effective is None:
            return gradient
        leaf, weights = effective
        return torch.autograd.grad(weights, leaf, gradient)[0]


class CriticByAutograd:
    """``CriticGradients`` for any activation."""

    def __init__(
        self,
        shape: Shape,
        flat: Tensor,
        batch: int,
        objective: Objective,
        terms: tuple[Term, ...],
        constraint: Constraint,
        vectors: Tensor,
    ) -> None:
        self._shape, self._flat, self._batch, self._objective = shape, flat, batch, objective
        self._constraint, self._vectors = constraint, vectors
        self._seats = _Seats(flat, batch, terms)

    def look(self, real: Tensor, fake: Tensor, noises: Sequence[Tensor | None]) -> None:
        """See ``CriticGradients``."""
        with torch.inference_mode(False):
            self._points = self._seats.points(real, fake, noises)

    def of_weights(self, update: int) -> Tensor:
        """See ``CriticGradients``."""
        batch, points = self._batch, self._points[:, update]
        with _recording():
            leaf = self._flat.detach().requires_grad_()
            weights = self._constraint.weights(self._shape, leaf, self._vectors)
            values, gradients = value_and_gradient(self._shape, weights, points, slice(*self._seats.looked_at))
            penalty = self._seats.penalty(gradients)
            loss = self._objective.critic(values[:, :batch], values[:, batch : 2 * batch]) + penalty
            (gradient,) = torch.autograd.grad(loss.sum(), leaf)
        self._losses = loss.detach(), penalty.detach()
        return gradient

    def losses(self) -> tuple[Tensor, Tensor]:
        """See ``CriticGradients``."""
        return self._losses

    def of_points(self, fake: Tensor, paired: Tensor | None) -> tuple[Tensor, Tensor]:
        """See ``CriticGradients``."""
        with _recording():
            weights = self._constraint.weights(self._shape, self._flat, self._vectors)
            leaf = fake.clone().requires_grad_()
            points = leaf if paired is None else torch.cat([leaf, paired.clone()], dim=1)
            values = forward(self._shape, weights, points)[..., 0]
            loss = self._objective.generator(values[:, self._batch :], values[:, : self._batch])
            (slopes,) = torch.autograd.grad(loss.sum(), leaf)
        return slopes, loss.detach()


class GeneratorByPasses:
    """``GeneratorGradients`` for piecewise-linear activations."""

    def __init__(self, shape: Shape, flat: Tensor, batch: int, updates: int) -> None:
        rows = batch * updates
        self._pass = Pass(shape, flat, torch.empty_like(flat), rows)
        self._last = self._pass.rows(rows - batch, rows)

    def points(self, latents: Tensor) -> Tensor:
        """See ``GeneratorGradients``."""
        self._pass.points.copy_(latents.flatten(1, 2))
        self._pass.forward()
        return self._pass.values.unflatten(1, latents.shape[1:3])

    def of_weights(self, slopes: Tensor) -> Tensor:
        """See ``GeneratorGradients``."""
        self._last.seeds.copy_(slopes)
        self._last.backward()
        return self._last.differentiate()


class GeneratorByAutograd:
    """``GeneratorGradients`` for any activation, and for what is no network."""

    def __init__(self, points: Points, flat: Tensor) -> None:
        self._points, self._flat = points, flat

    def points(self, latents: Tensor) -> Tensor:
        """See ``GeneratorGradients``."""
        early, last = latents[:, :-1], latents[:, -1:]
        fakes = self._points(self._flat, early.flatten(1, 2)).unflatten(1, early.shape[1:3])
        with _recording():
            self._leaf = self._flat.detach().requires_grad_()
            self._last = self._points(self._leaf, last.flatten(1, 2).clone())
        return torch.cat([fakes, self._last.detach().unsqueeze(1)], dim=1)

    def of_weights(self, slopes: Tensor) -> Tensor:
        """See ``GeneratorGradients``."""
        return torch.autograd.grad(self._last, self._leaf, slopes)[0]
