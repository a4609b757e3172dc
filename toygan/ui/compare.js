// Small multiples of the stage: up to six runs on one clock, painted together.

const MARKS_KEPT = 300; // readings the playhead can still be between
const SCALE_AGAIN = 400; // ms between two texts of the colour scale
const NUDGE = 0.02; // of the timeline, for an arrow key

class Compare {
  constructor(root) {
    this.root = root;
    this.part = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((el) => [el.dataset.part, el]));
    this.layers = (store.preferences.layers ??= { ...LAYERS_AT_FIRST });
    this.panels = [];
    this.levels = createLevels();
    this.playhead = createPlayhead();
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.marks = []; // the clock's readings as they came: the playhead lies between two of them
    this.live = true;
    this.scrubbed = 0;
    this.data = null;
    this.page = null;
    this.dirty = true;
    this.painted = 0;
    this.request = 0;
    this.before = 0;
    this.scaleAt = -Infinity;
    this.scaleTimer = 0;
    this.tick = this.tick.bind(this);
    this.wish = new Wish(() => this.data.playing, (playing) => this.trigger("toggle", { playing }));
    this.listen();
  }

  // --- what the page says -------------------------------------------------------------------------------------

  update({ data, setTriggerValue }) {
    const old = this.data;
    this.data = data;
    this.trigger = setTriggerValue;
    this.wish.settle();
    store.onResend((run, after) => {
      if (!data.panels.some((panel) => panel.run === run)) return false;
      setTriggerValue("resend", { run, after });
      return true;
    });
    if (data.playing && !old?.playing) this.live = true;
    if (data.playing !== old?.playing) this.playhead.rest();
    const other = old?.comparison !== data.comparison || old?.clock !== data.clock;
    if (other) this.switchComparison();
    this.layPanels();
    if (other) this.hear(store.page);
    write(this.part.what, data.title);
    this.refreshButtons();
    this.dirty = true;
    this.touch();
  }

  switchComparison() {
    this.marks = [];
    this.page = null;
    this.live = true;
    this.playhead.position = 0;
    this.root.dataset.reading = -1;
    this.root.dataset.comparison = this.data.comparison;
  }

  layPanels() {
    const theme = readTheme(this.root);
    const { panels, extent, size, replicates } = this.data;
    while (this.panels.length > panels.length) this.panels.pop().remove();
    while (this.panels.length < panels.length) this.panels.push(new Panel(this.part.panels));
    this.part.panels.dataset.count = panels.length;
    // The means of several seeds take more words than one line of a small panel has room for.
    this.part.panels.dataset.lines = replicates > 1 && panels.some(({ judged }) => judged) ? 2 : 1;
    this.root.style.setProperty("--tg-count", panels.length);
    if (size) this.root.style.setProperty("--tg-panel", `${size}px`);
    this.panels.forEach((panel, i) => panel.update(panels[i], extent, "data units", theme));
    this.root.style.setProperty("--tg-shades", shadeGradient(theme.dark));
    this.measure();
  }

  /** A message's word on the comparison as a whole: a new reading is where playing may go to. */
  hear(page) {
    if (!page || page.comparison !== this.data?.comparison || page.clock !== this.data.clock) return;
    const first = !this.page;
    this.page = page;
    this.root.dataset.state = page.state;
    const last = this.marks.at(-1);
    if (first || last === undefined || page.reading < last) {
      this.marks = [page.reading];
      this.playhead.position = 0;
      if (page.reading < this.scrubbed) this.live = true;
    } else if (page.reading > last) {
      this.marks.push(page.reading);
      if (this.live && this.calm.matches) this.playhead.position = this.marks.length - 1;
      else if (this.live) this.playhead.arrived(1, this.marks.length - 1, performance.now());
      this.forgetOldMarks();
    }
    this.dirty = true;
    this.touch();
  }

  forgetOldMarks() {
    const spare = Math.min(this.marks.length - MARKS_KEPT, Math.floor(this.playhead.position));
    if (spare <= 0) return;
    this.marks.splice(0, spare);
    this.playhead.position -= spare;
  }

  get newest() {
    return this.marks.at(-1) ?? 0;
  }

  get reading() {
    if (!this.live) return this.scrubbed;
    const index = Math.floor(this.playhead.position);
    const [from, to] = [this.marks[index] ?? 0, this.marks[index + 1]];
    return to === undefined ? from : from + (to - from) * (this.playhead.position - index);
  }

  // --- painting -----------------------------------------------------------------------------------------------

  touch() {
    if (this.request) return;
    this.before = 0;
    this.request = requestAnimationFrame(this.tick);
  }

  tick(now) {
    this.request = 0;
    if (!this.data || !this.root.isConnected) return;
    const elapsed = this.before ? Math.min(0.25, (now - this.before) / 1000) : 1 / 60;
    const moving = this.live && this.playhead.advance(elapsed, this.marks.length - 1);
    if (this.dirty || this.reading !== this.paintedAt) this.paint();
    if (!moving) return;
    this.request = requestAnimationFrame(this.tick);
    this.before = now;
  }

  paint() {
    this.dirty = false;
    const { reading } = this;
    this.paintedAt = reading;
    const { clock } = this.data;
    const there = reading === this.page?.reading;
    const moments = this.panels.map((panel) => panel.blend(reading, clock, there)).filter(Boolean);
    const reach = this.sharedReach(moments);
    const squash = this.squash;
    for (const panel of this.panels) panel.paint(this.layers, squash, reach, reach ? this.levels : null);
    this.painted++;
    this.root.dataset.painted = this.painted;
    this.root.dataset.reading = reading;
    this.refreshTimeline(reading);
    this.reach = reach;
    this.refreshScale();
    store.say("reading", reading);
  }

  get shared() {
    return (store.preferences.scale ?? this.data.scale) === "same";
  }

  /** Where all critics give log-odds their probability is a scale that means the same in every panel. */
  get squash() {
    return this.shared && this.data.panels.every(({ neutral }) => neutral === "zero");
  }

  /** How far from neutral the common scale goes: the middle one of the panels' own; null where each has its own. */
  sharedReach(moments) {
    if (!this.shared || this.squash || !moments.length) return null;
    const sorted = moments.map(({ reach }) => reach).sort((a, b) => a - b);
    return sorted[sorted.length >> 1];
  }

  refreshTimeline(reading) {
    const { timeline, live, reading: output } = this.part;
    const { units, digits } = CLOCKS[this.data.clock];
    const end = Math.max(this.newest, 1e-9);
    timeline.max = end;
    timeline.value = this.live ? Math.min(reading, end) : reading;
    timeline.disabled = !(this.newest > 0);
    timeline.style.setProperty("--tg-share", Math.min(1, reading / end));
    const text = `${quantity.format(Number(reading.toFixed(digits)))} ${units}`;
    write(output, text);
    timeline.setAttribute("aria-valuetext", text);
    live.setAttribute("aria-pressed", String(this.live));
  }

  /** Not at every frame, but the last one counts. */
  refreshScale() {
    const wait = this.scaleAt + SCALE_AGAIN - performance.now();
    clearTimeout(this.scaleTimer);
    if (wait > 0) {
      this.scaleTimer = setTimeout(() => this.refreshScale(), wait);
      return;
    }
    this.scaleAt = performance.now();
    const { reach } = this;
    const { low, middle, high } = this.part;
    const ends = this.squash ? ["0", "0.5", "1"] : reach ? [`\u2212${brief(reach)}`, "0", `+${brief(reach)}`] : ["", "", ""];
    write(low, `fake ${ends[0]}`);
    write(middle, ends[1]);
    write(high, `${ends[2]} real`);
    const what = this.squash ? "sigmoid of the critics' values" : "critics' values, from their neutral value";
    const scale = reach || this.squash ? "the same for all panels" : "each panel's own";
    this.part["bar-label"].setAttribute("aria-label", `Colour scale of the ${what}, ${scale}`);
  }

  refreshButtons() {
    for (const button of this.root.querySelectorAll("[data-scale]")) {
      button.setAttribute("aria-pressed", String((button.dataset.scale === "same") === this.shared));
    }
    for (const button of this.root.querySelectorAll("[data-layer]")) {
      button.setAttribute("aria-pressed", String(this.layers[button.dataset.layer]));
    }
  }

  // --- hands --------------------------------------------------------------------------------------------------

  listen() {
    const { root, part } = this;
    this.unhear = store.on("page", (page) => this.hear(page));
    this.unsubscribe = store.subscribe((run, what) => {
      if (what === "frames" && this.panels.some((panel) => panel.run === run)) {
        this.dirty = true;
        this.touch();
      }
    });
    this.unseek = store.on("seek", (reading) => this.scrub(reading));
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(part.panels);
    root.addEventListener("keydown", (event) => this.onKey(event));
    root.addEventListener("click", (event) => this.onClick(event));
    part.timeline.addEventListener("input", () => this.scrub(Number(part.timeline.value)));
  }

  measure() {
    const changed = this.panels.map((panel) => panel.resize());
    if (!changed.some(Boolean)) return;
    this.dirty = true;
    if (this.data) this.paint();
  }

  scrub(reading) {
    this.scrubbed = Math.min(this.newest, Math.max(0, reading));
    this.live = this.scrubbed >= this.newest;
    if (this.live) this.playhead.position = Math.max(0, this.marks.length - 1);
    this.scaleAt = -Infinity;
    this.paint();
  }

  onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const nudge = NUDGE * this.newest;
    const moves = {
      ArrowLeft: () => this.scrub(this.reading - nudge),
      ArrowRight: () => this.scrub(this.reading + nudge),
      Home: () => this.scrub(0),
      End: () => this.scrub(Infinity),
    };
    if (event.key === " " && !event.target.closest("button")) {
      if (!event.repeat) this.wish.ask(!this.data.playing);
    } else if (moves[event.key]) moves[event.key]();
    else return;
    event.preventDefault();
  }

  onClick(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const { layer, scale } = button.dataset;
    if (button === this.part.live) this.scrub(Infinity);
    if (layer) this.layers[layer] = !this.layers[layer];
    if (scale) store.preferences.scale = scale;
    this.scaleAt = -Infinity;
    this.refreshButtons();
    this.dirty = true;
    this.touch();
  }

  destroy() {
    cancelAnimationFrame(this.request);
    clearTimeout(this.scaleTimer);
    this.wish.drop();
    this.unhear();
    this.unseek();
    this.unsubscribe();
    this.observer.disconnect();
  }
}

export default function compare(component) {
  return mountOnce(component, ".tg-compare", "compares", Compare);
}
