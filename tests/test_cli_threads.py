"""Commands on a machine whose environment says nothing of threads give one run the same numbers."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from toygan.cli.threads import usual_threads

ROOT = Path(__file__).resolve().parent.parent
STEPS = ["--steps", "32"]


def alone(*arguments: str) -> None:
    """Run a command in a process of its own, as where no variable limits threads, expecting success."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    command = [sys.executable, "-W", "error", "-m", "toygan", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_what_train_wrote_is_the_run_that_export_takes_away(tmp_path: Path) -> None:
    written, table = tmp_path / "out.json", tmp_path / "out.csv"
    alone("train", "--method", "wgan-gp", "--seed", "7", *STEPS, "--json", str(written))
    alone("export", str(written), "--to", "csv", "-o", str(table))
    metrics = json.loads(written.read_text())["metrics"]
    with table.open(newline="") as file:
        *_, last = csv.DictReader(file, strict=True)
    assert last["step"] == "32"
    losses = ("critic_loss", "penalty", "generator_loss")
    assert {name: float(last[name]) for name in losses} == {name: metrics[name] for name in losses}


@pytest.mark.slow
def test_one_worker_gives_a_comparison_the_numbers_that_several_give(tmp_path: Path) -> None:
    def compared(workers: str) -> list[tuple[str, Any]]:
        path = tmp_path / "out.json"
        alone("compare", "--methods", "gan,wgan-gp", *STEPS, "--seeds", "3", "--workers", workers, "--json", str(path))
        return [(run["name"], run["metrics"]) for run in json.loads(path.read_text())["runs"]]

    assert compared("1") == compared("2")


@pytest.mark.parametrize(("said", "threads"), [("", 1), ("1", None), ("3", None)])
def test_one_thread_is_usual_and_what_the_environment_says_is_left_as_it_is(
    said: str, threads: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert usual_threads() == threads
