// The exported player: a run's keyframes, packed in the page itself, played on a canvas. It asks no server for anything.

const RATE = { least: 2, most: 12, seconds: 10 }; // keyframes a second: the whole run in about ten seconds
const CURVE = { height: 180, left: 36, right: 6, top: 8, bottom: 18, lines: 4 };
const wholeNumber = new Intl.NumberFormat("en-US");

const minus = (text) => text.replace("-", "\u2212");
const percentage = (share) => (Number.isFinite(share) ? `${(100 * share).toFixed(1)}\u202f%` : "\u2013");

/** A number in about three digits. */
function short(value) {
  if (!Number.isFinite(value)) return "\u2013";
  const size = Math.abs(value);
  if (size >= 1e5 || (size > 0 && size < 1e-3)) return minus(value.toExponential(1));
  return minus(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3));
}

/** The keyframes, out of one base64 text and the length of each. */
function readKeyframes({ frames, sizes }) {
  const raw = atob(frames);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  let at = 0;
  return sizes.map((size) => readFrame(bytes.slice(at, (at += size))));
}

function svgElement(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

class Player {
  constructor(root, run) {
    this.root = root;
    this.run = run;
    this.part = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((el) => [el.dataset.part, el]));
    this.frames = readKeyframes(run);
    this.layers = { real: true, fake: true, heatmap: true, contours: true, mesh: false, arrows: false };
    this.scene = new Scene(this.part.axes, this.part.canvas);
    this.scene.drawNumbers = () => null; // they belong to bars, which are not on this page
    this.blender = new Blender();
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.position = this.frames.length - 1; // in keyframes
    this.playing = false;
    this.painted = 0;
    this.before = 0;
    this.scene.setData(unpackBase64(run.real, 4 * run.extent), run.modes, run.extent, "data units");
    this.describe();
    this.listen();
    this.dress();
    this.measure();
  }

  get last() {
    return this.frames.length - 1;
  }

  get base() {
    return this.frames[Math.min(this.last, Math.floor(this.position))];
  }

  /** What the method was at a step: a run may have changed it on the way. */
  changeAt(step) {
    return this.run.changes.findLast((change) => change.step <= step);
  }

  // --- what does not change -----------------------------------------------------------------------------------

  describe() {
    const { run, part } = this;
    part.data.textContent = `on ${run.data}`;
    part.name.textContent = run.name;
    part.name.hidden = !run.name;
    part.last.textContent = `of ${wholeNumber.format(this.frames.at(-1).step)}`;
    part.floor.textContent = `floor ${run.floor[0].toFixed(3)} \u00b1 ${run.floor[1].toFixed(3)}`;
    part.kind.textContent = run.kind[0].toUpperCase() + run.kind.slice(1);
    part.total.textContent = `of ${run.total}`;
    part.perfect.textContent = `perfect ${percentage(run.perfect)}`;
    part.link.textContent = run.link;
    part.timeline.max = Math.max(1, this.last);
    part.timeline.disabled = part.play.disabled = part.speed.disabled = this.last === 0;
    const floor = document.createElement("i");
    floor.className = "key-floor";
    part.key.append(floor, "floor: two real samples", run.curves.length > 1 ? "; pale: the other seeds" : "");
    for (const pair of run.recipe) {
      const row = part.recipe.insertRow();
      for (const text of pair) row.insertCell().textContent = text;
    }
    describeMesh(this.root.querySelector("[data-layer=mesh]"), run.latent);
    this.root.querySelector("[data-layer=arrows]").title = "The way each generated point is pulled";
    this.refreshLayers();
  }

  /** Colours: the theme's and the method's. */
  dress() {
    const theme = readTheme(this.root);
    this.change = this.changeAt(this.base.step);
    this.squash = this.change.neutral === "zero";
    this.root.style.setProperty("--colour", this.change.colour);
    this.root.style.setProperty("--shades", shadeGradient(theme.dark));
    this.part.method.textContent = this.change.method;
    this.scene.setTheme(theme, this.change.colour);
    this.blender.forget();
  }

  // --- playing ------------------------------------------------------------------------------------------------

  play() {
    if (this.playing || this.last === 0) return;
    if (this.position >= this.last) this.position = 0;
    this.playing = true;
    this.before = 0;
    this.part.play.textContent = "Pause";
    requestAnimationFrame((now) => this.tick(now));
  }

  pause() {
    this.playing = false;
    this.part.play.textContent = "Play";
    this.say();
  }

  tick(now) {
    if (!this.playing) return;
    const elapsed = this.before ? Math.min(0.25, (now - this.before) / 1000) : 0;
    this.before = now;
    const rate = Math.min(RATE.most, Math.max(RATE.least, this.last / RATE.seconds));
    this.position = Math.min(this.last, this.position + elapsed * rate * Number(this.part.speed.value));
    this.paint();
    if (this.position >= this.last) this.pause();
    else requestAnimationFrame((next) => this.tick(next));
  }

  goTo(position) {
    this.pause();
    this.position = Math.min(this.last, Math.max(0, position));
    this.scene.forgetLevels();
    this.paint();
    this.say();
  }

  // --- painting -----------------------------------------------------------------------------------------------

  measure() {
    this.scene.resize(this.part.plot.clientWidth);
    this.drawCurve();
    this.paint();
    this.say();
  }

  paint() {
    if (!this.scene.size) return;
    if (this.changeAt(this.base.step) !== this.change) this.dress();
    const position = this.calm.matches ? Math.floor(this.position) : this.position;
    const moment = this.blender.at(this.frames, position, this.change.neutral);
    this.scene.paint(moment, this.layers, this.squash);
    this.refreshScale(moment);
    this.refreshNumbers();
    this.root.dataset.step = this.base.step;
    this.root.dataset.painted = ++this.painted;
  }

  refreshScale({ neutral, reach }) {
    const { part, squash } = this;
    const [low, middle, high] = squash ? ["0", "0.5", "1"] : [neutral - reach, neutral, neutral + reach].map(short);
    part.low.textContent = `fake ${low}`;
    part.middle.textContent = middle;
    part.high.textContent = `${high} real`;
    const what = squash ? "sigmoid of the critic's value" : "critic's value";
    part.scale.title = `The ${what}; beyond the ends it has the ends' colours`;
    part.scale.setAttribute("aria-label", `Colour scale of the ${what}: orange, ${low}, looks fake; blue, ${high}, looks real`);
  }

  refreshNumbers() {
    const { part, base, run } = this;
    const { metrics } = base;
    part.step.textContent = wholeNumber.format(base.step);
    part.w1.textContent = metrics.w1 !== null && metrics.w1 < 10 ? metrics.w1.toFixed(3) : short(metrics.w1);
    part.modes.textContent = metrics.modes ?? "\u2013";
    part.quality.textContent = percentage(metrics.high_quality);
    part.timeline.value = this.position;
    part.timeline.setAttribute("aria-valuetext", `step ${wholeNumber.format(base.step)}`);
    part.note.textContent = base.failed ?? "";
    part.note.hidden = !base.failed;
    const { points } = this.blender.near;
    let outside = 0;
    for (let i = 0; i < points.length; i += 2) {
      if (Math.max(Math.abs(points[i]), Math.abs(points[i + 1])) > run.extent) outside++;
    }
    part.outside.hidden = outside === 0;
    part.outside.textContent = `${outside} of ${points.length / 2} generated points outside`;
    const x = this.toX?.(base.step);
    if (this.cursor && Number.isFinite(x)) this.cursor.setAttribute("transform", `translate(${x}, 0)`);
  }

  refreshLayers() {
    for (const button of this.root.querySelectorAll("[data-layer]")) {
      button.setAttribute("aria-pressed", String(this.layers[button.dataset.layer]));
    }
  }

  /** In words, for those who do not see it. */
  say() {
    const { base, run } = this;
    const facts = `Wasserstein distance ${short(base.metrics.w1)}, ${base.metrics.modes ?? 0} of ${run.total} ${run.kind}`;
    const where = `${this.change.method} on ${run.data} at step ${wholeNumber.format(base.step)}`;
    this.part.canvas.setAttribute("aria-label", base.failed ? `${where}. ${base.failed}` : `${where}: ${facts}.`);
  }

  // --- the curve ----------------------------------------------------------------------------------------------

  drawCurve() {
    const { curve } = this.part;
    const width = curve.clientWidth;
    if (!width) return;
    const { left, right, top, bottom, height, lines } = CURVE;
    const [floor, spread] = this.run.floor;
    const known = this.run.curves.flat().filter(Number.isFinite).sort((a, b) => a - b);
    // A few values out of all proportion, as before an overflow, would flatten all the rest.
    const usual = known[Math.floor(0.98 * (known.length - 1))] ?? 1;
    const highest = 1.08 * Math.max(Math.min(known.at(-1) ?? 1, 2 * usual), floor + 2 * spread, 1e-9);
    const end = Math.max(1, this.frames.at(-1).step);
    this.toX = (step) => left + (step / end) * (width - left - right);
    this.toStep = (x) => ((x - left) / (width - left - right)) * end;
    const toY = (value) => height - bottom - (Math.min(value, highest) / highest) * (height - top - bottom);
    curve.replaceChildren();
    curve.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const add = (name, attributes, text) => curve.appendChild(svgElement(name, attributes, text));
    const yStep = niceStep(highest / lines);
    const digits = Math.max(0, -Math.floor(Math.log10(yStep) + 1e-9));
    for (let value = 0; value <= highest; value += yStep) {
      add("line", { class: "grid", x1: left, x2: width - right, y1: toY(value), y2: toY(value) });
      add("text", { x: left - 5, y: toY(value) + 3, "text-anchor": "end" }, value.toFixed(digits));
    }
    const xStep = Math.max(1, niceStep(end / lines));
    for (let step = 0; step <= end; step += xStep) {
      const anchor = step === 0 ? "start" : this.toX(step) > width - 20 ? "end" : "middle";
      add("text", { x: this.toX(step), y: height - 4, "text-anchor": anchor }, wholeNumber.format(step));
    }
    const band = { y: toY(floor + spread), height: Math.max(1, toY(Math.max(0, floor - spread)) - toY(floor + spread)) };
    add("rect", { class: "band", x: left, width: width - left - right, ...band });
    for (const { step, title } of this.run.changes.slice(1)) {
      add("line", { class: "change", x1: this.toX(step), x2: this.toX(step), y1: top, y2: height - bottom });
      const nearEnd = this.toX(step) > width - 90;
      add("text", { x: this.toX(step) + (nearEnd ? -4 : 4), y: top + 8, "text-anchor": nearEnd ? "end" : "start" }, title);
    }
    // The first seed's last, so that it lies over the others; each stretch in its method's colour.
    [...this.run.curves.entries()].reverse().forEach(([lane, values]) => {
      this.run.changes.forEach(({ step, colour }, i) => {
        const until = this.run.changes[i + 1]?.step ?? Infinity;
        const d = this.pathOf(values, toY, step, until);
        add("path", { class: lane ? "other" : "line", stroke: colour, d });
      });
    });
    this.cursor = add("line", { class: "cursor", x1: 0, x2: 0, y1: top, y2: height - bottom });
  }

  /** The line from one step to another, with a gap where nothing was measured. */
  pathOf(values, toY, from, until) {
    let pen = "M";
    let path = "";
    values.forEach((value, i) => {
      const { step } = this.frames[i];
      if (step < from || step > until || !Number.isFinite(value)) pen = "M";
      else {
        path += `${pen}${this.toX(step).toFixed(1)} ${toY(value).toFixed(1)}`;
        pen = "L";
      }
    });
    return path;
  }

  seek(event) {
    const step = this.toStep(event.clientX - this.part.curve.getBoundingClientRect().left);
    const distances = this.frames.map((frame) => Math.abs(frame.step - step));
    this.goTo(distances.indexOf(Math.min(...distances)));
  }

  // --- hands --------------------------------------------------------------------------------------------------

  listen() {
    const { part, root } = this;
    part.play.addEventListener("click", () => (this.playing ? this.pause() : this.play()));
    part.timeline.addEventListener("input", () => this.goTo(Number(part.timeline.value)));
    part.curve.addEventListener("click", (event) => this.seek(event));
    root.querySelector(".layers").addEventListener("click", (event) => {
      const layer = event.target.closest("button")?.dataset.layer;
      if (!layer) return;
      this.layers[layer] = !this.layers[layer];
      this.refreshLayers();
      this.paint();
    });
    document.addEventListener("keydown", (event) => this.onKey(event));
    new ResizeObserver(() => this.measure()).observe(part.plot);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.dress();
      this.paint();
    });
  }

  onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("select")) return;
    const index = Math.floor(this.position);
    const moves = {
      ArrowLeft: () => this.goTo(this.position > index ? index : index - 1),
      ArrowRight: () => this.goTo(index + 1),
      PageDown: () => this.goTo(index - 10),
      PageUp: () => this.goTo(index + 10),
      Home: () => this.goTo(0),
      End: () => this.goTo(this.last),
    };
    const onControl = Boolean(event.target.closest("button, summary"));
    if (event.key === " " && !onControl) {
      if (!event.repeat) this.part.play.click();
    } else if (moves[event.key]) moves[event.key]();
    else return;
    event.preventDefault();
  }
}

new Player(document.querySelector(".player"), JSON.parse(document.getElementById("run").textContent));
