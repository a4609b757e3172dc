"""Write the generated parts of docs/ anew, from the catalogues of methods and distributions.

    python docs/generate.py           # rewrite what is stale
    python docs/generate.py --check   # name what is stale, and exit with 1 if anything is

A generated part stands between ``<!-- generated: NAME -->`` and ``<!-- end generated -->``. What papers used
is typed below, since papers do not change; what toygan uses is read from the catalogues, since that does.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

from toygan.distributions import DISTRIBUTIONS, Family, make_distribution
from toygan.formulas import critic_loss, generator_loss
from toygan.methods import METHODS, Method
from toygan.recipe import KNOBS


@dataclass(frozen=True)
class Published:
    """One column of a method's table: what somebody used, field by field, and where that is written.

    ``read`` tells whether the numbers were read at ``source``; otherwise they come from memory of it.
    """

    name: str
    source: str
    read: bool
    values: dict[str, str] = field(default_factory=dict)


ORIGINAL_GAN = Published(
    "MNIST, 2014",
    "the authors' code, goodfeli/adversarial `mnist.yaml`",
    read=True,
    values={
        "optimizer": "SGD with momentum 0.5, rising to 0.7",
        "generator_learning_rate": "0.1, decaying",
        "critic_learning_rate": "0.1, decaying",
        "batch": "100",
        "latent": "100",
        "networks": "generator 2 x 1200 relu, critic 2 x 240 maxout of 5 pieces, with dropout",
    },
)
ORIGINAL_GAN_STEPS = Published(
    "Paper",
    "Goodfellow et al. 2014, arXiv:1406.2661",
    read=False,
    values={"critic_steps": "1"},
)
UNROLLED_TOY = Published(
    "Ring, unrolled",
    "an author's code, poolio/unrolled_gan, for Metz et al. 2016 (it says that its settings are not the "
    "paper's); its generator looks five critic updates ahead, ours does not",
    read=True,
    values={
        "optimizer": "adam",
        "generator_learning_rate": "0.001",
        "critic_learning_rate": "0.0001",
        "beta1": "0.5",
        "batch": "512",
        "latent": "256",
        "networks": "both 2 x 128 tanh",
    },
)
WGAN_GP_TOY = Published(
    "2-D toys",
    "the authors' code, igul222/improved_wgan_training `gan_toy.py`",
    read=True,
    values={
        "optimizer": "adam",
        "generator_learning_rate": "0.0001",
        "critic_learning_rate": "0.0001",
        "beta1": "0.5",
        "beta2": "0.9",
        "critic_steps": "5",
        "penalty_weight": "0.1",
        "batch": "256",
        "latent": "2",
        "networks": "both 3 x 512 relu",
    },
)

PUBLISHED: dict[str, tuple[Published, ...]] = {
    "non-saturating": (ORIGINAL_GAN_STEPS, ORIGINAL_GAN),
    "minimax": (ORIGINAL_GAN_STEPS, ORIGINAL_GAN, UNROLLED_TOY),
    "least-squares": (
        Published(
            "Ring",
            "the authors' code, xudonmao/LSGAN `stability_comparison/mixture_gaussian/ls.py`",
            read=True,
            values={
                "optimizer": "adam",
                "generator_learning_rate": "0.001",
                "critic_learning_rate": "0.0001",
                "beta1": "0.5",
                "critic_steps": "1",
                "batch": "512",
                "latent": "256",
                "networks": "both 2 x 128 tanh",
            },
        ),
    ),
    "hinge": (
        Published(
            "2-D toy",
            "an author's code, lim0606/pytorch-geometric-gan `scripts/exp1a.toy.all.sh` and `main.py`",
            read=True,
            values={
                "optimizer": "rmsprop",
                "generator_learning_rate": "0.001",
                "critic_learning_rate": "0.001",
                "critic_steps": "1",
                "batch": "500",
                "latent": "4",
                "networks": "both with 128 units a layer",
            },
        ),
    ),
    "wgan": (
        Published(
            "Images",
            "the first author's code, martinarjovsky/WassersteinGAN `main.py`",
            read=True,
            values={
                "optimizer": "rmsprop",
                "generator_learning_rate": "5e-5",
                "critic_learning_rate": "5e-5",
                "beta2": "0.99, PyTorch's default",
                "critic_steps": "5; 100 in the first 25 steps and in every 500th",
                "clip": "0.01",
                "batch": "64",
                "latent": "100",
            },
        ),
        Published(
            "2-D toys",
            "the clipping mode of igul222/improved_wgan_training `gan_toy.py` (Gulrajani et al. 2017)",
            read=True,
            values={
                "optimizer": "rmsprop",
                "generator_learning_rate": "5e-5",
                "critic_learning_rate": "5e-5",
                "beta2": "0.9, TensorFlow's default",
                "critic_steps": "5",
                "clip": "0.01",
                "batch": "256",
                "latent": "2",
                "networks": "both 3 x 512 relu",
            },
        ),
    ),
    "wgan-gp": (
        WGAN_GP_TOY,
        Published(
            "Algorithm 1",
            "Gulrajani et al. 2017, arXiv:1704.00028",
            read=False,
            values={
                "optimizer": "adam",
                "generator_learning_rate": "0.0001",
                "critic_learning_rate": "0.0001",
                "beta1": "0",
                "beta2": "0.9",
                "critic_steps": "5",
                "penalty_weight": "10",
                "batch": "64",
            },
        ),
    ),
    "wgan-lp": (
        Published(
            "2-D toys, reproduced",
            "a reproduction by others, mikigom/WGAN-LP-tensorflow `trainer.py` (arXiv:1712.05882)",
            read=True,
            values={
                "optimizer": "rmsprop",
                "generator_learning_rate": "5e-5",
                "critic_learning_rate": "5e-5",
                "critic_steps": "10; 100 at first",
                "penalty_weight": "5",
                "batch": "256",
            },
        ),
    ),
    "wgan-max-gp": (
        Published(
            "2-D toys",
            "the authors' code, ZhimingZhou/LGANs-for-reproduce `gan_synthetic4.py`: a critic between two "
            "fixed distributions, without a generator",
            read=True,
            values={
                "optimizer": "adam",
                "critic_learning_rate": "0.0001",
                "beta1": "0",
                "beta2": "0.9",
                "penalty_weight": "0.1",
                "batch": "256",
                "networks": "critic 4 x 1024 relu",
            },
        ),
        Published(
            "CIFAR-10",
            "the authors' code, ZhimingZhou/LGANs-for-reproduce `sobolev_cifar10.py`",
            read=True,
            values={
                "optimizer": "adam",
                "generator_learning_rate": "0.0002, falling to 0",
                "critic_learning_rate": "0.0002, falling to 0",
                "beta1": "0",
                "beta2": "0.9",
                "critic_steps": "5",
                "penalty_weight": "0.1; 0.01 to 10 compared",
            },
        ),
    ),
    "dragan": (
        Published(
            "MNIST",
            "the first author's code, kodalinaveen3/DRAGAN `DRAGAN.ipynb`",
            read=True,
            values={
                "optimizer": "adam",
                "generator_learning_rate": "0.0001",
                "critic_learning_rate": "0.0001",
                "beta1": "0.5",
                "beta2": "0.9",
                "critic_steps": "1",
                "penalty_weight": "10",
                "batch": "128",
                "latent": "100",
                "networks": "both 1 x 128 relu",
            },
        ),
    ),
    "sngan": (
        Published(
            "CIFAR-10",
            "the authors' code, pfnet-research/sngan_projection `configs/sn_cifar10_unconditional.yml`",
            read=True,
            values={
                "optimizer": "adam",
                "generator_learning_rate": "0.0002, falling to 0",
                "critic_learning_rate": "0.0002, falling to 0",
                "beta1": "0",
                "beta2": "0.9",
                "critic_steps": "5",
                "batch": "64; 128 generated points for the generator's step",
                "latent": "128",
            },
        ),
    ),
    "r1": (
        Published(
            "Images, code",
            "the authors' code, LMescheder/GAN_stability `configs/default.yaml` and `train.py`",
            read=True,
            values={
                "optimizer": "rmsprop",
                "generator_learning_rate": "0.0001",
                "critic_learning_rate": "0.0001",
                "critic_steps": "1",
                "penalty_weight": "10, since the code leaves out the half",
                "batch": "64",
                "latent": "256",
                "ema": "0.999; not in the paper's results",
            },
        ),
        Published(
            "Paper",
            "Mescheder et al. 2018, arXiv:1801.04406",
            read=False,
            values={"penalty_weight": "5 (gamma = 10)"},
        ),
    ),
    "r3gan": (
        Published(
            "CIFAR-10",
            "the authors' code, brownvc/R3GAN `train.py`",
            read=True,
            values={
                "optimizer": "adam",
                "generator_learning_rate": "0.0002, falling to 5e-5",
                "critic_learning_rate": "0.0002, falling to 5e-5",
                "beta1": "0",
                "beta2": "0.9, rising to 0.99",
                "critic_steps": "1",
                "penalty_weight": "0.025, falling to 0.0025 (gamma = 0.05 to 0.005)",
                "batch": "512",
                "latent": "64",
                "ema": "in use; its half-life grows",
            },
        ),
        Published(
            "FFHQ 256",
            "the authors' code, brownvc/R3GAN `train.py`",
            read=True,
            values={
                "penalty_weight": "75, falling to 7.5 (gamma = 150 to 15)",
                "batch": "256",
            },
        ),
    ),
}

#: Rows of a method's table, in order. Rows in OPTIONAL appear only where they mean something.
ROWS = (
    "optimizer",
    "generator_learning_rate",
    "critic_learning_rate",
    "beta1",
    "beta2",
    "critic_steps",
    "penalty_weight",
    "clip",
    "batch",
    "latent",
    "ema",
    "networks",
)


def defaults_table(key: str) -> str:
    """The method's recommended recipe beside what was published."""
    method, columns = METHODS[key], PUBLISHED[key]
    rows = [row for row in ROWS if _applies(row, method, columns)]
    lines = [
        _row("field", "toygan", *(column.name for column in columns)),
        _row(*["---"] * (2 + len(columns))),
    ]
    for row in rows:
        name = row if row == "networks" else f"`{row}`"
        lines.append(_row(name, _ours(row, method), *(column.values.get(row, "") for column in columns)))
    notes = [f"- {column.name}: {column.source}{_doubt(column)}." for column in columns]
    legend = "Bold values are this method's own; the others are every method's defaults."
    return "\n".join([*lines, "", legend, "", *notes])


