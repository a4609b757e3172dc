// A lab: figures with the sliders, choices and handles that change them, and a motion that runs through their frames.

class Lab {
  constructor(root) {
    this.root = root;
    this.part = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((el) => [el.dataset.part, el]));
    this.figures = new Map();
    this.knobs = new Map();
    this.wishes = new Wishes(() => this.keepControls());
    this.seen = new Set();
    this.motion = new Motion({ show: (index) => this.show(index), told: () => this.writePlay() });
    this.sight = new IntersectionObserver((entries) => this.onSight(entries), { rootMargin: "80px" });
    this.size = new ResizeObserver(() => this.redrawAll());
    this.size.observe(root);
    this.back = () => this.later();
    document.addEventListener("visibilitychange", this.back);
    this.part.play.addEventListener("click", () => (this.motion.playing ? this.rest() : this.motion.play()));
  }

  update({ data, setTriggerValue }) {
    const first = !this.data;
    this.data = data;
    this.theme = { ...readTheme(this.root), accent: getComputedStyle(this.root).getPropertyValue("--tg-accent").trim() };
    this.wishes.tell = (wish) => setTriggerValue("set", wish);
    this.keepControls();
    this.keepFigures();
    this.part.play.hidden = !data.motion;
    if (data.motion) this.motion.update(data.motion, this.controls.get(data.motion.control).value);
    this.show(this.motion.index);
    this.writeReadings();
    this.writePlay();
    this.writeAddress();
    this.wishes.hear(Object.fromEntries(data.controls.map(({ name, value }) => [name, value])));
    if (first) this.load(data.base);
  }

  async load(base) {
    try {
      this.plotly = await loadPlotly(base);
    } catch {
      this.part.figures.textContent = "The figures could not be loaded.";
      return;
    }
    this.later();
  }

  /** The link in the address bar follows the controls, without a new entry in the browser's history. */
  writeAddress() {
    const { query } = this.data;
    const foreign = location.search.slice(1).split("&").filter((part) => part.startsWith("embed"));
    const search = [...new URLSearchParams(query).toString().split("&"), ...foreign].filter(Boolean).join("&");
    if (search !== location.search.slice(1)) history.replaceState(history.state, "", location.pathname + (search && `?${search}`) + location.hash);
  }

  /** What a reader does right now goes before what the page says. */
  keepControls() {
    const { controls, motion } = this.data;
    const before = this.controls;
    this.controls = new Map(controls.map((control) => {
      const wanted = this.wishes.wanted.get(control.name);
      const running = before && motion?.control === control.name ? before.get(control.name)?.value : undefined;
      return [control.name, { ...control, value: wanted ?? running ?? control.value }];
    }));
    const shown = controls.filter(({ handled }) => !handled);
    const look = JSON.stringify([shown.map(({ value, ...rest }) => rest), motion?.control, motion?.values]);
    if (look !== this.look) {
      this.part.controls.replaceChildren();
      this.knobs = new Map(shown.map((control) => [control.name, this.makeKnob(control)]));
    }
    this.look = look;
    for (const [name, knob] of this.knobs) if (!knob.held) knob.set(this.controls.get(name).value);
  }

  makeKnob(control) {
    const { motion } = this.data;
    const frames = motion?.control === control.name ? motion.values : null;
    return new Knob(this.part.controls, control, frames, (value, settled) => this.change(control.name, value, settled));
  }

  /** A reader has moved a control, by its slider or by a handle. */
  change(name, value, settled) {
    this.controls.get(name).value = value;
    const knob = this.knobs.get(name);
    if (knob && knob.value !== value) knob.set(value);
    if (this.data.motion?.control === name) {
      this.motion.pause();
      this.motion.go(this.motion.nearest(value));
      if (!settled) return;
    }
    this.wishes.add(name, value);
  }

  /** The reader stops the motion: its place belongs to the link. */
  rest() {
    this.motion.pause();
    this.wishes.add(this.data.motion.control, this.motion.value);
  }

  keepFigures() {
    const { figures } = this.data;
    const names = new Set(figures.map(({ name }) => name));
    for (const [name, figure] of this.figures) {
      if (names.has(name)) continue;
      this.sight.unobserve(figure.root);
      figure.remove(this.plotly);
      this.figures.delete(name);
    }
    for (const data of figures) {
      if (!this.figures.has(data.name)) {
        const figure = new LabFigure(this.part.figures, (...change) => this.change(...change));
        this.figures.set(data.name, figure);
        this.sight.observe(figure.root);
      }
      this.figures.get(data.name).update(data, this.theme, this.controls);
    }
  }

  show(index) {
    for (const figure of this.figures.values()) figure.show(index);
    const { motion } = this.data;
    if (motion) {
      this.controls.get(motion.control).value = this.motion.value;
      const knob = this.knobs.get(motion.control);
      if (knob && !knob.held) knob.set(this.motion.value);
      this.writeReadings();
    }
    this.later();
  }

  writePlay() {
    const { playing } = this.motion;
    write(this.part.play, playing ? "Pause" : "Play");
    this.root.dataset.playing = playing;
  }

  writeReadings() {
    const { readings } = this.data;
    const { part } = this;
    if (part.readings.children.length !== readings.length) {
      part.readings.replaceChildren(...readings.map(() => {
        const row = document.createElement("div");
        row.innerHTML = "<dt></dt><dd></dd>";
        return row;
      }));
    }
    readings.forEach(({ label, value, help }, i) => {
      const [term, number] = part.readings.children[i].children;
      const values = Array.isArray(value) ? value : [value];
      write(term, label);
      term.title = help;
      write(number, values[Math.min(this.motion.index, values.length - 1)]);
      // A place for the longest, so that the next reading does not jump.
      number.style.setProperty("--tg-widest", `${Math.max(...values.map((text) => text.length))}ch`);
    });
  }

  onSight(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.seen.add(target);
      else this.seen.delete(target);
    }
    this.later();
  }

  redrawAll() {
    for (const figure of this.figures.values()) figure.dirty = true;
    this.later();
  }

  later() {
    if (!this.plotly || this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => this.drawNext());
  }

  /** One figure each time the display paints, in turn: none waits for all the others. */
  drawNext() {
    this.waiting = false;
    if (!this.root.isConnected || document.hidden) return;
    const due = [...this.figures.values()].filter((figure) => figure.dirty && this.seen.has(figure.root));
    if (!due.length) return;
    this.turn = (this.turn ?? 0) + 1;
    due[this.turn % due.length].draw(this.plotly);
    if (due.length > 1) this.later();
  }

  destroy() {
    this.motion.pause();
    this.wishes.drop();
    this.sight.disconnect();
    this.size.disconnect();
    document.removeEventListener("visibilitychange", this.back);
    for (const figure of this.figures.values()) figure.remove(this.plotly);
  }
}

export default function lab(component) {
  return mountOnce(component, ".tg-lab", "labs", Lab);
}
