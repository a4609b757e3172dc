"""Tables and JSON: rows, columns, types, and what was not measured."""

from __future__ import annotations

import csv
import io
import json
from typing import Any, NoReturn

import numpy as np
import pyarrow.parquet
import pytest

from tests.records import ODD_NAME, records
from toygan.export import render
from toygan.export.tables import metrics, samples
from toygan.export.words import facts, number, one_line, recipe_rows, slug
from toygan.frames import unpack
from toygan.recipe import KNOBS, Recipe
from toygan.streams import Purpose, stream


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def parquet(data: bytes) -> pyarrow.Table:
    return pyarrow.parquet.read_table(io.BytesIO(data))


def strict(text: bytes) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_metrics_have_a_row_for_each_keyframe_and_seed() -> None:
    found = rows(render(records()["several"], "csv"))
    expected = [(str(step), str(seed)) for step in (0, 8, 16, 24) for seed in (0, 1, 2)]
    assert [(row["step"], row["seed"]) for row in found] == expected
    assert [float(row["seconds"]) for row in found[::3]] == [0, 0.5, 1, 1.5]


def test_metrics_are_the_record_s_to_the_last_digit() -> None:
    record = records()["several"]
    lanes = [lane for keyframe in record.keyframes for lane in keyframe.lanes]
    for row, lane in zip(rows(render(record, "csv")), lanes, strict=True):
        for name, value in lane.items():
            assert row[name] == ("" if value is None else repr(value))


def test_metrics_end_at_the_step_asked_for() -> None:
    assert {row["step"] for row in rows(render(records()["several"], "csv", 15))} == {"0", "8"}


def test_parquet_has_the_same_table_with_types() -> None:
    record = records()["several"]
    table = parquet(render(record, "parquet"))
    assert table.to_pydict() == metrics(record)
    types = {field.name: str(field.type) for field in table.schema}
    assert types["step"] == types["seed"] == types["modes"] == "int64"
    assert {types[name] for name in ("seconds", "w1", "critic_loss", "clipped_share")} == {"double"}


@pytest.mark.parametrize("to", ["parquet", "samples-parquet"])
def test_parquet_carries_the_recipe_in_its_metadata(to: str) -> None:
    record = records()["several"]
    about = parquet(render(record, to)).schema.metadata
    assert Recipe.from_json(json.loads(about[b"toygan.recipe"])) == record.recipe
    assert about[b"toygan.name"].decode() == ODD_NAME
    assert about[b"toygan.key"].decode() == record.key


def test_what_was_never_measured_is_an_empty_column_of_numbers() -> None:
    record = records()["unmeasured"]
    assert {row["w1"] for row in rows(render(record, "csv"))} == {""}
    column = parquet(render(record, "parquet")).column("w1")
    assert column.null_count == len(column) == 6
    assert str(column.type) == "double"


def test_samples_are_the_keyframe_s_points_and_the_real_ones_they_were_compared_with() -> None:
    record = records()["usual"]
    found = samples(record, 16)
    frame = unpack(record.keyframes[2].data)
    points = np.column_stack([found["x"], found["y"]])
    assert np.array_equal(points[:600], frame.samples[0])
    real = record.recipe.distribution.sample(600, stream(3, Purpose.PROBE_DATA))
    assert np.array_equal(points[600:], real)
    assert set(found["step"]) == {16}
    assert set(found["seed"]) == {3}
    assert found["source"] == ["generated"] * 600 + ["real"] * 600


def test_samples_are_the_same_in_csv_and_parquet() -> None:
    record = records()["usual"]
    table = parquet(render(record, "samples-parquet")).to_pydict()
    found = rows(render(record, "samples-csv"))
    assert [float(row["x"]) for row in found] == table["x"]
    assert [row["source"] for row in found] == table["source"]


def test_json_says_who_the_run_is_and_what_it_came_to() -> None:
    record = records()["several"]
    found = strict(render(record, "json"))
    assert (found["name"], found["key"], found["replicates"]) == (ODD_NAME, record.key, 3)
    assert (found["steps"], found["seconds"], found["failed"]) == (24, 1.5, None)
    assert [lane["seed"] for lane in found["metrics"]] == [0, 1, 2]
    assert found["metrics"][2]["w1"] == record.keyframes[-1].lanes[2]["w1"]
    assert found["link"].startswith("?method=hinge&data=grid25&")
    assert set(found["versions"]) == {"toygan", "torch", "numpy", "python"}


def test_json_says_why_a_run_ended() -> None:
    found = strict(render(records()["failed"], "json"))
    assert found["failed"].startswith("The numbers overflowed at step ")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.12345, "0.123"), (-2.0, "\u22122"), (1e-7, "1.0e\u221207"), (None, "\u2013"), (np.inf, "\u2013")],
)
def test_numbers_have_three_digits_and_a_real_minus(value: float | None, text: str) -> None:
    assert number(value) == text


def test_numbers_stand_beside_what_they_are_compared_with() -> None:
    said = facts(Recipe(), {"w1": 0.14, "modes": 7, "high_quality": 0.5}, (0.11, 0.036))
    assert said == [
        "W\u2081 of 500 points 0.14 (floor 0.110 \u00b1 0.036)",
        "7 of 8 modes",
        "high quality 50.0 % (perfect 98.9 %)",
    ]


def test_a_name_becomes_one_line_and_a_piece_of_a_file_name() -> None:
    assert "\n" not in one_line(ODD_NAME)
    assert one_line("a\x00\x1b[31m\u2028b") == "a [31m b"
    assert slug("Übung 1/2: „Ring“") == "Ubung-1-2-Ring"


def test_the_recipe_table_names_every_field_and_change() -> None:
    labels = [label for label, _ in recipe_rows(records()["changing"].recipe, [0])]
    assert {knob.label for knob in KNOBS.values()} <= set(labels)
    assert labels[-2:] == ["At step 10", "At step 20"]
