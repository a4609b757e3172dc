// Colours from Streamlit's theme, and the critic's diverging scale: orange where it says fake, blue where it says real.
// The pair stays apart for colour-blind readers; it is muted so that points stay readable over it.

const DIVERGING = {
  light: { fake: [241, 207, 158], neutral: [249, 248, 246], real: [160, 199, 226] },
  dark: { fake: [108, 76, 38], neutral: [27, 30, 36], real: [36, 84, 122] },
};
const SHADES = 513; // odd, so that the neutral value has a shade of its own

const colourProbe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

/** [r, g, b] of any CSS colour. */
function channelsOf(colour) {
  colourProbe.canvas.width = colourProbe.canvas.height = 1;
  colourProbe.fillStyle = colour;
  colourProbe.fillRect(0, 0, 1, 1);
  return [...colourProbe.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

function withAlpha(colour, alpha) {
  const [r, g, b] = channelsOf(colour);
  return `rgba(${r}, ${g}, ${b}, ${alpha})`;
}

function readTheme(element) {
  const style = getComputedStyle(element);
  const value = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  const background = value("--st-background-color", "#ffffff");
  const text = value("--st-text-color", "#31333f");
  const [r, g, b] = channelsOf(background);
  return {
    dark: 0.299 * r + 0.587 * g + 0.114 * b < 128,
    background,
    text,
    muted: withAlpha(text, 0.68),
    faint: withAlpha(text, 0.16),
    border: value("--st-border-color", withAlpha(text, 0.2)),
    font: value("--st-font", "sans-serif"),
  };
}

function mix(from, to, share) {
  return from.map((channel, i) => Math.round(channel + (to[i] - channel) * share));
}

/** The shade at t in [-1, 1]: -1 fake, 0 neutral, 1 real. */
function shadeAt(t, dark) {
  const { fake, neutral, real } = DIVERGING[dark ? "dark" : "light"];
  return mix(neutral, t < 0 ? fake : real, Math.abs(t));
}

/** All shades as the 32-bit pixels of ImageData (little endian: alpha, blue, green, red). */
function shadeTable(dark) {
  return Uint32Array.from({ length: SHADES }, (_, i) => {
    const [r, g, b] = shadeAt((2 * i) / (SHADES - 1) - 1, dark);
    return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  });
}

function shadeGradient(dark) {
  const stops = [-1, -0.5, 0, 0.5, 1].map((t) => `rgb(${shadeAt(t, dark).join(" ")})`);
  return `linear-gradient(to right, ${stops.join(", ")})`;
}

/** From nothing to all, as Plotly's colour scale: from the background to what stands out from it most. */
function sequentialScale({ dark, background }) {
  return dark
    ? [[0, background], [0.5, "#226c98"], [1, "#cde4f3"]]
    : [[0, background], [0.5, "#79b0d4"], [1, "#063d66"]];
}

function sequentialGradient(theme) {
  return `linear-gradient(to right, ${sequentialScale(theme).map(([, colour]) => colour).join(", ")})`;
}
