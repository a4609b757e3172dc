// Cards, diagnosis, curves and mode bars: all follow the keyframe that the stage shows.

const HELP = {
  w1: "The Wasserstein distance: how far, on average, points must move to turn generated samples into real ones. " +
    "Two independent real samples of that size are at the noise floor, not at zero: below it, differences are chance. " +
    "Both fall with more points: live frames have 500, a paused run is measured with 2,000.",
  modes: "How many parts of the data get at least one high-quality sample. " +
    "Well covered are those that get at least a quarter of their fair share of all samples.",
  quality: "Samples within three standard deviations of a mode (or close to the curve). " +
    "Perfect samples do not reach 100 %: a higher share than theirs means that the generator concentrates too much.",
  step: "Generator steps done at the moment on the stage, and how many are done in a second.",
  gradient: "How steep the critic is at real points, at generated points and on the way between them. " +
    "A critic that measures a distance has slope 1 where points have to travel (dotted line).",
};

const PACE_OVER = 3000; // ms

const floorText = (mean, std) => `floor ${decimals(mean, 3)} \u00b1 ${decimals(std, 3)}`;

class Readouts {
  constructor(root) {
    this.root = root;
    this.part = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((el) => [el.dataset.part, el]));
    this.card = Object.fromEntries([...root.querySelectorAll(".tg-card")].map((el) => [
      el.dataset.testid.replace("card-", ""),
      { value: el.querySelector("strong"), note: el.querySelector("small") },
    ]));
    this.pace = [];
    this.seen = {};
    this.bars = root.querySelector(".tg-bars");
    this.diagnosis = root.querySelector(".tg-diagnosis");
    this.curves = new Curves(root, this.part, CURVES, {
      context: () => this.context(),
      end: () => this.end(),
      seek: (step) => store.seek(this.run, step),
    });
    this.unsubscribe = store.subscribe((run, what) => this.receive(run, what));
    explain(root, HELP);
  }

  update({ data }) {
    const old = this.data;
    this.data = data;
    this.theme = readTheme(this.root);
    this.run = store.run(data.run);
    this.root.style.setProperty("--tg-colour", data.colour);
    if (!old) this.curves.load(data.base);
    const words = partsOf(data.support);
    write(this.part.support, words.title);
    write(this.part["bars-title"], `Good samples by ${words.one}`);
    if (!old || String(old.weights) !== String(data.weights)) this.layBars();
    this.refresh();
    const look = JSON.stringify([data.run, data.ghost, data.changes, this.theme]);
    if (look !== this.look) this.curves.redrawAll();
    this.look = look;
  }

  receive(run, what) {
    if (!this.data) return;
    if (run === this.run && what !== "seek") this.refresh();
    if (what === "frames" && (run === this.run || run.hash === this.data.ghost?.run) && run.version !== run.drawn) {
      run.drawn = run.version;
      this.curves.refresh();
    }
  }

  /** What two samples of real points are apart, once it is known. */
  get floor() {
    return this.run.status?.floor;
  }

  get ghostHistory() {
    const { ghost } = this.data;
    return (ghost && store.peek(ghost.run)?.history) || [];
  }

  /** Where the time axes end: all the same. */
  end() {
    return roundEnd(Math.max(this.run.history.at(-1)?.step ?? 0, this.ghostHistory.at(-1)?.step ?? 0));
  }

  /** What the charts show. */
  context() {
    const { ghost, changes, objective } = this.data;
    const { theme, floor } = this;
    const newest = this.run.history.at(-1)?.step ?? 0;
    const reached = changes.filter(({ step }) => step <= newest);
    const history = sampleHistory(this.run.history);
    const ghosts = sampleHistory(this.ghostHistory);
    return {
      history,
      stretches: reached.map((change, i) => ({ ...change, until: reached[i + 1]?.step ?? Infinity })),
      ghost: ghosts,
      ghostTitle: ghost?.title ?? "before",
      ghostColour: ghost?.colour,
      empty: !history.length && !ghosts.length,
      unit: "step",
      marks: changeMarks(reached.slice(1), theme),
      titles: changeTitles(reached.slice(1), theme),
      floor,
      objective,
      theme,
      touch: matchMedia("(pointer: coarse)").matches,
    };
  }

  refresh() {
    const frame = this.run.shown ?? this.run.frames.at(-1);
    this.refreshStep(frame);
    this.refreshDiagnosis();
    const floor = this.floor?.w1;
    if (floor !== this.seen.floor) this.curves.refresh();
    const seen = { frame, floor, measured: this.run.measured.size, data: this.data };
    if (Object.keys(seen).every((key) => seen[key] === this.seen[key])) return;
    this.seen = seen;
    this.refreshDistance(frame);
    this.refreshModes(frame);
    this.refreshQuality(frame);
    this.refreshBars(frame);
    this.curves.moveCursor(frame?.step);
  }

  refreshDistance(frame) {
    const { value, note } = this.card.w1;
    const measured = frame && this.run.measured.get(frame.step);
    const { floor } = this;
    write(this.part.points, quantity.format(measured?.n ?? floor?.n ?? 500));
    if (measured) {
      write(value, decimals(measured.w1, 3));
      write(note, floorText(measured.w1_floor, measured.w1_floor_std));
      return;
    }
    write(value, decimals(frame?.metrics.w1, 3));
    write(note, floor ? floorText(floor.w1, floor.std) : "\u00a0");
  }

  refreshModes(frame) {
    const { value, note } = this.card.modes;
    const { modes, modes_by_share: byShare, modes_total: total = this.data.modes_total } = frame?.metrics ?? {};
    write(value, Number.isFinite(modes) ? `${modes} of ${total}` : `\u2013 of ${total ?? "\u2013"}`);
    write(note, Number.isFinite(byShare) ? `${byShare} well covered` : "\u00a0");
  }

  refreshQuality(frame) {
    const { value, note } = this.card.quality;
    const expected = this.data.expected_high_quality;
    write(value, percent(frame?.metrics.high_quality));
    write(note, Number.isFinite(expected) ? `perfect: ${percent(expected)}` : "\u00a0");
  }

  refreshStep(frame) {
    const { value, note } = this.card.step;
    write(value, frame ? quantity.format(frame.step) : "0");
    const speed = this.paceAt(frame);
    if (this.run.status?.state === "rebuilding") write(note, "rebuilding");
    else if (!this.data.playing) write(note, this.pausedText(frame));
    else write(note, speed ? `${quantity.format(Number(speed.toPrecision(2)))} steps a second` : "\u00a0");
  }

  /** Steps a second on the stage over the last seconds, played or replayed; undefined when there is too little to say. */
  paceAt(frame) {
    if (!this.data.playing || !frame || frame.step < this.pace.at(-1)?.step) this.pace = [];
    if (!this.data.playing || !frame) return undefined;
    const now = performance.now();
    if (frame.step !== this.pace.at(-1)?.step) this.pace.push({ now, step: frame.step });
    while (now - this.pace[0].now > PACE_OVER && this.pace.length > 2) this.pace.shift();
    const [first, last] = [this.pace[0], this.pace.at(-1)];
    const seconds = (last.now - first.now) / 1000;
    return seconds > 0.5 ? (last.step - first.step) / seconds : undefined;
  }

  /** A run that has not come as far as the one before is not yet its equal. */
  pausedText(frame) {
    const { ghost } = this.data;
    const before = ghost && store.peek(ghost.run)?.shown?.step;
    return this.run.live && before > (frame?.step ?? 0) ? `paused; ${ghost.title} at ${quantity.format(before)}` : "paused";
  }

  refreshDiagnosis() {
    const found = this.run.status?.diagnosis;
    write(this.diagnosis, found?.text ?? "");
    this.diagnosis.dataset.kind = found?.kind ?? "";
  }

  layBars() {
    const count = this.data.weights?.length || this.data.modes_total || 0;
    this.bars.replaceChildren(...Array.from({ length: count }, (_, i) => {
      const bar = document.createElement("span");
      bar.innerHTML = "<b></b><u></u>";
      if (count <= 12) bar.dataset.label = i + 1;
      return bar;
    }));
    this.seen = {};
  }

  refreshBars(frame) {
    const counts = frame?.histogram ?? [];
    const total = counts.reduce((sum, count) => sum + count, 0);
    const weights = this.data.weights ?? [];
    const shares = weights.map((_, i) => (total ? (counts[i] ?? 0) / total : 0));
    const top = Math.max(2 * Math.max(...weights, 1e-9), ...shares);
    [...this.bars.children].forEach((bar, i) => {
      const fair = weights[i] ?? 1 / this.bars.children.length;
      bar.style.setProperty("--tg-share", (shares[i] ?? 0) / top);
      bar.style.setProperty("--tg-fair", fair / top);
      bar.classList.toggle("tg-missed", total > 0 && !shares[i]);
      bar.title = `${i + 1}: ${percent(shares[i])} of the high-quality samples, fair share ${percent(fair)}`;
    });
    const words = partsOf(this.data.support);
    this.bars.setAttribute("aria-label", total
      ? `High-quality samples by ${words.one}: ${shares.map((share, i) => `${i + 1}, ${percent(share, 0)}`).join("; ")}`
      : `High-quality samples by ${words.one}: none`);
  }

  destroy() {
    this.unsubscribe();
    this.curves.destroy();
  }
}

export default function readouts(component) {
  return mountOnce(component, ".tg-readouts", "panels", Readouts);
}
