// The comparison's curves over each other, its ranking, and what the ranking says.

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

class Comparison {
  constructor(root) {
    this.root = root;
    this.reached = 0; // by the runs' clock
    this.part = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((el) => [el.dataset.part, el]));
    this.curves = new Curves(root, this.part, COMPARED, {
      context: () => runsContext(this.data, this.runs, this.theme, this.reached),
      end: () => endOfRuns(this.data, this.runs, this.reached),
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
    const parts = partsOf(...data.runs.map(({ support }) => support));
    write(this.part.support, parts.title);
    const look = JSON.stringify([data, this.theme]);
    if (look !== this.look) {
      this.curves.writeKeys(this.part.legend, runsLegend(data, this.theme));
      this.curves.redrawAll();
    }
    this.look = look;
    if (old?.comparison === data.comparison) return;
    this.ranking.clear(data.runs, parts);
    this.reached = 0;
    this.hear(store.page);
  }

  receive(run) {
    if (this.runs?.includes(run)) this.curves.refresh();
  }

  hear(page) {
    if (!page || page.comparison !== this.data?.comparison) return;
    write(this.part.progress, page.measuring ?? "");
    if (page.reading !== this.reached) {
      // What is known of the runs beyond it, from before, was not compared yet.
      this.reached = page.reading;
      this.curves.refresh();
    }
    if (page.ranking) this.ranking.show(page.ranking, this.data.runs);
  }

  destroy() {
    for (const stop of this.quiet) stop();
    this.curves.destroy();
  }
}

export default function comparison(component) {
  return mountOnce(component, ".tg-comparison", "comparisons", Comparison);
}
