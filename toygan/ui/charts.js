// Live charts: Plotly inside the component, redrawn in place so that zoom and hover stay.
// A redraw takes 10 to 20 ms of the thread that also paints the stage: one chart at a time, and only those in sight.

const REDRAW_EVERY = 340; // ms between two redraws of any chart
const HURRIED_EVERY = 25; // ms, when the charts must change altogether
const POINTS_DRAWN = 400; // a curve; more would cost time and show nothing new at this size
const CHART_MARGIN = { l: 46, r: 8, t: 6, b: 22 };

/** Loads Plotly from the app's own static files, once a page. */
function loadPlotly(base) {
  return (toygan.plotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    const prefix = (base ?? "").replace(/^\/+|\/+$/g, "");
    script.src = `${prefix ? `/${prefix}` : ""}/app/static/plotly-cartesian.min.js`;
    script.onload = () => (window.Plotly ? resolve(window.Plotly) : reject(new Error("Plotly is missing")));
    script.onerror = () => reject(new Error("Plotly could not be loaded"));
    document.head.append(script);
  }));
}

/** About POINTS_DRAWN entries of the history, the newest among them. */
function sampleHistory(history) {
  const stride = Math.ceil(history.length / POINTS_DRAWN);
  return stride < 2 ? history : history.filter((_, i) => (history.length - 1 - i) % stride === 0);
}

function line(entries, metric, name, look) {
  return {
    type: "scatter",
    mode: "lines",
    name,
    x: entries.map((entry) => entry.at ?? entry.step),
    y: entries.map((entry) => entry.metrics[metric] ?? null),
    line: { width: 1.5, ...look },
    hovertemplate: `${name} %{y:.3~g}<extra></extra>`,
  };
}

/** Values out of all proportion to the distance itself would only flatten it. */
function clip(trace, limit) {
  trace.y = trace.y.map((value) => (value === null || Math.abs(value) > limit ? null : value));
}

/** What stands behind a chart's lines: the noise floor, and a value they are to be compared with. */
function chartShapes({ floor: hasFloor, reference }, { floor, theme }) {
  const shapes = [];
  const across = { xref: "paper", x0: 0, x1: 1, yref: "y", layer: "below" };
  if (hasFloor && floor) {
    const band = { y0: floor.w1 - floor.std, y1: floor.w1 + floor.std, fillcolor: theme.faint, line: { width: 0 } };
    shapes.push({ ...across, ...band, type: "rect" });
  }
  if (reference !== undefined) {
    const line = { color: theme.muted, width: 1, dash: "dot" };
    shapes.push({ ...across, type: "line", y0: reference, y1: reference, line });
  }
  return shapes;
}

// Ticks between two whole numbers go without a label.
const WHOLE_TICKS = [
  { dtickrange: [null, 0.9], value: " " },
  { dtickrange: [0.9, null], value: ",d" },
];

// Counted up from below, the tick at 0 is some 1e-17, which only a fixed number of digits takes for nothing.
const PLAIN_TICKS = [{ dtickrange: [1e-6, 1e6], value: ".9~f" }];

/** How ticks are written by the distance between them: in as many digits as keep any two of them from looking alike. */
function tickStops(format) {
  if (format === "d") return WHOLE_TICKS;
  const [, digits, type] = /^\.(\d)([f%])$/.exec(format) ?? [];
  if (!type) return PLAIN_TICKS;
  return [0, 1, 2, 3, 4].map((more) => {
    const written = Number(digits) + more;
    const apart = 0.9 * 10 ** -(type === "%" ? written + 2 : written);
    return { dtickrange: [more < 4 ? apart : null, null], value: `.${written}${type}` };
  });
}

