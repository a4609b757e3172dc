"""A packed frame is small, comes back within its rounding, and is refused when damaged."""

from __future__ import annotations

import dataclasses
import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toygan.distributions import DISTRIBUTIONS, make_distribution
from toygan.frames import BOX, GRID, Frame, pack, pack_points, unpack
from toygan.metrics import perfect_shares
from toygan.observe import observe
from toygan.recipe import MAX_STEPS, Recipe
from toygan.state import Trace
from toygan.training import initial_state

SAMPLES, MESH, ARROWS = 600, 11, 64


def frame(lanes: int = 1, seed: int = 0, extent: float = 2.5, scale: float = 1.0, **changes: Any) -> Frame:
    """A frame of random numbers, as large as live ones."""
    rng = np.random.default_rng(seed)
    values: dict[str, Any] = {
        "step": 123,
        "extent": extent,
        "samples": scale * rng.standard_normal((lanes, SAMPLES, 2)),
        "grid": scale * rng.standard_normal((lanes, GRID, GRID)),
        "mesh": scale * rng.standard_normal((lanes, MESH, MESH, 2)),
        "arrows": scale * rng.standard_normal((lanes, ARROWS, 2)),
        "metrics": tuple({"w1": 0.25 + lane, "modes": 7, "penalty": None} for lane in range(lanes)),
        "histogram": tuple((lane, 3, 5) for lane in range(lanes)),
        "failed": (None,) * lanes,
    }
    return Frame(**{**values, **changes})