def _doubt(column: Published) -> str:
    return "" if column.read else "; from memory, not checked"


def _applies(row: str, method: Method, columns: tuple[Published, ...]) -> bool:
    if row == "penalty_weight":
        return bool(method.penalties)
    if row == "clip":
        return method.constraint == "clip"
    return True


def _ours(row: str, method: Method) -> str:
    if row == "networks":
        width, depth, activation = (_value(method, name) for name in ("critic_width", "critic_depth", "activation"))
        generator = f"{_value(method, 'generator_depth')} x {_value(method, 'generator_width')}"
        critic = f"{depth} x {width}"
        same = generator == critic
        return f"both {critic} {activation}" if same else f"generator {generator}, critic {critic}, {activation}"
    if row == "beta1" and _value(method, "optimizer") == "rmsprop":
        return "not used"
    if row == "ema" and not _value(method, "ema"):
        return "off"
    text = _text(_value(method, row))
    return f"**{text}**" if row in method.defaults else text


def _value(method: Method, name: str) -> Any:
    return method.defaults.get(name, KNOBS[name].default)


def _text(value: Any) -> str:
    return f"{value:g}".replace("e-0", "e-") if isinstance(value, int | float) else str(value)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def formula(key: str) -> str:
    """The formulas the page shows for the method, each on a line of its own."""
    both = f"$$\n{critic_loss(METHODS[key])}\n$$\n\n$$\n{generator_loss(METHODS[key])}\n$$"
    # Some Markdown renderers take a backslash before punctuation for an escape, even within a formula.
    return both.replace(r"\,", r"\thinspace ")