function chartLayout(curve, context, width, height, zoom) {
  const { theme, empty, marks, titles, unit } = context;
  const named = curve.named ? { title: { text: unit, standoff: 4, font: { size: 11, color: theme.muted } } } : {};
  const axis = {
    gridcolor: theme.faint,
    rangemode: "tozero",
    zeroline: false,
    linecolor: theme.faint,
    tickfont: { size: 10, color: theme.muted },
    fixedrange: context.touch,
  };
  return {
    width,
    height,
    margin: curve.named ? { ...CHART_MARGIN, b: 36 } : CHART_MARGIN,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: theme.font, color: theme.text, size: 11 },
    showlegend: false,
    uirevision: "keep",
    dragmode: context.touch ? false : "zoom",
    hovermode: curve.hovermode ?? "x unified",
    hoverlabel: { bgcolor: theme.background, bordercolor: theme.faint, font: { size: 11, color: theme.text } },
    shapes: [...chartShapes(curve, context), ...marks],
    annotations: curve.titled ? titles : [],
    xaxis: {
      ...axis,
      ...named,
      showgrid: false,
      range: zoom ?? [0, context.end],
      ticks: "outside",
      ticklen: 3,
      tickcolor: theme.faint,
      nticks: 6,
      tickformatstops: WHOLE_TICKS,
      unifiedhovertitle: { text: `${unit} %{x:,d}` },
      showticklabels: !empty,
    },
    yaxis: {
      ...axis,
      nticks: 4,
      tickformat: curve.format ?? "~g",
      tickformatstops: tickStops(curve.format),
      autorange: !empty,
      ...(empty ? { range: [0, 1.4] } : {}),
      ...curve.yaxis?.(empty),
    },
  };
}

const BORDERS = { dash: "dashed", dot: "dotted" };
const RHYTHMS = { dashdot: [6, 2, 2, 2], longdash: [9, 3], longdashdot: [8, 2, 2, 2] }; // px of line, gap, line, gap

/** A piece of the line that a key stands for, in its colour and its dashes. */
function swatch({ line: { color, width, dash }, opacity = 1 }) {
  const thickness = width > 1.75 ? 2.5 : 2;
  if (!RHYTHMS[dash]) return `border-top:${thickness}px ${BORDERS[dash] ?? "solid"} ${color};opacity:${opacity}`;
  let at = 0;
  const stops = RHYTHMS[dash].map((length, i) => `${i % 2 ? "transparent" : color} ${at}px ${(at += length)}px`);
  return `height:${thickness}px;background:repeating-linear-gradient(to right, ${stops.join(", ")});opacity:${opacity}`;
}

class Curves {
  /**
   * `table` has the charts by name, each with a part `chart-NAME` and a part `keys-NAME`. `describe(context)` gives its
   * traces, `yaxis(empty)` what is special about its axis. `context()` gives what they show at the moment, `end()` where
   * their time axes end, `seek(x)` goes to a place on them.
   */
  constructor(root, parts, table, { context, end, seek }) {
    this.root = root;
    this.context = context;
    this.endOf = end;
    this.seek = seek;
    this.charts = Object.entries(table).map(([name, curve]) => ({
      curve,
      element: parts[`chart-${name}`],
      keys: parts[`keys-${name}`],
      cursor: parts[`chart-${name}`].nextElementSibling,
      dirty: true,
      visible: false,
      zoomed: false,
    }));
    this.turn = 0;
    this.timer = 0;
    this.hurry = 0; // redraws that need not wait
    this.sight = new IntersectionObserver((entries) => this.onSight(entries));
    this.size = new ResizeObserver(() => this.redrawAll());
    for (const chart of this.charts) this.sight.observe(chart.element);
    this.size.observe(root);
  }

  async load(base) {
    try {
      this.plotly = await loadPlotly(base);
    } catch {
      for (const { element } of this.charts) element.textContent = "The curves could not be loaded.";
      return;
    }
    this.redrawAll();
  }

  onSight(entries) {
    for (const { target, isIntersecting } of entries) {
      this.charts.find((chart) => chart.element === target).visible = isIntersecting;
    }
    this.later();
  }

