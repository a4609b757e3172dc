"""A diagnosis is given when the keyframes leave no doubt, and none is given otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from toygan.diagnosis import Diagnosis, diagnose
from toygan.record import Keyframe

MODES = 8

HEALTHY: dict[str, Any] = {
    "modes": 8,
    "modes_total": MODES,
    "modes_by_share": 8,
    "high_quality": 0.95,
    "generator_gradient": 0.3,
}
SPREAD = (70,) * MODES


def on(mode: int, count: int = 500) -> tuple[int, ...]:
    """High-quality samples that all sit on one mode."""
    return tuple(count if k == mode else 0 for k in range(MODES))


def film(
    metrics: Sequence[dict[str, Any]] | dict[str, Any],
    histograms: Sequence[tuple[int, ...]] | None = None,
    count: int = 50,
    every: int = 100,
) -> list[Keyframe]:
    """Keyframes, ``every`` steps apart; what is missing in ``metrics`` is healthy."""
    each = [metrics] * count if isinstance(metrics, dict) else list(metrics)
    bars = [SPREAD] * len(each) if histograms is None else list(histograms)
    return [
        Keyframe(number * every, b"", ({**HEALTHY, **changed},), bar)
        for number, (changed, bar) in enumerate(zip(each, bars, strict=True))
    ]


def kind(keyframes: Sequence[Keyframe]) -> str | None:
    found = diagnose(keyframes)
    return None if found is None else found.kind


COLLAPSED = {"modes": 1, "modes_by_share": 1, "high_quality": 0.9}
SATURATED = {"generator_gradient": 1e-6, "high_quality": 0.02, "modes_by_share": 0}


# ---- silence


def test_a_healthy_run_gets_no_diagnosis() -> None:
    assert diagnose(film({})) is None


def test_nothing_is_said_at_the_start() -> None:
    assert diagnose([]) is None
    for bad in (COLLAPSED, SATURATED):
        assert diagnose(film(bad, count=1)) is None
        assert diagnose(film(bad, count=3)) is None


def test_many_keyframes_of_few_steps_are_too_short_a_time() -> None:
    assert diagnose(film(COLLAPSED, every=1)) is None
    assert diagnose(film(SATURATED, every=1)) is None


def test_one_keyframe_that_disagrees_silences_a_diagnosis() -> None:
    for bad in (COLLAPSED, SATURATED):
        assert diagnose(film([bad] * 20 + [{}] + [bad] * 2)) is None


def test_a_run_that_recovered_is_not_reproached() -> None:
    for bad in (COLLAPSED, SATURATED):
        assert diagnose(film([bad] * 30 + [{}] * 10)) is None


@pytest.mark.parametrize(
    ("bad", "name"),
    [
        (COLLAPSED, "high_quality"),
        (COLLAPSED, "modes_by_share"),
        (COLLAPSED, "modes_total"),
        (SATURATED, "high_quality"),
        (SATURATED, "generator_gradient"),
    ],
    ids=["collapse-quality", "collapse-share", "collapse-total", "saturated-quality", "saturated-gradient"],
)
def test_a_number_that_is_missing_is_no_evidence(bad: dict[str, Any], name: str) -> None:
    assert diagnose(film(bad)) is not None
    assert diagnose(film({**bad, name: None})) is None


def test_keyframes_without_any_numbers_say_nothing() -> None:
    assert diagnose([Keyframe(100 * number, b"", ({},), ()) for number in range(50)]) is None


# ---- collapse


def test_good_samples_on_a_quarter_of_the_modes_or_fewer_are_a_collapse() -> None:
    found = diagnose(film(COLLAPSED, [on(3)] * 50))
    assert isinstance(found, Diagnosis) and found.kind == "collapse"
    assert "1 of 8" in found.text
    assert kind(film({**COLLAPSED, "modes_by_share": 2}, [(300, 300) + (0,) * 6] * 50)) == "collapse"
    assert kind(film({**COLLAPSED, "modes_by_share": 3}, [(200, 200, 200) + (0,) * 5] * 50)) is None


def test_bad_samples_are_no_collapse() -> None:
    assert diagnose(film({**COLLAPSED, "high_quality": 0.3}, [on(3, 180)] * 50)) is None


def test_data_with_few_modes_cannot_collapse() -> None:
    assert diagnose(film({**COLLAPSED, "modes_total": 2}, [(600, 0)] * 50)) is None
    assert diagnose(film({**COLLAPSED, "modes_total": 1}, [(600,)] * 50)) is None


# ---- cycling


def hopping(stay: int = 4, modes: Sequence[int] = (0, 3, 5, 1), count: int = 60) -> list[tuple[int, ...]]:
    return [on(modes[number // stay % len(modes)]) for number in range(count)]


def test_samples_that_hop_from_mode_to_mode_are_cycling_rather_than_a_collapse() -> None:
    found = diagnose(film([COLLAPSED] * 60, hopping()))
    assert found is not None and found.kind == "cycling"
    assert "4 modes" in found.text


def test_hopping_between_two_modes_is_not_yet_cycling() -> None:
    assert kind(film([COLLAPSED] * 60, hopping(modes=(0, 3)))) != "cycling"


@pytest.mark.parametrize("modes", [(0, 3), (0, 3, 5)])
def test_a_move_or_two_are_not_cycling(modes: tuple[int, ...]) -> None:
    bars = [on(mode) for mode in modes for _ in range(12)]
    assert kind(film([COLLAPSED] * len(bars), bars)) == "collapse"


def test_a_spread_that_shimmers_is_not_cycling() -> None:
    bars = [tuple(90 if k == number % MODES else 70 for k in range(MODES)) for number in range(60)]
    assert diagnose(film([{}] * 60, bars)) is None


def test_hops_of_few_good_samples_are_not_cycling() -> None:
    bars = [on(mode.index(max(mode)), 30) for mode in hopping()]
    assert kind(film([{"high_quality": 0.05, "modes_by_share": 0}] * 60, bars)) is None


def test_cycling_long_ago_is_forgotten() -> None:
    assert diagnose(film([COLLAPSED] * 60 + [{}] * 60, hopping() + [SPREAD] * 60)) is None


# ---- a saturated critic


def test_a_vanished_generator_gradient_at_bad_samples_is_a_saturated_critic() -> None:
    found = diagnose(film(SATURATED))
    assert found is not None and found.kind == "saturated"


def test_a_small_gradient_at_good_samples_is_success() -> None:
    assert diagnose(film({"generator_gradient": 1e-6})) is None


def test_a_gradient_that_is_small_but_there_is_no_saturation() -> None:
    assert diagnose(film({**SATURATED, "generator_gradient": 0.02})) is None


# ---- a dead critic


@pytest.mark.parametrize("gradient", [0.0, None])
def test_a_critic_that_is_nowhere_steep_is_dead_and_not_sure(gradient: float | None) -> None:
    found = diagnose(film({**SATURATED, "generator_gradient": gradient, "lipschitz": 0.0}))
    assert found is not None and found.kind == "flat"


@pytest.mark.parametrize("slope", [0.3, None])
def test_a_critic_that_is_steep_somewhere_or_unknown_is_not_dead(slope: float | None) -> None:
    assert kind(film({**SATURATED, "lipschitz": slope})) == "saturated"


# ---- words


@pytest.mark.parametrize(
    "keyframes",
    [film(COLLAPSED), film(SATURATED), film([COLLAPSED] * 60, hopping()), film({"lipschitz": 0.0})],
    ids=["collapse", "saturated", "cycling", "flat"],
)
def test_a_diagnosis_is_plain_english(keyframes: list[Keyframe]) -> None:
    found = diagnose(keyframes)
    assert found is not None
    assert found.text[0].isupper() and found.text.endswith(".") and "!" not in found.text
    assert set(found._asdict()) == {"kind", "text"}