def composition(key: str) -> str:
    """What the method is put together from."""
    method = METHODS[key]
    penalties = "; ".join(
        f"`{penalty.where}` toward `{penalty.toward}`, weight `penalty_weight`"
        + (f" x {penalty.share:g}" if penalty.share != 1 else "")
        for penalty in method.penalties
    )
    return "\n".join(
        [
            _row("part", "choice"),
            _row("---", "---"),
            _row("objective", f"`{method.objective}`"),
            _row("penalties", penalties or "none"),
            _row("constraint", f"`{method.constraint}`" if method.constraint else "none"),
        ]
    )


def method_index() -> str:
    """One line a method, with its parts."""
    lines = [
        _row("method", "objective", "penalties", "constraint", "paper"),
        _row(*["---"] * 5),
    ]
    for key, method in METHODS.items():
        penalties = ", ".join(f"{penalty.where} → {penalty.toward}" for penalty in method.penalties)
        lines.append(
            _row(
                f"[{method.title}]({key}.md)",
                method.objective,
                penalties or "–",
                method.constraint or "–",
                method.paper,
            )
        )
    return "\n".join(lines)


def distribution_index() -> str:
    """One line a distribution, with its parameters' defaults and ranges."""
    lines = [
        _row("key", "what it is", "parameters: default (range)", "spread", "after"),
        _row(*["---"] * 5),
    ]
    for key, family in DISTRIBUTIONS.items():
        spread = make_distribution(key).spread
        lines.append(
            _row(
                f"`{key}`",
                family.description,
                _parameters(family),
                "–" if spread is None else f"{spread:.3g}",
                family.source,
            )
        )
    return "\n".join(lines)


