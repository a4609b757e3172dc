"""Settings and titles in words."""

from toygan.methods import METHODS
from toygan.words import change_title, phrase, within


def test_a_change_is_called_by_its_method_or_its_values() -> None:
    assert change_title([("method", "wgan"), ("clip", 0.1)]) == METHODS["wgan"].label
    assert change_title([("batch", 32), ("clip", 0.1)]) == "Batch size 32, Clipping bound 0.1"


def test_a_title_within_a_sentence_keeps_its_names() -> None:
    assert within("Wide ring of 8") == "wide ring of 8"
    assert within("Two Gaussians") == "two Gaussians"


def test_a_setting_is_said_with_its_value_and_no_more_digits_than_it_has() -> None:
    assert [phrase("Seed", 3), phrase("Ema", 0.990), phrase("Optimizer", "adam")] == [
        "Seed 3",
        "Ema 0.99",
        "Optimizer adam",
    ]
