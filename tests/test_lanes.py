"""Lanes: each of a stack, as views, with the bits that it has alone."""

from __future__ import annotations

import pytest
import torch

from toygan.lanes import apart


def test_lanes_are_views_in_their_order() -> None:
    stack = torch.arange(12.0).reshape(3, 4)
    lanes = apart(stack)
    assert [lane.tolist() for lane in lanes] == [[row] for row in stack.tolist()]
    for number, lane in enumerate(lanes):
        lane.fill_(number)
    assert stack[:, 0].tolist() == [0, 1, 2]


@pytest.mark.parametrize("lanes", [1, 5])
@pytest.mark.parametrize("width", range(1, 70))
def test_exponentials_of_a_lane_have_its_bits(lanes: int, width: int) -> None:
    stack = torch.randn(lanes, width, generator=torch.Generator().manual_seed(width))
    found = torch.cat([torch.sigmoid(-lane) for lane in apart(stack)])
    for lane in range(lanes):
        alone = torch.sigmoid(-stack[lane : lane + 1].clone())
        assert found[lane : lane + 1].numpy().tobytes() == alone.numpy().tobytes()


def test_elsewhere_than_on_a_processor_a_stack_stays_whole() -> None:
    stack = torch.empty(3, 4, device="meta")
    assert apart(stack) == (stack,)
