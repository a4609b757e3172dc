// The critic's values on a grid: blended between keyframes, turned into pixels, contour lines and numbers.
// Node (0, 0) lies at (-extent, -extent), node (63, 63) at (extent, extent).

// The share of the grid that the colour scale covers: critics run off in the corners, which would fade all the rest.
const REACH_SHARE = 0.92;
// The least that it reaches, as a part of the neutral value, which is known to five digits: a critic that says the same
// everywhere must not get a colour from their rounding.
const LEAST_REACH = 1e-3;
const LINES_EACH_WAY = 20;
const reachBins = new Uint16Array(512);

/** a + (b - a) * share, into out. */
function blend(out, a, b, share) {
  for (let i = 0; i < out.length; i++) out[i] = a[i] + (b[i] - a[i]) * share;
}

/** How far from neutral the values go: the distance that most of the grid stays within. */
function reachOf(grid, neutral) {
  const least = Math.max(LEAST_REACH * Math.abs(neutral), 1e-9);
  let widest = 0;
  for (let i = 0; i < CELLS; i++) widest = Math.max(widest, Math.abs(grid[i] - neutral));
  if (!(widest > least)) return least;
  reachBins.fill(0);
  const scale = (reachBins.length - 1) / widest;
  for (let i = 0; i < CELLS; i++) reachBins[(Math.abs(grid[i] - neutral) * scale) | 0]++;
  let seen = 0;
  let bin = 0;
  while (seen + reachBins[bin] < REACH_SHARE * CELLS) seen += reachBins[bin++];
  return Math.max((bin + 1) / scale, least);
}

/** Colours the field; pixel rows run down, grid rows run up. */
function paintField(pixels, field, neutral, reach, squash, shades) {
  const middle = (SHADES - 1) / 2;
  for (let row = 0; row < GRID; row++) {
    const to = (GRID - 1 - row) * GRID;
    const from = row * GRID;
    for (let column = 0; column < GRID; column++) {
      const value = field[from + column];
      // 2 sigmoid(v) - 1 = tanh(v / 2)
      const t = squash ? Math.tanh(value / 2) : (value - neutral) / reach;
      const shade = (middle * (1 + t) + 0.5) | 0;
      pixels[to + column] = shades[shade < 0 ? 0 : shade >= SHADES ? SHADES - 1 : shade];
    }
  }
}

/** Adds the lines where the field equals one of the levels to the context's path; the plot is `size` pixels wide. */
function traceContours(context, field, levels, count, size) {
  const unit = size / (GRID - 1);
  for (let row = 0; row < GRID - 1; row++) {
    const below = size - row * unit;
    const above = below - unit;
    for (let column = 0; column < GRID - 1; column++) {
      const i = row * GRID + column;
      const a = field[i]; // lower left, then counter-clockwise
      const b = field[i + 1];
      const c = field[i + GRID + 1];
      const d = field[i + GRID];
      const low = Math.min(a, b, c, d);
      const high = Math.max(a, b, c, d);
      for (let k = 0; k < count; k++) {
        const level = levels[k];
        if (level < low || level >= high) continue;
        traceCell(context, a - level, b - level, c - level, d - level, column * unit, below, above, unit);
      }
    }
  }
}

/** One cell of marching squares: the corner values are relative to the level, the sign says inside or outside. */
function traceCell(context, a, b, c, d, left, below, above, unit) {
  const corners = (a >= 0 ? 1 : 0) | (b >= 0 ? 2 : 0) | (c >= 0 ? 4 : 0) | (d >= 0 ? 8 : 0);
  if (corners === 0 || corners === 15) return;
  const bottom = left + (unit * a) / (a - b);
  const top = left + (unit * d) / (d - c);
  const west = below - (unit * a) / (a - d);
  const east = below - (unit * b) / (b - c);
  const right = left + unit;
  switch (corners) {
    case 1: case 14: context.moveTo(left, west); context.lineTo(bottom, below); return;
    case 2: case 13: context.moveTo(bottom, below); context.lineTo(right, east); return;
    case 4: case 11: context.moveTo(right, east); context.lineTo(top, above); return;
    case 8: case 7: context.moveTo(top, above); context.lineTo(left, west); return;
    case 3: case 12: context.moveTo(left, west); context.lineTo(right, east); return;
    case 6: case 9: context.moveTo(bottom, below); context.lineTo(top, above); return;
    default: {
      // A saddle: the middle decides which corners belong together.
      const joined = a + b + c + d >= 0;
      if ((corners === 5) === joined) {
        context.moveTo(left, west); context.lineTo(top, above);
        context.moveTo(bottom, below); context.lineTo(right, east);
      } else {
        context.moveTo(left, west); context.lineTo(bottom, below);
        context.moveTo(right, east); context.lineTo(top, above);
      }
    }
  }
}

/** The levels of the contour lines; they change seldom, so that lines do not swim while the range drifts. */
function createLevels() {
  const values = new Float64Array(2 * LINES_EACH_WAY);
  const neutralOnly = new Float64Array(1);
  let step = 0;
  return {
    values,
    neutralOnly,
    count: 0,

    forget() {
      step = 0;
    },

    /** Lines from `low` to `high`; their distance suits what lies within reach of the neutral value. */
    place(neutral, reach, low, high, squash) {
      this.count = 0;
      neutralOnly[0] = squash ? 0 : neutral;
      if (squash) {
        for (let tenths = 1; tenths < 10; tenths++) {
          if (tenths !== 5) values[this.count++] = Math.log(tenths / (10 - tenths));
        }
        return;
      }
      const lines = (2 * reach) / step;
      if (!(lines > 5 && lines < 14)) step = niceStep((2 * reach) / 9);
      const first = Math.max(Math.ceil((low - neutral) / step), -LINES_EACH_WAY);
      const last = Math.min(Math.floor((high - neutral) / step), LINES_EACH_WAY);
      for (let k = first; k <= last; k++) {
        if (k !== 0) values[this.count++] = neutral + k * step;
      }
    },
  };
}

/** The field at a place, bilinear; u and v in grid units from the lower left. */
function fieldAt(field, u, v) {
  const last = GRID - 1.000001;
  const x = Math.min(last, Math.max(0, u));
  const y = Math.min(last, Math.max(0, v));
  const column = Math.floor(x);
  const row = Math.floor(y);
  const i = row * GRID + column;
  const p = x - column;
  const q = y - row;
  const lower = field[i] + (field[i + 1] - field[i]) * p;
  const upper = field[i + GRID] + (field[i + GRID + 1] - field[i + GRID]) * p;
  return lower + (upper - lower) * q;
}

/** The length of the field's gradient, by central differences one node wide; per data unit. */
function slopeAt(field, u, v, extent) {
  const inside = (value) => Math.min(GRID - 1, Math.max(0, value));
  const span = (2 * extent) / (GRID - 1);
  const [left, right, low, high] = [inside(u - 1), inside(u + 1), inside(v - 1), inside(v + 1)];
  const dx = (fieldAt(field, right, v) - fieldAt(field, left, v)) / ((right - left) * span);
  const dy = (fieldAt(field, u, high) - fieldAt(field, u, low)) / ((high - low) * span);
  return Math.hypot(dx, dy);
}
