// The comparison's curves over each other, its ranking, and what the ranking says.

const SHORTEST = 5; // of the clock's unit: where the time axes end at first
const SUPPORT_TITLES = { modes: "Modes", arcs: "Arcs", cells: "Cells" };

const COMPARED = {
  w1: { describe: (context) => overlay(context, "w1"), floor: true },
  modes: { describe: (context) => overlay(context, "modes") },
  quality: { describe: (context) => overlay(context, "high_quality"), format: ".0%" },
  estimate: { describe: (context) => overlay(context, "critic_estimate") },
  gradient: { describe: (context) => overlay(context, "gradient_norm_between"), reference: 1 },
};

const EXPLAINED = {
  estimate: "What each critic takes for the distance: its gap between real and generated points over its measured " +
    "slope. Only a Wasserstein critic is trained to estimate one.",
  gradient: "How steep the critics are on the way between real and generated points. One that measures a distance has " +
    "slope 1 there (dotted line).",
};

/** A line a run: the mean over its seeds, with a band from the lowest to the highest of them where there are several. */
function overlay({ runs }, metric) {
  return runs.flatMap(({ history, title, colour }) => {
    const entries = history.map(({ at, metrics, lanes }) => {
      const values = (lanes?.[metric] ?? [metrics[metric] ?? null]).filter((value) => value !== null);
      return { at, metrics: { [metric]: meanOf(values) }, low: Math.min(...values), high: Math.max(...values) };
    });
    const traces = [{ ...line(entries, metric, title, { color: colour, width: 1.75 }), unnamed: true }];
    if (history.some(({ lanes }) => lanes)) traces.unshift(band(entries, colour));
    return traces;
  });
}

function band(entries, colour) {
  const there = entries.filter(({ low }) => Number.isFinite(low));
  const back = there.toReversed();
  return {
    type: "scatter",
    mode: "lines",
    x: [...there, ...back].map(({ at }) => at),
    y: [...there.map(({ high }) => high), ...back.map(({ low }) => low)],
    fill: "toself",
    fillcolor: withAlpha(colour, 0.16),
    line: { width: 0, color: colour },
    hoverinfo: "skip",
    unnamed: true,
  };
}

class Comparison {
  constructor(root) {
    this.root = root;
    this.part = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((el) => [el.dataset.part, el]));
    this.curves = new Curves(root, this.part, COMPARED, {
      context: () => this.context(),
      end: () => roundEnd(this.furthest),
      seek: (reading) => store.say("seek", reading),
    });
    this.ranking = new Ranking(root.querySelector(".tg-ranking table"), this.part.verdicts, this.part.caption);
    this.quiet = [
      store.subscribe((run, what) => what === "frames" && this.receive(run)),
      store.on("page", (page) => this.hear(page)),
      store.on("reading", (reading) => this.curves.moveCursor(reading)),
    ];
    explain(root, EXPLAINED);
  }

  update({ data }) {
    const old = this.data;
    this.data = data;
    this.theme = readTheme(this.root);
    this.runs = data.runs.map(({ run }) => store.run(run));
    if (!old) this.curves.load(data.base);
    write(this.part.support, SUPPORT_TITLES[data.support] ?? SUPPORT_TITLES.modes);
    const look = JSON.stringify([data, this.theme]);
    if (look !== this.look) {
      this.writeLegend();
      this.curves.redrawAll();
    }
    this.look = look;
    if (old?.comparison !== data.comparison) this.ranking.clear(data.runs);
  }

  /** One legend for all charts: what each colour is, and what a band means. */
  writeLegend() {
    const { runs, replicates } = this.data;
    const keys = runs.map(({ title, colour }) => [`border-top:2.5px solid ${colour}`, title]);
    if (replicates > 1) keys.push([`border-top:8px solid ${this.theme.faint}`, `all ${replicates} seeds; the line is their mean`]);
    this.curves.writeKeys(this.part.legend, keys);
  }

  receive(run) {
    if (this.runs?.includes(run)) this.curves.refresh();
  }

  hear(page) {
    if (!page || page.comparison !== this.data?.comparison) return;
    write(this.part.progress, page.measuring ?? "");
    if (page.ranking) this.ranking.show(page.ranking, this.data.runs);
  }

  at(entry, run) {
    return CLOCKS[this.data.clock].of(entry, run);
  }

  /** The latest reading of any run, or a little more than none. */
  get furthest() {
    const ends = this.data.runs.map((run, i) => {
      const last = this.runs[i].history.at(-1);
      return last ? this.at(last, run) : 0;
    });
    return Math.max(SHORTEST, ...ends);
  }

  /** What the charts show. */
  context() {
    const { runs, floor, clock } = this.data;
    const drawn = runs.map((run, i) => ({
      ...run,
      history: sampleHistory(this.runs[i].history).map((entry) => ({ ...entry, at: this.at(entry, run) })),
    }));
    return {
      runs: drawn,
      empty: drawn.every(({ history }) => !history.length),
      unit: CLOCKS[clock].unit,
      marks: [],
      titles: [],
      floor,
      theme: this.theme,
      touch: matchMedia("(pointer: coarse)").matches,
    };
  }

  destroy() {
    for (const stop of this.quiet) stop();
    this.curves.destroy();
  }
}

export default function comparison(component) {
  return mountOnce(component, ".tg-comparison", "comparisons", Comparison);
}
