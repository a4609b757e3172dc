// Numbers in words.

const quantity = new Intl.NumberFormat("en-US");
const plain = (text) => text.replace("-", "\u2212");

const SUPERSCRIPTS = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079";

/** A number as 1.2\u00b710\u207b\u2074. */
function scientific(value) {
  const [digits, power] = value.toExponential(1).split("e");
  const raised = [...power.replace("+", "")].map((sign) => (sign === "-" ? "\u207b" : SUPERSCRIPTS[sign])).join("");
  return `${plain(digits)}\u00b710${raised}`;
}

/** A number in about three digits. */
function brief(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "\u2013";
  const size = Math.abs(value);
  if (size >= 1e5 || (size > 0 && size < 1e-3)) return scientific(value);
  return plain(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3));
}

function decimals(value, digits) {
  return Number.isFinite(value) ? plain(value.toFixed(digits)) : "\u2013";
}

function percent(share, digits = 1) {
  return Number.isFinite(share) ? `${(100 * share).toFixed(digits)}\u202f%` : "\u2013";
}

/** A time in one unit, rounded so that it does not flicker. */
function duration(seconds) {
  if (seconds < 90) return `${5 * Math.ceil(seconds / 5)} s`;
  return `${Math.ceil(seconds / 60)} min`;
}

const PARTS = {
  modes: { title: "Modes", one: "mode", many: "modes" },
  arcs: { title: "Arcs", one: "arc", many: "arcs" },
  cells: { title: "Cells", one: "cell", many: "cells" },
};

/** What the parts of the data are called that a generator is to cover; modes where there are several kinds. */
function partsOf(...supports) {
  return (new Set(supports).size === 1 && PARTS[supports[0]]) || PARTS.modes;
}

/** Writes only what changed: most keyframes change few of the texts. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The mean of what is there, null where nothing is. */
function meanOf(values) {
  const there = (values ?? []).filter((value) => value !== null);
  return there.length ? there.reduce((sum, value) => sum + value, 0) / there.length : null;
}

/** Short explanations beside the buttons that ask for them, on hover and on focus. */
function explain(root, texts) {
  for (const button of root.querySelectorAll(".tg-help")) {
    const text = texts[button.dataset.help];
    const bubble = document.createElement("span");
    bubble.className = "tg-bubble";
    bubble.setAttribute("role", "tooltip");
    bubble.textContent = text;
    button.setAttribute("aria-label", text);
    button.after(bubble);
  }
}
