// The clocks that runs are compared by: where a keyframe lies on each, and how a reading is said.

const CLOCKS = {
  steps: { unit: "step", units: "generator steps", of: (frame) => frame.step, digits: 0 },
  updates: { unit: "critic update", units: "critic updates", of: (frame, run) => updatesAt(run.rates, frame.step), digits: 0 },
  seconds: { unit: "s of training", units: "seconds of training", of: (frame) => frame.seconds, digits: 1 },
};

/** Critic updates in the first `step` generator steps; `rates` are [step, updates a step from there on]. */
function updatesAt(rates, step) {
  let updates = 0;
  rates.forEach(([start, rate], i) => {
    const end = rates[i + 1]?.[0] ?? Infinity;
    if (step > start) updates += rate * (Math.min(step, end) - start);
  });
  return updates;
}

/** The position, in entries, at which a rising quantity has a value; clamped to what is there. */
function positionOf(entries, quantity, value) {
  let low = 0;
  let high = entries.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (quantity(entries[middle]) <= value) low = middle;
    else high = middle - 1;
  }
  if (low >= entries.length - 1) return Math.max(0, entries.length - 1);
  const [from, to] = [quantity(entries[low]), quantity(entries[low + 1])];
  return value <= from ? low : low + Math.min(1, (value - from) / (to - from || 1));
}
