// Charts of runs that train in the middle of a text: what each shows is data of the page, drawn from the store.

const HELD = 0.05; // share of the good samples from which on a mode counts as held
const TICKED = 12; // modes that each get a number at the axis

const CHART = `
  <figcaption><b data-part="title"></b><output data-part="now"></output><span class="tg-shades" data-part="shades" hidden>0\u202f% <i></i> 100\u202f%</span><span class="tg-keys" data-part="keys"></span></figcaption>
  <p data-part="look"></p>
  <div class="tg-chart"><div data-part="chart"></div><i class="tg-cursor" hidden></i></div>`;

/** The kinds of charts: `curve` is what `Curves` draws, `now` a few words on an entry of the one run that it is about. */
const KINDS = {
  line: {
    curve: ({ metric, format, reference, floor, log }) => ({
      describe: (context) => overlay(context, metric),
      named: true,
      format: format || undefined,
      reference: reference ?? undefined,
      floor,
      yaxis: (empty) => (log ? { type: "log", rangemode: "normal", tickformatstops: [], ...(empty ? { range: [-3, 0] } : {}) } : {}),
    }),
    now: ({ metric, format }, { metrics, lanes }) => {
      const value = lanes?.[metric] ? meanOf(lanes[metric]) : metrics[metric];
      if (format.endsWith("%")) return percent(value, 0);
      return format === "d" ? decimals(value, 0) : brief(value);
    },
  },
  occupancy: {
    curve: (chart) => ({
      describe: (context) => occupancy(context, chart),
      named: true,
      hovermode: "closest",
      yaxis: () => ({
        autorange: false,
        range: [0.5, chart.bins + 0.5],
        showgrid: false,
        fixedrange: true,
        tickformat: "d",
        title: { text: chart.bin, standoff: 4, font: { size: 11 } },
        ...(chart.bins <= TICKED ? { dtick: 1, tick0: 1 } : {}),
      }),
    }),
    now: ({ bin }, entry) => {
      const held = sharesOf(entry).filter((share) => share >= HELD).length;
      return `${held} ${bin}${held === 1 ? "" : "s"} with ${percent(HELD, 0)} or more`;
    },
  },
};

/** Of the good samples, the share in each mode; nulls where there are none. */
function sharesOf({ histogram }) {
  const total = histogram.reduce((sum, count) => sum + count, 0);
  return histogram.map((count) => (total ? count / total : null));
}

function occupancy({ runs, theme, unit }, { run, bins, bin }) {
  const { history } = runs[run];
  if (!history.length) return [];
  const columns = history.map(sharesOf);
  const numbers = Array.from({ length: bins }, (_, i) => i + 1);
  return [{
    type: "heatmap",
    x: history.map(({ at }) => at),
    y: numbers,
    z: numbers.map((_, row) => columns.map((shares) => shares[row] ?? null)),
    zmin: 0,
    zmax: 1,
    colorscale: sequentialScale(theme),
    showscale: false,
    hovertemplate: `${unit} %{x:,d}, ${bin} %{y}: %{z:.0%}<extra></extra>`,
    unnamed: true,
  }];
}

class Live {
  constructor(root) {
    this.root = root;
    this.part = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((el) => [el.dataset.part, el]));
    this.quiet = [
      store.subscribe((run, what) => what === "frames" && this.receive(run)),
      store.on("reading", (reading) => this.goTo(reading)),
    ];
  }

  update({ data }) {
    this.data = data;
    this.theme = readTheme(this.root);
    this.runs = data.runs.map(({ run }) => store.run(run));
    this.root.style.setProperty("--tg-sequence", sequentialGradient(this.theme));
    const plan = JSON.stringify(data.charts.map(({ title, look, ...rest }) => rest));
    if (plan !== this.plan) this.layCharts();
    this.plan = plan;
    this.figures.forEach(({ part }, i) => {
      write(part.title, data.charts[i].title);
      part.title.title = data.charts[i].title;
      write(part.look, data.charts[i].look);
    });
    const look = JSON.stringify([data, this.theme]);
    if (look === this.look) return;
    this.look = look;
    this.curves.writeKeys(this.part.legend, data.runs.length > 1 || data.replicates > 1 ? runsLegend(data, this.theme) : []);
    this.curves.redrawAll();
  }

  layCharts() {
    this.curves?.destroy();
    this.figures = this.data.charts.map((chart) => this.figure(chart));
    this.part.charts.replaceChildren(...this.figures.map(({ root }) => root));
    const parts = {};
    const table = {};
    this.data.charts.forEach((chart, i) => {
      const { part } = this.figures[i];
      Object.assign(parts, { [`chart-${chart.name}`]: part.chart, [`keys-${chart.name}`]: part.keys });
      table[chart.name] = KINDS[chart.kind].curve(chart);
    });
    this.curves = new Curves(this.root, parts, table, {
      context: () => runsContext(this.data, this.runs, this.theme),
      end: () => endOfRuns(this.data, this.runs),
      seek: (reading) => store.say("seek", reading),
    });
    this.curves.load(this.data.base);
  }

  figure({ name, kind, height, wide }) {
    const root = document.createElement("figure");
    root.className = wide ? "tg-curve tg-wide" : "tg-curve";
    root.dataset.testid = `chart-${name}`;
    root.style.setProperty("--tg-height", height);
    root.innerHTML = CHART;
    const part = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((el) => [el.dataset.part, el]));
    part.shades.hidden = kind !== "occupancy";
    return { root, part };
  }

  receive(run) {
    if (this.runs?.includes(run)) this.curves.refresh();
  }

  /** The cursors follow the stages, and so do the few words beside each title. */
  goTo(reading) {
    if (!this.data) return;
    this.curves.moveCursor(reading);
    this.data.charts.forEach((chart, i) => {
      const entry = this.entryAt(chart.run ?? 0, reading);
      const words = entry && (chart.run !== undefined || this.runs.length === 1);
      write(this.figures[i].part.now, words ? KINDS[chart.kind].now(chart, entry) : "");
    });
  }

  entryAt(index, reading) {
    const { history } = this.runs[index];
    const at = (entry) => CLOCKS[this.data.clock].of(entry, this.data.runs[index]);
    return history[Math.floor(positionOf(history, at, reading))];
  }

  destroy() {
    for (const stop of this.quiet) stop();
    this.curves?.destroy();
  }
}

export default function live(component) {
  return mountOnce(component, ".tg-lively", "lives", Live);
}
