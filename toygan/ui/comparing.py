"""The Streamlit side of a comparison: panels, transport, curves and table."""

from __future__ import annotations

import streamlit as st

from toygan.clocks import CLOCKS
from toygan.comparison import Comparison
from toygan.export.words import seeds_slug, slug
from toygan.lockstep import Lockstep
from toygan.methods import CARD_METHODS
from toygan.recipe import KNOBS, MAX_STEPS
from toygan.record import seeds_of
from toygan.ui import components, server, stages, takeaway
from toygan.ui import transport as buttons
from toygan.words import within

#: The runs of a link that names none.
_FOUR = Comparison.of_methods(CARD_METHODS).to_query()["runs"]


def session_lockstep() -> Lockstep:
    """This session's comparison, begun from the link it was opened with, or with the four main methods."""
    query = st.query_params.to_dict()
    if "lockstep" not in st.session_state:
        comparison, problem = _opened(query)
        st.session_state.lockstep = Lockstep(server.engine(), comparison)
        st.session_state.lockstep.notice = problem
    lockstep = st.session_state.lockstep
    wanted = {**lockstep.comparison.to_query(), **{k: v for k, v in query.items() if k.startswith("embed")}}
    if wanted != query:
        st.query_params.from_dict(wanted)
    stages.watch(lockstep)
    return lockstep


def show(comparison: Comparison) -> None:
    """Compare these runs, as far as all of them are known; for a page that then switches to this one."""
    lockstep = st.session_state.lockstep = Lockstep(server.engine(), comparison)
    lockstep.go_to_known()


def _opened(query: dict[str, str]) -> tuple[Comparison, str | None]:
    """What a link asks for, or what the Train page has on its stage under the four main methods."""
    asked = {name: value for name, value in query.items() if not name.startswith("embed")}
    if not asked:
        return Comparison.of_methods(CARD_METHODS, _from_train()), None
    try:
        return Comparison.from_query({"runs": _FOUR, **asked}), None
    except ValueError as error:
        return Comparison.of_methods(CARD_METHODS), f"The link could not be used: {error}"


def _from_train() -> dict[str, str]:
    """What the run on the Train page learns, and from which seed."""
    viewer = st.session_state.get("viewer")
    query: dict[str, str] = {} if viewer is None else viewer.recipe.to_query()
    return {name: value for name, value in query.items() if name in ("data", "seed") or name.startswith("data.")}


def panels(lockstep: Lockstep) -> None:
    """The small stages and their timeline."""
    stages.show(lockstep, _title(lockstep.comparison), key="compare")


def _title(comparison: Comparison) -> str:
    first = comparison.recipes[0]
    if len({recipe.seed for recipe in comparison.recipes}) > 1:
        seeds = "each from its own seed"
    elif comparison.replicates > 1:
        seeds = f"seeds {first.seed} to {first.seed + comparison.replicates - 1}, the first one shown"
    else:
        seeds = f"seed {first.seed}"
    data = first.distribution.title if comparison.same_data else "Several distributions"
    methods = {recipe.method_entry.label for recipe in comparison.recipes}
    # A method that all share is in none of their names.
    return f"{methods.pop()} on {within(data)}, {seeds}" if len(methods) == 1 else f"{data}, {seeds}"


def transport(lockstep: Lockstep) -> None:
    """Train or Pause, Reset, where to stop, and by which clock."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare-transport"):
        buttons.main_button(lockstep, scope="compare-")
        buttons.reset_button(lockstep, "All runs back to the untrained networks.", scope="compare-")
        _goal(lockstep)
        _clock(lockstep)
    st.caption(lockstep.clock.question)


def _clock(lockstep: Lockstep) -> None:
    key = f"clock.{lockstep.comparison.clock}"
    st.segmented_control(
        "In lock-step by",
        list(CLOCKS),
        format_func=lambda name: CLOCKS[name].title,
        default=lockstep.comparison.clock,
        required=True,
        key=key,
        on_change=lambda: lockstep.change(clock=st.session_state[key]),
        help="Three fair but different questions. "
        + " ".join(f"{clock.title}: {clock.question}" for clock in CLOCKS.values()),
    )


def _goal(lockstep: Lockstep) -> None:
    key = f"goal.{lockstep.comparison.clock}.{lockstep.goal}"
    st.number_input(
        f"Stop at ({lockstep.clock.unit})",
        min_value=1,
        max_value=MAX_STEPS,
        value=lockstep.goal,
        step=max(1, lockstep.clock.usual // 10),
        width=190,
        help="All runs stop there, and are measured on more points.",
        key=key,
        on_change=lambda: lockstep.stop_at(st.session_state[key]),
    )


def readouts(lockstep: Lockstep) -> None:
    """Curves over each other, the ranking and what it says."""
    components.comparison(stages.curves(lockstep), key="comparison")


@st.fragment
def downloads(lockstep: Lockstep) -> None:
    """The table, and each run as files, as far as it was shown when its popover was opened."""
    with st.container(horizontal=True):
        st.download_button(
            "Table as CSV",
            lambda: lockstep.rank().to_csv(),
            _table_name(lockstep.comparison),
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        with st.popover("Take a run away", icon=":material/download:", on_change="rerun", key="take-away"):
            titles = lockstep.comparison.titles
            chosen = st.selectbox("Run", range(len(titles)), format_func=lambda index: titles[index])
            run = lockstep.runs[chosen]
            takeaway.buttons(lockstep.engine, run, lockstep.steps[chosen], f"take.{run.key}")
            st.caption(
                "Files go as far as the newest step shown when this was opened; "
                "pictures and samples are those of the first seed."
            )
        with st.popover("Same comparison on the command line", icon=":material/terminal:"):
            st.code(command_line(lockstep.comparison, lockstep.goal), language="shell", wrap_lines=True)


def _table_name(comparison: Comparison) -> str:
    """What the table's file is called: what is compared, on what, and from which seeds."""
    first = comparison.recipes[0]
    data = [first.data] if comparison.same_data else []
    seeds = seeds_slug(seeds_of(first, comparison.replicates))
    return "-".join(["toygan-compare", slug(" ".join(comparison.titles)).lower(), *data, seeds]) + ".csv"


def command_line(comparison: Comparison, goal: int) -> str:
    """The command that trains the same runs without the page, or why there is none."""
    first = comparison.recipes[0]
    if len(comparison.recipes) < 2:
        return "This is one run: the command line compares two or more."
    words = ["python -m toygan compare"]
    fields = {name for variant in comparison.variants for name, _ in variant}
    settings = dict(comparison.shared)
    if fields == {"method"}:
        words.append("--methods " + ",".join(recipe.method for recipe in comparison.recipes))
    elif len(fields) == 1 and (name := fields.pop()) in KNOBS and name not in ("seed", "data"):
        # A run that does not name the field has the value that all share, or its method's.
        values = ",".join(str(getattr(recipe, name)) for recipe in comparison.recipes)
        settings.pop(name, None)
        words.append(f"--methods {settings.pop('method', first.method)} --vary {name}={values}")
    else:
        return "The command line compares methods, or values of one field of the training, on the same data and seeds."
    settings.pop("seed", None)
    words.append(f"--data {settings.pop('data', KNOBS['data'].default)}")
    words += [f"--set '{name}={value}'" for name, value in settings.items()]
    words.append(f"--seeds {first.seed}:{first.seed + comparison.replicates} --steps {goal}")
    if comparison.clock != "steps":
        words.append(f"--by {comparison.clock}")
    return " ".join(words)
