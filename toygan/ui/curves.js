// The Train page's curves: what each chart shows of a run, of the run before it, and of changes on the way.

const TITLED_CHANGES = 2; // the latest; more would be written over each other

const CURVES = {
  w1: { describe: describeDistance, floor: true, titled: true },
  loss: { describe: describeLosses },
  gradient: { describe: describeGradients, reference: 1 },
};

/**
 * A line in the method's colour: one trace for each stretch between two changes of method, the latest first, since
 * it gives the legend its colour.
 */
function methodLines({ history, stretches }, metric, name, look) {
  return stretches.map(({ step, until, colour }) => {
    const entries = history.filter((entry) => entry.step >= step && entry.step <= until);
    return line(entries, metric, name, { color: colour, ...look });
  }).reverse();
}

function describeDistance(context) {
  const { history, theme, objective } = context;
  const name = objective === "wasserstein" ? "critic's estimate" : "critic's gap / slope";
  const estimate = line(history, "critic_estimate", name, { color: theme.muted, dash: "dash", width: 1.25 });
  clip(estimate, 1.5 * Math.max(0.1, ...history.map((entry) => entry.metrics.w1 ?? 0)));
  const traces = [estimate, ...methodLines(context, "w1", "W\u2081", { width: 2 })];
  return [...ghostLine(context, "w1"), ...traces];
}

/** The run before, thin and pale, dashed as the line that it is to be held against; the first chart's legend names it. */
function ghostLine({ ghost, ghostTitle, ghostColour }, metric, look = {}) {
  if (!ghost.length) return [];
  const pale = { opacity: 0.5, ghost: true };
  return [{ ...line(ghost, metric, ghostTitle, { color: ghostColour, width: 1.25, ...look }), ...pale }];
}

function describeLosses(context) {
  return [
    ...ghostLine(context, "generator_loss"),
    line(context.history, "critic_loss", "critic", { color: context.theme.muted }),
    ...methodLines(context, "generator_loss", "generator"),
  ];
}

function describeGradients(context) {
  const { history, theme } = context;
  return [
    ...ghostLine(context, "gradient_norm_between", { dash: "dot" }),
    line(history, "gradient_norm_between", "between", { color: theme.text, dash: "dot", width: 1.25 }),
    ...methodLines(context, "gradient_norm_fake", "generated"),
    line(history, "gradient_norm_real", "real", { color: theme.muted }),
  ];
}

/** A line at each step at which the reader changed something while keeping the weights. */
function changeMarks(changes, theme) {
  const upright = { xref: "x", yref: "paper", y0: 0, y1: 1, layer: "below" };
  const line = { color: theme.muted, width: 1, dash: "dashdot" };
  return changes.map(({ step }) => ({ ...upright, type: "line", x0: step, x1: step, line }));
}

function changeTitles(changes, theme) {
  const text = { xref: "x", yref: "paper", y: 1, yanchor: "top", xanchor: "left", showarrow: false };
  const font = { size: 10, color: theme.muted };
  return changes.slice(-TITLED_CHANGES).map(({ step, title }) => ({ ...text, x: step, text: title, font }));
}
