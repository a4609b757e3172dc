"""``compare``: what it writes is what the runs come to one by one, what it refuses ends in a sentence."""

from __future__ import annotations

import csv
import dataclasses
import importlib.metadata
import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any, NoReturn

import pytest
import threadpoolctl
import torch

from tests.test_cli import Impatient, Terminal, strict
from toygan import worker
from toygan.cli import main
from toygan.clocks import CLOCKS
from toygan.methods import METHODS
from toygan.observe import report
from toygan.recipe import Recipe
from toygan.statistics import estimate_means
from toygan.training import advance, initial_state

ROOT = Path(__file__).resolve().parent.parent
SMALL = ["--set", "generator_width=16", "critic_width=16", "batch=32"]
HERE = ["--workers", "1", *SMALL]
POINTS = 100


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Measure on 100 points instead of 2,500."""
    monkeypatch.setattr("toygan.cli.compare.REPORT_POINTS", POINTS)
    threads = torch.get_num_threads()
    with threadpoolctl.threadpool_limits():
        yield
    torch.set_num_threads(threads)


Compare = Callable[..., dict[str, Any]]


@pytest.fixture
def compare(tmp_path: Path) -> Compare:
    """Compare in this process, expecting success; gives the JSON."""

    def run(*arguments: str) -> dict[str, Any]:
        path = tmp_path / "out.json"
        assert main(["compare", *HERE, *arguments, "--json", str(path)]) == 0
        result: dict[str, Any] = strict(path.read_text())
        return result

    return run


def without_times(result: dict[str, Any]) -> dict[str, Any]:
    for run in result["runs"]:
        del run["seconds"]
    for row in result["table"]:
        del row["seconds_to_all_modes"], row["milliseconds_a_step"]
    return result


# ---- what a comparison writes


def test_each_seed_of_each_run_is_trained_and_measured_as_it_would_be_by_itself(compare: Compare) -> None:
    result = compare("--methods", "gan,wgan-gp", "--steps", "60", "--seeds", "4,2", "--data", "ring8")
    assert [run["name"] for run in result["runs"]] == ["GAN", "WGAN-GP"]
    for run, method in zip(result["runs"], ("non-saturating", "wgan-gp"), strict=True):
        recipe = Recipe(method=method, data="ring8", seed=4, generator_width=16, critic_width=16, batch=32)
        assert Recipe.from_json(run["recipe"]) == recipe
        assert (run["steps"], run["failed_at"], len(run["metrics"])) == (60, [None, None], 2)
        for seed, metrics in zip((4, 2), run["metrics"], strict=True):
            alone, _ = advance(recipe, initial_state(recipe, [seed]), 60)
            expected = report(recipe, alone, POINTS)
            assert metrics["w1"] == pytest.approx(expected["w1"], rel=1e-3)
            assert (metrics["w1_floor"], metrics["n"]) == (expected["w1_floor"], POINTS)


def test_the_json_holds_seeds_recipes_table_verdicts_and_versions(compare: Compare) -> None:
    result = compare("--methods", "minimax,DRAGAN", "--steps", "8", "--seeds", "0:3")
    assert (result["seeds"], result["by"], result["amount"], result["points"]) == ([0, 1, 2], "steps", 8, POINTS)
    assert result["verdicts"] == ["3 seeds are too few to tell 2 runs apart: choose at least 6."]
    assert [pair["verdict"] for pair in result["pairs"]] == ["too-few-seeds"]
    values = {run["name"]: [metrics["w1"] for metrics in run["metrics"]] for run in result["runs"]}
    for row in result["table"]:
        (expected,) = estimate_means([values[row["name"]]])
        assert row["w1"] == dataclasses.asdict(expected)
        floor = result["runs"][0]["metrics"][0]["w1_floor"]
        assert row["w1_over_floor"]["value"] == pytest.approx(row["w1"]["value"] / floor)
    assert result["versions"]["torch"] == importlib.metadata.version("torch") == torch.__version__
    assert set(result["versions"]) == {"toygan", "torch", "numpy", "python"}


def test_the_same_command_writes_the_same_numbers_in_this_process_and_in_others(compare: Compare) -> None:
    command = ["--methods", "gan,r1", "--steps", "100", "--seeds", "0:3"]
    first = without_times(compare(*command))
    assert without_times(compare(*command)) == first
    assert without_times(compare(*command, "--workers", "2")) == first


def test_a_method_compared_with_itself_differs_by_exactly_nothing(compare: Compare) -> None:
    result = compare("--methods", "wgan-gp,WGAN-GP", "--steps", "30", "--seeds", "0:6")
    assert [run["name"] for run in result["runs"]] == ["WGAN-GP (1)", "WGAN-GP (2)"]
    (pair,) = result["pairs"]
    assert (pair["verdict"], pair["difference"]["value"], pair["p"]) == ("identical", 0.0, 1.0)
    assert result["verdicts"] == ["WGAN-GP (1) and WGAN-GP (2): no difference at all."]
    first, second = (row["w1"] for row in result["table"])
    assert first == second


def test_the_csv_is_the_table(tmp_path: Path, compare: Compare) -> None:
    path = tmp_path / "table.csv"
    result = compare("--methods", "gan,r1", "--steps", "8", "--seeds", "0:2", "--csv", str(path))
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file, strict=True))
    assert [line["run"] for line in lines] == [row["name"] for row in result["table"]]
    assert [float(line["W1 (data units)"]) for line in lines] == [row["w1"]["value"] for row in result["table"]]


def test_the_output_is_what_was_compared_the_table_in_order_and_the_verdicts(
    compare: Compare, capsys: pytest.CaptureFixture[str]
) -> None:
    result = compare("--methods", "gan,r1,dragan", "--steps", "8", "--seeds", "0:2")
    out, err = capsys.readouterr()
    assert err == ""
    head, quality, speed, verdicts = out.rstrip().split("\n\n")
    assert "3 runs on ring8-wide, 8 generator steps each" in head
    assert "on 100 points; floor " in head
    order = [row["name"] for row in result["table"]]
    for part in (quality, speed):
        lines = part.splitlines()
        assert [line.split()[0] for line in lines[1:]] == order
        for column in lines[0].split("  "):
            if column:
                start = lines[0].index(column.strip())
                assert all(line[start - 1] == " " and line[start] != " " for line in lines[1:]), column
    low, high = result["table"][0]["w1"]["low"], result["table"][0]["w1"]["high"]
    assert f"({low:.3g} to {high:.3g})" in quality.splitlines()[1]
    assert verdicts.splitlines() == ["Differences in W1:", *result["verdicts"]]


def test_six_seeds_tell_a_generator_that_learns_from_one_that_does_not(compare: Compare) -> None:
    rates = ["--methods", "gan", "--vary", "generator_learning_rate=0,0.003"]
    result = compare(*rates, "--steps", "300", "--seeds", "0:6", "--data", "two-gaussians")
    (sentence,) = result["verdicts"]
    assert sentence.startswith("generator_learning_rate=0.003 below generator_learning_rate=0.0 on 6 of 6 seeds, by ")


def test_values_that_change_nothing_make_no_difference_at_all(compare: Compare) -> None:
    betas = ["--vary", "beta2=0.1,0.2", "--set", "optimizer=sgd"]
    result = compare("--methods", "gan", *betas, "--steps", "8", "--seeds", "0:2")
    assert result["verdicts"] == ["beta2=0.1 and beta2=0.2: no difference at all."]
    assert [row["place"] for row in result["table"]] == [1, 1]


def test_a_method_that_all_runs_share_is_named(compare: Compare, capsys: pytest.CaptureFixture[str]) -> None:
    compare("--vary", "ema=0,0.5", "--steps", "8", "--seeds", "0")
    assert "2 runs of WGAN-GP on ring8-wide, 8 generator steps each" in capsys.readouterr().out


# ---- what is asked for


def test_methods_take_their_own_defaults_and_presets_and_settings_hold_for_all(compare: Compare) -> None:
    small = ["--steps", "1", "--seeds", "3"]
    recipes = [Recipe.from_json(run["recipe"]) for run in compare("--methods", "wgan,r1", *small)["runs"]]
    assert [recipe.critic_steps for recipe in recipes] == [METHODS[m].defaults["critic_steps"] for m in ("wgan", "r1")]
    result = compare("--preset", "gan-toy-grid", "--methods", "wgan,r1", *small)
    assert {run["recipe"]["generator_learning_rate"] for run in result["runs"]} == {1e-4}
    assert {run["recipe"]["data"] for run in result["runs"]} == {"grid25"}
    assert {run["recipe"]["batch"] for run in result["runs"]} == {32}


def test_without_methods_a_field_of_the_preset_s_method_is_varied(compare: Compare) -> None:
    result = compare("--preset", "ring-dragan", "--vary", "activation=relu,tanh", "--steps", "1", "--seeds", "0")
    assert [run["name"] for run in result["runs"]] == ["activation=relu", "activation=tanh"]
    assert {run["recipe"]["method"] for run in result["runs"]} == {"dragan"}


def test_a_field_is_varied_that_only_a_later_method_uses(compare: Compare) -> None:
    later = 'interventions=[[4, {"method": "wgan"}]]'
    result = compare("--vary", "clip=0.001,1", "--set", later, "--steps", "8", "--seeds", "0")
    first, second = (row["w1"]["value"] for row in result["table"])
    assert first != second


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("0:2", [0, 1]), ("7", [7]), ("5,1", [5, 1]), ("9,2:4", [9, 2, 3]), (f"{2**53 - 1}", [2**53 - 1])],
)
def test_seeds_are_a_range_a_number_or_a_list(text: str, seeds: list[int], compare: Compare) -> None:
    assert compare("--methods", "gan,r1", "--steps", "1", "--seeds", text)["seeds"] == seeds


def test_by_updates_each_run_makes_as_many_generator_steps_as_its_critic_steps_allow(compare: Compare) -> None:
    result = compare("--methods", "gan,sngan", "--by", "updates", "--steps", "64", "--seeds", "0")
    assert {run["name"]: run["steps"] for run in result["runs"]} == {"GAN": 64, "SN-GAN": 12}
    changes = 'interventions=[[4, {"critic_steps": 2}]]'
    result = compare("--methods", "gan,sngan", "--by", "updates", "--steps", "64", "--seeds", "0", "--set", changes)
    assert {run["name"]: run["steps"] for run in result["runs"]} == {"GAN": 34, "SN-GAN": 26}


def test_by_seconds_each_run_trains_as_long_by_its_own_time(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    paces = {"non-saturating": 0.01, "wgan-gp": 0.04}
    train = worker.chunk

    def timed(recipe: Recipe, state: Any, steps: int) -> worker.Chunk:
        return dataclasses.replace(train(recipe, state, steps), seconds=steps * paces[recipe.method])

    monkeypatch.setattr(worker, "chunk", timed)
    result = compare("--methods", "gan,wgan-gp", "--by", "seconds", "--steps", "1.5", "--seeds", "0:2")
    assert {run["name"]: run["steps"] for run in result["runs"]} == {"GAN": 150, "WGAN-GP": 38}
    assert [run["seconds"] for run in result["runs"]] == pytest.approx([1.5, 1.52])
    pace = {row["name"]: row["milliseconds_a_step"]["value"] for row in result["table"]}
    assert pace == pytest.approx({"GAN": 10, "WGAN-GP": 40})


def test_looks_come_every_48_steps_and_in_long_runs_every_hundredth(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def skipped(recipe: Recipe, state: Any, steps: int) -> worker.Chunk:
        after = dataclasses.replace(state, step=state.step + steps)
        seen.append(after.step)
        return worker.Chunk(after, b"", ({"w1": 1.0},), (), None, 1.0)

    monkeypatch.setattr(worker, "chunk", skipped)
    assert main(["compare", *HERE, "--vary", "ema=0,0.5", "--steps", "20000", "--seeds", "0"]) == 0
    looks = seen[::2]
    assert looks[:3] == [48, 96, 144] and looks[-1] == 20000
    gaps = {before: after - before for before, after in itertools.pairwise(looks[:-1])}
    assert all(gap == max(48, before // 800 * 8) for before, gap in gaps.items())
    assert max(gaps.values()) == 192


# ---- what is refused

COMPARE = ["compare", "--methods", "gan,wgan"]
REFUSED = [
    (["compare"], "compare 2 to 16 runs, not 0: name several methods with --methods, or vary a field of one"),
    (["compare", "--methods", "gan"], "compare 2 to 16 runs, not 1: "),
    (["compare", "--methods", "gan,wgna"], f"unknown method 'wgna': choose from {', '.join(METHODS)}"),
    (["compare", "--methods", "gan,"], "unknown method ''"),
    ([*COMPARE, "--vary", "batch=1,2"], "--vary compares one method with itself: give --methods one alone, or leave"),
    (["compare", "--vary", "batch"], "--vary needs FIELD=VALUE,VALUE, such as penalty_weight=0.1,1, not 'batch'."),
    (["compare", "--vary", "batch=16"], "compare 2 to 16 runs, not 1: "),
    (["compare", "--vary", f"batch={','.join(map(str, range(1, 18)))}"], "compare 2 to 16 runs, not 17: "),
    (["compare", "--vary", "bacth=1,2"], "unknown setting 'bacth': did you mean batch? Choose from data, method, "),
    (["compare", "--vary", "batch=1,x"], "batch must be a number, not 'x'."),
    (
        ["compare", "--vary", "data.std=1,2"],
        "data.std cannot be varied: distances to different data cannot be compared",
    ),
    (
        ["compare", "--vary", "clip=0.1,0.2"],
        "WGAN-GP ignores clip: vary another field, or name a method that uses it: WGAN.",
    ),
    (
        ["compare", "--methods", "gan", "--vary", "penalty_weight=0,1"],
        "GAN ignores penalty_weight: vary another field, or name a method that uses it: WGAN-GP, DRAGAN, R3GAN, R1, ",
    ),
    (["compare", "--vary", "method=gan,wgan"], "method cannot be varied: name several methods with --methods."),
    (["compare", "--vary", "seed=1,2"], "seed cannot be varied: choose seeds with --seeds."),
    (["compare", "--vary", "batch=1,2", "--set", "batch=3"], "--set batch=1 sets batch a second time"),
    ([*COMPARE, "--set", "seed=1"], "--set seed=1 sets seed a second time"),
    ([*COMPARE, "--set", "batch=0"], "batch must be between 1 and 4,096, not 0."),
    ([*COMPARE, "--data", "ring"], "unknown data 'ring': choose from "),
    ([*COMPARE, "--preset", "ring"], "unknown preset 'ring': choose from "),
    ([*COMPARE, "--seeds", "x"], "seeds must be such as 0:8, 3 or 0,2,5, not x."),
    ([*COMPARE, "--seeds", ""], "seeds must be such as 0:8, 3 or 0,2,5, not ."),
    ([*COMPARE, "--seeds", "0:8:2"], "seeds must be such as 0:8, 3 or 0,2,5, not 0:8:2."),
    ([*COMPARE, "--seeds", "5:5"], "5:5 names no seed: the number after the colon is left out."),
    ([*COMPARE, "--seeds", "0:17"], "seeds must be at most 16, not 0:17."),
    ([*COMPARE, "--seeds", f"0:{10**30}"], "seeds must be at most 16, not 0:1000"),
    ([*COMPARE, "--seeds", "0:9,20:28"], "seeds must be at most 16, not 0:9,20:28."),
    ([*COMPARE, "--seeds", "1,0:3"], "seeds must differ, but 1,0:3 names one twice."),
    ([*COMPARE, "--seeds=-1:2"], "seed must be between 0 and "),
    ([*COMPARE, "--steps", "0"], "steps must be a whole number from 1 to 1,000,000, not 0."),
    ([*COMPARE, "--by", "updates", "--steps", "1.5"], "updates must be a whole number from 1 to 1,000,000, not 1.5."),
    (
        [*COMPARE, "--by", "updates", "--steps", "4", "--set", "critic_steps=5"],
        "4 updates are less than one generator step of ",
    ),
    ([*COMPARE, "--by", "seconds", "--steps", "0"], "seconds must be a number above 0 and at most 86,400, not 0."),
    ([*COMPARE, "--by", "seconds", "--steps", "nan"], "seconds must be a number above 0 and at most 86,400, not nan."),
    ([*COMPARE, "--by", "seconds", "--steps", "long"], "seconds must be a number above 0"),
    ([*COMPARE, "--by", "hours"], f"unknown clock 'hours': choose from {', '.join(CLOCKS)}"),
    ([*COMPARE, "--workers", "0"], "workers must be a whole number from 1 to 256, not 0."),
    ([*COMPARE, "--json", "nowhere/out.json"], "--json nowhere/out.json cannot be written: no such file or directory."),
    ([*COMPARE, "--json", "a", "--csv", "./a"], "--csv and --json name the same file"),
]


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED, ids=lambda value: " ".join(value)[:60])
def test_comparisons_that_make_no_sense_exit_with_2_and_one_sentence(
    arguments: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("toygan: ")
    assert sentence in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_device_that_is_not_there_is_refused_before_anything_is_trained(
    workers: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    if torch.backends.mps.is_available():
        pytest.skip("this machine has mps")
    files = ["--json", str(tmp_path / "out.json")]
    assert main([*COMPARE, "--device", "mps", *files, "--workers", workers]) == 2
    assert capsys.readouterr().err.startswith("toygan: device mps is not available here: choose auto or cpu")
    assert list(tmp_path.iterdir()) == []


def test_a_refused_comparison_loads_neither_torch_nor_pot_nor_streamlit() -> None:
    script = (
        "import sys; from toygan.cli import main; assert main(['compare', '--methods', 'gan,x']) == 2; "
        "print([name for name in ('torch', 'ot', 'scipy', 'streamlit') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "[]")


# ---- runs that overflow, and other ends

UNSTEADY = ["--set", "optimizer=sgd", "generator_learning_rate=1"]


def test_seeds_that_overflow_are_counted_and_the_others_compared(
    compare: Compare, capsys: pytest.CaptureFixture[str]
) -> None:
    rates = ["--methods", "least-squares", "--vary", "critic_learning_rate=0.00001,0.02", *UNSTEADY]
    result = compare(*rates, "--steps", "48", "--seeds", "0:4")
    failed = {run["name"]: run["failed_at"] for run in result["runs"]}
    unsteady = failed["critic_learning_rate=0.02"]
    count = sum(step is not None for step in unsteady)
    assert 0 < count < 4
    (run,) = [run for run in result["runs"] if run["name"] == "critic_learning_rate=0.02"]
    assert [metrics is None for metrics in run["metrics"]] == [step is not None for step in unsteady]
    assert {row["name"]: row["failed"] for row in result["table"]}["critic_learning_rate=0.02"] == count
    assert any(f"overflowed on {count} of 4 seeds" in sentence for sentence in result["verdicts"])
    assert f"  {4 - count} of 4  " in capsys.readouterr().out


def test_a_comparison_in_which_every_seed_overflows_exits_with_1(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "out.json"
    rates = ["--vary", "critic_learning_rate=9,10", "--methods", "least-squares", *UNSTEADY]
    assert main(["compare", *HERE, *rates, "--steps", "50", "--seeds", "0:2", "--json", str(path)]) == 1
    assert capsys.readouterr().err == (
        "toygan: the numbers overflowed on every seed: try a smaller learning rate, or set gradient_clip.\n"
    )
    result = strict(path.read_text())
    assert [row["w1"]["value"] for row in result["table"]] == [None, None]
    assert all(metrics is None for run in result["runs"] for metrics in run["metrics"])


@pytest.mark.parametrize("moment", ["loading", "] 48/", "measured"])
def test_ctrl_c_writes_nothing_and_shows_no_traceback(
    moment: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Impatient(moment))
    files = ["--json", str(tmp_path / "out.json")]
    assert main([*COMPARE, *HERE, "--steps", "96", "--seeds", "0", *files]) == 130
    assert terminal.getvalue().endswith("toygan: stopped; nothing was written.\n")
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_dies_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def die(*arguments: Any) -> NoReturn:
        raise BrokenExecutor("terminated abruptly")

    monkeypatch.setattr(worker, "chunk", die)
    assert main([*COMPARE, *HERE, "--steps", "8", "--seeds", "0"]) == 1
    assert capsys.readouterr().err == (
        "toygan: a worker process died, perhaps for lack of memory: try fewer --workers.\n"
    )


def test_a_file_that_cannot_be_written_after_all_costs_no_other_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.suffix == ".json":
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    files = ["--json", str(tmp_path / "o.json"), "--csv", str(tmp_path / "t.csv")]
    assert main([*COMPARE, *HERE, "--steps", "8", "--seeds", "0", *files]) == 1
    out, err = capsys.readouterr()
    assert err == f"toygan: {tmp_path / 'o.json'} could not be written: no space left on device.\n"
    assert "One seed: differences may be luck." in out
    assert (tmp_path / "t.csv").exists()


def test_a_terminal_sees_how_far_all_runs_are_on_one_line_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setenv("COLUMNS", "200")
    assert main([*COMPARE, *HERE, "--steps", "96", "--seeds", "0:2"]) == 0
    shown = [line.strip() for line in terminal.getvalue().split("\r")]
    assert "\n" not in terminal.getvalue()
    assert any("] 96/192 steps  0:" in line and line.endswith(" left  GAN 48, WGAN 48") for line in shown)
    assert any(line.endswith("] 3/4 seeds measured") for line in shown)
    assert shown[-2:] == ["", ""]


def test_help_names_the_seeds_that_are_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["compare", "--help"])
    assert ended.value.code == 0
    assert "sign-flip" in capsys.readouterr().out