def split(data: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack_from("<I", data)
    return json.loads(data[4 : 4 + length]), data[4 + length :]


def joined(head: dict[str, Any], rest: bytes) -> bytes:
    text = json.dumps(head).encode()
    return struct.pack("<I", len(text)) + text + rest


# ---- round trip


@given(seed=st.integers(0, 1000), extent=st.floats(0.1, 50), exponent=st.floats(-6, 6))
def test_what_comes_back_differs_by_no_more_than_half_a_step_of_its_quantisation(
    seed: int, extent: float, exponent: float
) -> None:
    before = frame(seed=seed, extent=extent, scale=10.0**exponent)
    after = unpack(pack(before))
    box = BOX * extent
    for name in ("samples", "mesh"):
        expected = np.clip(getattr(before, name), -box, box)
        np.testing.assert_allclose(getattr(after, name), expected, rtol=0, atol=1.001 * box / 65535)
    span = np.ptp(before.grid)
    np.testing.assert_allclose(after.grid, before.grid, rtol=0, atol=0.501 * span / 4095)
    largest = np.abs(before.arrows).max()
    np.testing.assert_allclose(after.arrows, before.arrows, rtol=0, atol=0.501 * largest / 127)


def test_all_that_is_not_quantised_comes_back_as_it_was() -> None:
    before = frame(failed=("The numbers overflowed.",))
    after = unpack(pack(before))
    for name in ("step", "extent", "metrics", "histogram", "failed"):
        assert getattr(after, name) == getattr(before, name)
    for name in ("samples", "grid", "mesh", "arrows"):
        assert getattr(after, name).shape == getattr(before, name).shape


def test_each_lane_is_packed_by_itself() -> None:
    stack = frame(lanes=3)
    for lane in range(3):
        pick = slice(lane, lane + 1)
        alone = dataclasses.replace(
            stack,
            **{name: getattr(stack, name)[pick] for name in ("samples", "grid", "mesh", "arrows")},
            **{name: getattr(stack, name)[pick] for name in ("metrics", "histogram", "failed")},
        )
        assert pack(stack, lane) == pack(alone)


def test_the_layout_is_the_documented_one() -> None:
    before = frame()
    head, rest = split(pack(before))
    assert {"step", "lo", "hi", "box", "extent", "n", "mesh", "arrows", "arrow_scale"} <= set(head)
    assert {"metrics", "histogram", "failed"} <= set(head)
    assert (head["n"], head["mesh"], head["arrows"]) == (SAMPLES, MESH, ARROWS)
    assert head["box"] == 4 * before.extent
    assert len(rest) == 6144 + 4 * SAMPLES + 4 * MESH**2 + 2 * ARROWS
    # two grid values in three bytes, row 0 first
    b0, b1, b2 = rest[:3]
    grid_levels = np.array([b0 | (b1 & 15) << 8, (b1 >> 4) | b2 << 4])
    values = head["lo"] + (head["hi"] - head["lo"]) * grid_levels / 4095
    np.testing.assert_allclose(values, before.grid[0, 0, :2], atol=np.ptp(before.grid) / 4095)
    # the first sample, as two little-endian 16-bit numbers over [-box, box]
    levels = np.frombuffer(rest, "<u2", 2, offset=6144)
    points = 2 * head["box"] * levels / 65535 - head["box"]
    np.testing.assert_allclose(points, before.samples[0, 0], atol=head["box"] / 65535)
    # the first arrow, as two signed bytes of which 127 is arrow_scale
    signed = np.frombuffer(rest, np.int8, 2, offset=6144 + 4 * SAMPLES + 4 * MESH**2)
    np.testing.assert_allclose(signed * head["arrow_scale"] / 127, before.arrows[0, 0], atol=head["arrow_scale"] / 127)


def test_points_that_leave_the_box_are_kept_at_its_edge() -> None:
    before = frame(extent=1.0)
    before.samples[0, :4] = [[1e30, -1e30], [4.0, -4.0], [4.1, 0.0], [-1e300, 3.9]]
    after = unpack(pack(before)).samples[0, :4]
    np.testing.assert_allclose(after, [[4.0, -4.0], [4.0, -4.0], [4.0, 0.0], [-4.0, 3.9]], atol=1e-4)


def test_a_flat_critic_and_arrows_of_no_length_come_back_exactly() -> None:
    before = frame(grid=np.full((1, GRID, GRID), -3.25), arrows=np.zeros((1, ARROWS, 2)))
    after = unpack(pack(before))
    assert (after.grid == -3.25).all()
    assert (after.arrows == 0).all()


def test_the_range_of_the_critic_is_kept_to_single_precision() -> None:
    before = frame(scale=1e6)
    after = unpack(pack(before))
    assert after.grid.min() == pytest.approx(before.grid.min(), rel=1e-7)
    assert after.grid.max() == pytest.approx(before.grid.max(), rel=1e-7)


@pytest.mark.parametrize("length", [1e-300, 1e-310, 5e-324])
def test_arrows_that_all_but_vanish_still_point_where_they_did(length: float) -> None:
    # A sure critic leaves the minimax generator gradients like these.
    directions = np.sign(np.random.default_rng(0).standard_normal((1, ARROWS, 2)))
    after = unpack(pack(frame(arrows=length * directions)))
    assert np.array_equal(np.sign(after.arrows), directions)


def test_parts_may_be_empty() -> None:
    before = frame(samples=np.zeros((1, 0, 2)), mesh=np.zeros((1, 0, 0, 2)), arrows=np.zeros((1, 0, 2)))
    after = unpack(pack(before))
    assert after.samples.shape == (1, 0, 2) and after.mesh.shape == (1, 0, 0, 2)
    assert after.arrows.shape == (1, 0, 2)


def test_metrics_that_are_not_finite_are_told_as_unknown() -> None:
    before = frame(metrics=({"w1": float("nan"), "lipschitz": float("inf"), "modes": 3, "w2": None},))
    assert unpack(pack(before)).metrics == ({"w1": None, "lipschitz": None, "modes": 3, "w2": None},)


@given(value=st.floats(-1e30, 1e30, allow_subnormal=False))
def test_metrics_keep_five_digits(value: float) -> None:
    found = unpack(pack(frame(metrics=({"w1": value},)))).metrics[0]["w1"]
    assert found == pytest.approx(value, rel=1e-4)


# ---- size


@pytest.mark.parametrize("data", DISTRIBUTIONS)
def test_a_keyframe_has_at_most_ten_thousand_bytes_even_with_extreme_numbers(data: str) -> None:
    family = DISTRIBUTIONS[data]
    # as many modes as there can be
    most = {name: int(p.high) for name, p in family.parameters.items() if p.whole}
    recipe = Recipe(data=data, data_parameters=tuple(most.items()), generator_width=4, critic_width=4)
    state = initial_state(recipe)
    trace = Trace(*np.zeros((3, 1, 1)))
    failed = dataclasses.replace(state, failed_at=np.array([MAX_STEPS]))
    modes = len(perfect_shares(make_distribution(data, **most)).weights)
    # The widest that single precision gives: small negative numbers.
    tiny = float(np.float32(-1.2345678e-38))
    counts = ("modes", "modes_total", "modes_by_share")
    for seen in (observe(recipe, state, trace), observe(recipe, failed)):
        assert len(seen.histogram[0]) == modes
        found = seen.metrics[0].items()
        extreme = dataclasses.replace(
            seen,
            step=MAX_STEPS,
            grid=np.full_like(seen.grid, tiny) * np.linspace(1, 2, GRID),
            arrows=np.full_like(seen.arrows, tiny),
            metrics=({name: value if value is None or name in counts else tiny for name, value in found},),
            histogram=((SAMPLES // modes,) * modes,),
        )
        assert len(pack(extreme)) <= 10_000


# ---- damage


@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 100, 400, 2000])
def test_a_beginning_is_not_a_frame(length: int) -> None:
    with pytest.raises(ValueError, match="not a packed frame"):
        unpack(pack(frame())[:length])


def test_a_byte_too_many_or_too_few_is_noticed() -> None:
    data = pack(frame())
    for damaged in (data + b"\0", data[:-1]):
        with pytest.raises(ValueError, match="not a packed frame"):
            unpack(damaged)


@pytest.mark.parametrize("name", ["step", "lo", "hi", "box", "extent", "n", "mesh", "arrows", "arrow_scale", "metrics"])
def test_a_head_without_one_of_its_entries_is_not_a_frame_s(name: str) -> None:
    head, rest = split(pack(frame()))
    del head[name]
    with pytest.raises(ValueError, match="not a packed frame"):
        unpack(joined(head, rest))


@pytest.mark.parametrize(
    "changes",
    [{"n": -1}, {"n": "600"}, {"n": 600.5}, {"mesh": None}, {"lo": "low"}, {"box": None}, {"histogram": 5}],
    ids=str,
)
def test_a_head_with_nonsense_in_it_is_not_a_frame_s(changes: dict[str, Any]) -> None:
    head, rest = split(pack(frame()))
    with pytest.raises(ValueError, match="not a packed frame"):
        unpack(joined({**head, **changes}, rest))


@pytest.mark.parametrize("text", [b"[]", b"5", b'"head"', b"null", b"{}", b"\xff\xff", b"{"])
def test_a_head_that_is_no_object_is_not_a_frame_s(text: bytes) -> None:
    with pytest.raises(ValueError, match="not a packed frame"):
        unpack(struct.pack("<I", len(text)) + text + bytes(9000))


@given(data=st.data())
def test_damaged_bytes_give_a_frame_or_a_value_error(data: st.DataObject) -> None:
    packed = bytearray(pack(frame()))
    (length,) = struct.unpack_from("<I", packed)
    for _ in range(data.draw(st.integers(1, 3))):
        # most of the damage that matters is in the head
        packed[data.draw(st.integers(0, 4 + length))] = data.draw(st.integers(0, 255))
    try:
        found = unpack(bytes(packed))
    except ValueError:
        return
    assert found.samples.shape[0] == 1


def test_points_are_packed_as_the_stage_reads_them() -> None:
    points = np.array([[-2.0, 2.0], [0.0, 9.0]])
    assert np.frombuffer(pack_points(points, 2.0), "<u2").tolist() == [0, 65535, 32768, 65535]
