"""Networks looked at by blocks, through kept buffers, give what plain PyTorch gives for all points at once."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from toygan import evaluation
from toygan.evaluation import ROWS, values, values_and_slopes
from toygan.networks import ACTIVATIONS, Shape, forward, input_gradient

#: Fewer points than a block has, just as many, and blocks with a rest.
COUNTS = [1, ROWS, 2 * ROWS + 3]


def network(
    activation: str, lanes: int, width: int = 6, outputs: int = 1, depth: int = 2
) -> tuple[Shape, torch.Tensor]:
    shape = Shape.of(2, width, depth, outputs, activation)
    rng = np.random.default_rng(width + lanes)
    return shape, torch.tensor(rng.standard_normal((lanes, shape.parameters)))


def points(lanes: int, count: int) -> torch.Tensor:
    return torch.tensor(np.random.default_rng(count).standard_normal((lanes, count, 2)))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize("count", COUNTS)
def test_values_are_those_of_all_points_at_once(activation: str, lanes: int, count: int) -> None:
    for depth, outputs in [(2, 1), (2, 2), (0, 2)]:
        shape, flat = network(activation, lanes, outputs=outputs, depth=depth)
        where = points(lanes, count)
        torch.testing.assert_close(values(shape, flat, where), forward(shape, flat, where), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize("count", COUNTS)
def test_slopes_are_autograd_s(activation: str, lanes: int, count: int) -> None:
    shape, flat = network(activation, lanes)
    where = points(lanes, count)
    for found, expected in zip(values_and_slopes(shape, flat, where), input_gradient(shape, flat, where), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_what_was_looked_at_before_leaves_no_trace() -> None:
    where = points(1, 5)
    shape, flat = network("relu", 1)
    values_first, slopes_first = values_and_slopes(shape, flat, where)
    # A run whose numbers overflowed, in the same buffers.
    values_and_slopes(shape, torch.full_like(flat, torch.nan), points(1, ROWS))
    values(shape, torch.full_like(flat, torch.inf), points(1, ROWS))
    again = values_and_slopes(shape, flat, where)
    assert torch.equal(again[0], values_first)
    assert torch.equal(again[1], slopes_first)


def test_what_was_given_stays_when_the_buffers_are_filled_again() -> None:
    shape, flat = network("leaky-relu", 2)
    found, slopes = values_and_slopes(shape, flat, points(2, 9))
    copies = found.clone(), slopes.clone()
    values_and_slopes(shape, -flat, points(2, 9))
    assert torch.equal(found, copies[0])
    assert torch.equal(slopes, copies[1])


def test_a_lane_has_the_bits_that_it_has_alone() -> None:
    shape, flat = network("relu", 5, width=33)
    flat, where = flat.float(), points(5, 700).float()
    together = values_and_slopes(shape, flat, where)
    for lane in range(5):
        alone = values_and_slopes(shape, flat[lane : lane + 1].clone(), where[lane : lane + 1].clone())
        assert all(torch.equal(both[lane], one[0]) for both, one in zip(together, alone, strict=True))


def test_weights_and_points_are_left_as_they_were() -> None:
    shape, flat = network("relu", 1)
    where = points(1, 9)
    before = flat.clone(), where.clone()
    values_and_slopes(shape, flat, where)
    values(shape, flat, where)
    assert torch.equal(flat, before[0])
    assert torch.equal(where, before[1])


def test_buffers_are_kept_but_not_those_of_huge_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Shape] = []
    new_pass = evaluation._new_pass

    def counted(shape: Shape, dtype: torch.dtype) -> tuple[torch.Tensor, object]:
        made.append(shape)
        return new_pass(shape, dtype)

    monkeypatch.setattr(evaluation, "_new_pass", counted)
    monkeypatch.setattr(evaluation, "_kept", evaluation._Kept())
    small, flat = network("relu", 1, width=7)
    huge, many = network("relu", 1, width=2048)
    for _ in range(3):
        values(small, flat, points(1, 3))
        values(huge, many, points(1, 3))
    assert [made.count(small), made.count(huge)] == [1, 3]


def test_threads_do_not_share_buffers() -> None:
    shape, flat = network("relu", 1, width=32)
    where = points(1, 4 * ROWS)
    expected = {scale: values(shape, scale * flat, where) for scale in (1.0, 2.0, 3.0)}
    right: list[bool] = []

    def look(scale: float) -> None:
        right.extend(torch.equal(values(shape, scale * flat, where), expected[scale]) for _ in range(20))

    threads = [threading.Thread(target=look, args=(scale,)) for scale in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 60