def _parameters(family: Family) -> str:
    return ", ".join(
        f"`{name}` {_text(knob.default)} ({_text(knob.low)} to {_text(knob.high)})"
        for name, knob in family.parameters.items()
    )


def parts() -> dict[Path, dict[str, str]]:
    """The generated parts of every page: path -> name of the part -> its text."""
    pages = {
        DOCS / "methods" / f"{key}.md": {
            "formula": formula(key),
            "composition": composition(key),
            "defaults": defaults_table(key),
        }
        for key in METHODS
    }
    pages[DOCS / "methods" / "README.md"] = {"methods": method_index()}
    pages[DOCS / "distributions.md"] = {"distributions": distribution_index()}
    return pages


def refreshed(page: str, texts: dict[str, str]) -> str:
    """``page`` with its generated parts replaced; raises ``ValueError`` when it lacks the place for one."""
    for name, text in texts.items():
        start, end = f"<!-- generated: {name} -->\n", "<!-- end generated -->"
        if page.count(start) != 1:
            raise ValueError(f"there must be one part {start.strip()}, not {page.count(start)}")
        before, _, rest = page.partition(start)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"the part {start.strip()} has no {end}")
        page = f"{before}{start}{text}\n{end}{after}"
    return page


def stale() -> dict[Path, str]:
    """Pages whose generated parts are out of date, with what they should say."""
    fresh = {}
    for path, texts in parts().items():
        page = path.read_text(encoding="utf-8")
        try:
            new = refreshed(page, texts)
        except ValueError as error:
            raise ValueError(f"{path.relative_to(DOCS.parent)}: {error}") from error
        if new != page:
            fresh[path] = new
    return fresh


def main(arguments: list[str] | None = None) -> int:
    """Refresh the pages, or only say which are stale; returns the exit status."""
    parser = argparse.ArgumentParser(description="Write the generated parts of docs/ anew.")
    parser.add_argument("--check", action="store_true", help="only name what is stale; exit with 1 if anything is")
    check = parser.parse_args(arguments).check
    pages = stale()
    for path, page in pages.items():
        print(f"{'stale' if check else 'written'}: {path.relative_to(DOCS.parent)}")
        if not check:
            path.write_text(page, encoding="utf-8")
    return 1 if check and pages else 0


if __name__ == "__main__":
    sys.exit(main())