  /** The data grew: each chart is redrawn when its turn comes. */
  refresh() {
    const end = this.endOf();
    if (end !== this.end) this.hurry = this.charts.length; // their axes belong together
    this.end = end;
    for (const chart of this.charts) chart.dirty = true;
    this.later();
  }

  /** Another run, theme or width: the charts follow one after another, so that the stage can paint in between. */
  redrawAll() {
    this.hurry = this.charts.length;
    clearTimeout(this.timer);
    this.timer = 0;
    this.refresh();
  }

  later() {
    if (!this.plotly || this.timer) return;
    this.timer = setTimeout(() => this.next(), this.hurry-- > 0 ? HURRIED_EVERY : REDRAW_EVERY);
  }

  next() {
    this.timer = 0;
    if (!this.root.isConnected) return;
    const waiting = this.charts.filter((chart) => chart.dirty && chart.visible);
    if (!waiting.length || document.hidden) return;
    this.redraw(waiting[this.turn++ % waiting.length]);
    this.later();
  }

  redraw(chart) {
    const { element, curve, keys } = chart;
    const width = element.parentElement.clientWidth;
    if (!width || element._dragging) return; // a redraw would end the reader's drag
    const context = { ...this.context(), end: this.endOf() };
    const traces = curve.describe(context);
    const zoom = chart.zoomed ? element._fullLayout.xaxis.range.slice() : undefined;
    const layout = chartLayout(curve, context, width, element.parentElement.clientHeight, zoom);
    chart.dirty = false;
    this.plotly.react(element, traces, layout, { displayModeBar: false, doubleClick: "autosize", showTips: false });
    if (!chart.wired) {
      chart.wired = true;
      element.on("plotly_click", ({ points }) => points.length && this.seek(points[0].x));
      element.on("plotly_relayout", (change) => this.onZoom(chart, change));
    }
    const named = traces.filter((trace) => !trace.unnamed && (!trace.ghost || curve.titled));
    const latest = named.filter((trace, i) => named.findIndex(({ name }) => name === trace.name) === i);
    const legend = latest.reverse().map((trace) => [swatch(trace), trace.name]);
    if (curve.floor && context.floor) legend.push([`border-top:8px solid ${context.theme.faint}`, "floor"]);
    this.writeKeys(keys, legend);
    this.placeCursor(chart);
  }

  /** The reader's zoom stays as it is while the curves grow; a double click gives the range back to them. */
  onZoom(chart, change) {
    if ("xaxis.range[0]" in change) chart.zoomed = true;
    if (change["xaxis.autorange"]) {
      chart.zoomed = false;
      chart.dirty = true;
      this.later();
    }
    this.placeCursor(chart);
  }

  writeKeys(keys, legend) {
    const mark = JSON.stringify(legend);
    if (keys.dataset.mark === mark) return;
    keys.dataset.mark = mark;
    keys.replaceChildren(...legend.map(([style, name]) => {
      const key = document.createElement("span");
      const sample = document.createElement("i");
      sample.style.cssText = style;
      key.append(sample, name);
      return key;
    }));
  }

  moveCursor(step) {
    this.step = step;
    for (const chart of this.charts) this.placeCursor(chart);
  }

  /** A thin line at the step on the stage: an element of its own, because moving a shape would redraw the chart. */
  placeCursor({ element, cursor }) {
    const axis = element._fullLayout?.xaxis;
    const at = axis && this.step !== undefined ? axis.l2p(this.step) : NaN;
    cursor.hidden = !(at >= 0 && at <= axis._length);
    if (!cursor.hidden) cursor.style.transform = `translateX(${axis._offset + at}px)`;
  }

  destroy() {
    clearTimeout(this.timer);
    this.sight.disconnect();
    this.size.disconnect();
    for (const { element } of this.charts) this.plotly?.purge(element);
  }
}
