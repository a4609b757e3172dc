// Several runs over each other in one chart, against the reading of the clock they share.

const SHORTEST = 5; // of the clock's unit: where the time axes end at first
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"]; // for whom colours are not enough

/** A line a run: the mean over its seeds, with a band from the lowest to the highest of them where there are several. */
function overlay({ runs }, metric) {
  return runs.flatMap(({ history, title, colour }, i) => {
    const entries = history.map(({ at, metrics, lanes }) => {
      const values = (lanes?.[metric] ?? [metrics[metric] ?? null]).filter((value) => value !== null);
      return { at, metrics: { [metric]: meanOf(values) }, low: Math.min(...values), high: Math.max(...values) };
    });
    const traces = [{ ...line(entries, metric, title, { color: colour, width: 1.75, dash: DASHES[i] }), unnamed: true }];
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

/** One legend for all charts: what each line is, and what a band means. */
function runsLegend({ runs, replicates }, theme) {
  const keys = runs.map(({ title, colour }, i) => [swatch({ line: { color: colour, width: 2, dash: DASHES[i] } }), title]);
  if (replicates > 1) keys.push([`border-top:8px solid ${theme.faint}`, `all ${replicates} seeds; the line is their mean`]);
  return keys;
}

/** What of a run's history lies within the clock's reading `reached`; times are rounded on their way. */
function historyUntil(reached, history, at) {
  return history.slice(0, 1 + history.findLastIndex((entry) => at(entry) <= reached + 1e-4));
}

/** The latest reading of any run until `reached`, or a little more than none, rounded up. */
function endOfRuns({ runs, clock }, stored, reached = Infinity) {
  const ends = runs.map((run, i) => {
    const at = (entry) => CLOCKS[clock].of(entry, run);
    const last = historyUntil(reached, stored[i].history, at).at(-1);
    return last ? at(last) : 0;
  });
  return roundEnd(Math.max(SHORTEST, ...ends));
}

/** What charts of these runs show until a reading of their clock: `stored` is what the store has of each. */
function runsContext({ runs, shared, clock }, stored, theme, reached = Infinity) {
  const drawn = runs.map((run, i) => {
    const at = (entry) => CLOCKS[clock].of(entry, run);
    const history = sampleHistory(historyUntil(reached, stored[i].history, at));
    return { ...run, history: history.map((entry) => ({ ...entry, at: at(entry) })) };
  });
  return {
    runs: drawn,
    empty: drawn.every(({ history }) => !history.length),
    unit: CLOCKS[clock].unit,
    marks: [],
    titles: [],
    floor: shared ? stored[0].status?.floor : undefined,
    theme,
    touch: matchMedia("(pointer: coarse)").matches,
  };
}
