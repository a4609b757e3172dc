"""``export`` on the command line: which run is meant, what is trained, where it goes, what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from tests.records import SMALL, records
from toygan.cli import main
from toygan.export import FORMATS, render
from toygan.recipe import Recipe
from toygan.record import Record
from toygan.store import open_store

ROOT = Path(__file__).resolve().parent.parent

LINK = "method=dragan&data=moons&generator_width=16&critic_width=16&batch=16"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of one's own, and no runs kept."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOYGAN_STORE", str(tmp_path / "kept" / "runs.sqlite"))


def keep(record: Record, name: str = "") -> str:
    """Put a run into the store; gives its key."""
    store = open_store()
    store.keep(record.recipe, record.replicates, keyframes=record.keyframes)
    if name:
        store.rename(record.key, name)
    assert store.flush()
    store.close()
    return record.key


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("toygan: ")
    return err.removeprefix("toygan: ").rstrip("\n")


# ---- recipes and links


def test_a_link_is_trained_and_taken_away_under_a_name_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", LINK, "--to", "csv", "--steps", "30"]) == 0
    assert capsys.readouterr().out == "toygan-dragan-moons-seed0-64cd36-step30.csv  10 kB\n"
    steps = [
        line.split(",")[0] for line in Path("toygan-dragan-moons-seed0-64cd36-step30.csv").read_text().splitlines()
    ]
    assert steps[1:] == [str(step) for step in range(31)]


def test_a_whole_address_with_a_step_is_trained_to_that_step() -> None:
    assert main(["export", f"https://example.org/train?{LINK}&step=16", "--to", "json", "-o", "o"]) == 0
    found = json.loads(Path("o").read_text())
    assert found["steps"] == 16
    assert found["recipe"]["method"] == "dragan"


def test_a_link_may_be_longer_than_a_file_s_name() -> None:
    changes = [[step, {"clip": 0.125, "ema": 0.5}] for step in range(10, 100)]
    link = f"{LINK}&interventions={json.dumps(changes, separators=(',', ':'))}"
    assert len(link) > 255
    assert main(["export", link, "--to", "script", "-o", "s.py"]) == 0
    assert Path("s.py").exists()


def test_what_json_wrote_is_read_again_with_its_steps_and_seeds() -> None:
    Path("run.json").write_bytes(render(records()["several"], "json"))
    assert main(["export", "run.json", "--to", "json", "-o", "again.json"]) == 0
    found, wanted = (json.loads(Path(name).read_text()) for name in ("again.json", "run.json"))
    for name in ("recipe", "name", "key", "steps", "metrics"):
        assert found[name] == wanted[name]


def test_a_file_may_hold_a_recipe_alone() -> None:
    Path("recipe.json").write_text(json.dumps({"method": "dragan", **SMALL}))
    assert main(["export", "recipe.json", "--to", "script", "--steps", "70", "-o", "s.py"]) == 0
    assert "STEPS = 70 " in Path("s.py").read_text()


def test_a_script_is_written_without_training() -> None:
    code = (
        "import sys\nfrom toygan.cli import main\n"
        f"assert main(['export', {LINK!r}, '--to', 'script', '-o', sys.argv[1]]) == 0\n"
        "assert not {'torch', 'matplotlib', 'scipy', 'pyarrow'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(Path("s.py").resolve())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "STEPS = 5000 " in Path("s.py").read_text()


def test_a_run_that_overflows_is_taken_away_and_said_to_have_failed(capsys: pytest.CaptureFixture[str]) -> None:
    link = "method=minimax&optimizer=sgd&generator_learning_rate=10&critic_learning_rate=10&batch=16"
    assert main(["export", link, "--to", "json", "--steps", "400", "-o", "o.json"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("toygan: the numbers overflowed at step ")
    assert json.loads(Path("o.json").read_text())["failed"] is not None


def test_the_reader_of_a_pipe_gets_the_whole_file_and_nothing_before() -> None:
    os.mkfifo("pipe")
    read: list[bytes] = []

    def reader() -> None:
        while not any(read):
            read.append(Path("pipe").read_bytes())

    thread = Thread(target=reader, daemon=True)
    thread.start()
    assert main(["export", LINK, "--to", "script", "-o", "pipe"]) == 0
    thread.join()
    assert main(["export", LINK, "--to", "script", "-o", "s.py"]) == 0
    assert read == [Path("s.py").read_bytes()]


def test_a_pipe_that_may_not_be_written_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert refused(["export", LINK, "--to", "script", "-o", "pipe"], capsys) == (
        "-o pipe cannot be written: permission denied."
    )
    os.close(reader)


# ---- kept runs


def test_a_kept_run_is_found_by_its_key_its_beginning_and_its_name() -> None:
    record = records()["usual"]
    key = keep(record, name="My best")
    expected = render(record, "csv")
    for run in (key, key[:6], "My best", "my BEST"):
        assert main(["export", run, "--to", "csv", "-o", "o.csv"]) == 0
        assert Path("o.csv").read_bytes() == expected


def test_an_earlier_step_of_a_kept_run_can_be_shown() -> None:
    record = records()["usual"]
    key = keep(record)
    assert main(["export", key, "--to", "samples-csv", "--step", "19"]) == 0
    name = f"toygan-wgan-gp-ring8-wide-seed3-{key[:6]}-step19-samples.csv"
    assert Path(name).read_bytes() == render(record, "samples-csv", 16)


def test_a_name_that_several_runs_have_is_refused_with_their_keys(capsys: pytest.CaptureFixture[str]) -> None:
    keys = [keep(records()[kind], name="twice") for kind in ("usual", "changing")]
    sentence = refused(["export", "twice", "--to", "csv"], capsys)
    assert sentence.startswith("2 runs are called 'twice': name one by its key, ")
    assert all(key in sentence for key in keys)


def test_steps_of_a_kept_run_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    key = keep(records()["usual"])
    assert refused(["export", key, "--to", "csv", "--steps", "9"], capsys) == (
        "--steps is for recipes and links: choose a moment of a kept run with --step."
    )
    assert refused(["export", key, "--to", "csv", "--step", "99"], capsys) == (
        "--step must be a whole number from 1 to 40, not 99."
    )


def test_looking_for_a_run_makes_no_store(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert refused(["export", "nothing", "--to", "csv"], capsys) == (
        "unknown run 'nothing': name a kept run, a recipe's file, or the end of a link."
    )
    assert not (tmp_path / "kept").exists()
    keep(records()["usual"])
    assert refused(["export", "nothing", "--to", "csv"], capsys).startswith("unknown run 'nothing': ")


# ---- what makes no sense


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([LINK, "--to", "pdf"], "unknown format 'pdf': choose from script, notebook, csv, parquet, "),
        ([LINK], "the following arguments are required: --to; see python -m toygan export --help"),
        (["method=wgna", "--to", "csv"], "unknown method 'wgna': choose from "),
        (["mehtod=wgan", "--to", "csv"], "unknown setting 'mehtod': did you mean method?"),
        ([LINK, "--to", "csv", "--steps", "0"], "--steps must be a whole number from 1 to 1,000,000, not 0."),
        ([LINK, "--to", "csv", "--steps", "9", "--step", "10"], "--step must be a whole number from 1 to 9, not 10."),
        ([LINK + "&step=x", "--to", "csv"], "the link's step must be a whole number from 1 to 1,000,000, not x."),
        (["bad.json", "--to", "csv"], "bad.json holds no JSON: name a file that holds a recipe."),
        (["list.json", "--to", "csv"], "a recipe must be a JSON object of fields and values."),
        ([LINK, "--to", "script", "-o", "no/where.py"], "-o no/where.py cannot be written: no such file or directory."),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.json").write_text("{")
    Path("list.json").write_text("[1]")
    assert refused(["export", *arguments], capsys).startswith(sentence)


def test_a_file_in_a_closed_folder_is_refused_in_a_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", closed)
    assert refused(["export", "closed/a.json", "--to", "csv"], capsys) == (
        "closed/a.json cannot be read: permission denied."
    )


def test_a_comparison_is_refused_with_what_to_do_and_that_helps(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toygan.cli.compare.REPORT_POINTS", 100)
    small = [f"{name}={value}" for name, value in SMALL.items()]
    compare = ["compare", "--methods", "gan,wgan", "--steps", "1", "--seeds", "0", "--workers", "1", "--set", *small]
    assert main([*compare, "--json", "both.json"]) == 0
    capsys.readouterr()
    assert refused(["export", "both.json", "--to", "script"], capsys) == (
        'both.json holds a comparison: copy the "recipe" of one of its "runs" to a file of its own, and name that.'
    )
    Path("one.json").write_text(json.dumps(json.loads(Path("both.json").read_text())["runs"][1]["recipe"]))
    assert main(["export", "one.json", "--to", "script"]) == 0
    assert list(Path().glob("toygan-wgan-ring8-wide-seed0-*-step5000.py"))


def test_help_names_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["export", "--help"])
    shown = capsys.readouterr().out
    assert all(f"\n  {key} " in shown for key in FORMATS)


def test_the_command_in_a_script_s_header_makes_that_script(capsys: pytest.CaptureFixture[str]) -> None:
    recipe = Recipe(method="r3gan", data="grid25", seed=3, interventions=[[5, {"ema": 0.5}]], **SMALL)
    text = render(Record(recipe), "script", 80).decode()
    command = next(line for line in text.splitlines() if "python -m toygan export" in line)
    arguments = command.partition("python -m toygan ")[2].replace("'", "").split()
    assert main([*arguments, "-o", "again.py"]) == 0
    assert Path("again.py").read_text() == text
