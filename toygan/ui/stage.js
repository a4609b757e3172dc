// The stage: plays a run's keyframes on a canvas, with a timeline, layers, hover and keyboard.

const SAID_EVERY = 1000; // ms between two texts for screen readers
const SCALE_EVERY = 400; // ms between two texts of the colour scale
const TIP_EVERY = 90; // ms between two readings under a resting pointer
const TIP_GAP = 14; // px between the pointer and its reading
const JUMP = 15; // keyframes behind a run that stands still from which nothing is played back
const PREPARING = "Preparing the networks";

const sigmoid = (value) => 1 / (1 + Math.exp(-value));

class Stage {
  constructor(root) {
    this.root = root;
    this.part = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((el) => [el.dataset.part, el]));
    this.layers = (store.preferences.layers ??= { ...LAYERS_AT_FIRST });
    this.scene = new Scene(this.part.axes, this.part.canvas);
    this.playhead = createPlayhead();
    this.blender = new Blender();
    this.address = createAddress(() => !root.isConnected);
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.data = null;
    this.run = null;
    this.base = null; // the keyframe on the stage
    this.played = -1;
    this.pending = null; // a step to show as soon as it is here
    this.live = true;
    this.dirty = true;
    this.painted = 0;
    this.paintedAt = null; // position of the playhead at the last paint
    this.request = 0;
    this.before = 0;
    this.pointer = null;
    this.tick = this.tick.bind(this);
    this.wish = new Wish(() => this.data.playing, (playing) => this.trigger("toggle", { playing }));
    this.listen();
  }

  // --- what the page says -------------------------------------------------------------------------------------

  update(component) {
    const { data, setTriggerValue } = component;
    const old = this.data;
    this.data = data;
    this.trigger = setTriggerValue;
    this.wish.settle();
    store.onResend((run, after) => {
      if (run !== data.run) return false;
      setTriggerValue("resend", { run, after });
      return true;
    });
    if (!old || old.real !== data.real || old.extent !== data.extent || String(old.modes) !== String(data.modes)) {
      this.scene.setData(unpackBase64(data.real, 4 * data.extent), data.modes, data.extent, data.unit ?? "data units");
    }
    const switched = !old || old.run !== data.run;
    // Whoever goes on from a scrubbed picture wants to see it go on.
    if (!switched && data.playing && !old.playing) this.live = true;
    if (data.playing !== old?.playing) this.playhead.rest();
    if (switched) this.switchRun();
    this.applyStretch();
    if (switched || (old.show !== data.show && data.show !== null)) this.show(data.show ?? null);
    if (switched) this.returnToScrubbed();
    this.refreshNote();
    // At once: the next animation frame may have to wait for the charts of the new run.
    if (switched) this.paintNow();
    this.touch();
  }

  /** Since which step the method is what it is on the stage: a run that kept its weights has seen several. */
  stretchAt(step) {
    const { changes } = this.data;
    return changes.findLast((change) => change.step <= step) ?? changes[0];
  }

  /** Colour, title, view and neutral value of the method in force at the step on the stage. */
  applyStretch() {
    const stretch = this.stretchAt(this.base?.step ?? this.data.show ?? Infinity);
    const other = JSON.stringify(stretch) !== JSON.stringify(this.stretch);
    this.stretch = stretch;
    this.applyTheme();
    this.describeRun();
    if (other) {
      this.chooseView();
      this.blender.forget();
    }
    this.refreshButtons();
  }

  get meansLogOdds() {
    return this.stretch.neutral === "zero";
  }

  applyTheme() {
    const theme = readTheme(this.root);
    const { colour } = this.stretch;
    const look = JSON.stringify([theme, colour]);
    if (look === this.look) return;
    this.look = look;
    this.scene.setTheme(theme, colour);
    this.root.style.setProperty("--tg-colour", colour);
    this.root.style.setProperty("--tg-shades", shadeGradient(theme.dark));
    this.dirty = true;
  }

  describeRun() {
    const { title, latent } = this.data;
    this.part.method.textContent = this.stretch.method;
    this.part.title.textContent = title;
    describeMesh(this.root.querySelector("[data-layer=mesh]"), latent);
    this.root.querySelector("[data-layer=arrows]").title =
      "The way each generated point is pulled: minus the gradient of the generator's loss";
  }

  refreshButtons() {
    const squash = this.meansLogOdds;
    for (const button of this.root.querySelectorAll("[data-view]")) {
      const sigmoidView = button.dataset.view === "sigmoid";
      button.setAttribute("aria-pressed", String(sigmoidView === this.squash));
      button.disabled = sigmoidView && !squash;
      button.title = !sigmoidView ? "The critic's output as it is"
        : squash ? "The critic's output as a probability of being real"
        : "This critic's output is not a log-odds, so it has no probability";
    }
    for (const button of this.root.querySelectorAll("[data-layer]")) {
      button.setAttribute("aria-pressed", String(this.layers[button.dataset.layer]));
    }
  }

  // --- which keyframe -----------------------------------------------------------------------------------------

  /** A probability makes sense for critics trained on logits only, and there the reader may prefer the raw value. */
  chooseView() {
    this.squash = this.meansLogOdds && (store.preferences.view ?? "sigmoid") === "sigmoid";
  }

  switchRun() {
    const { run, title } = this.data;
    const { method } = this.stretchAt(this.data.show ?? Infinity);
    this.run = store.run(run);
    this.root.dataset.run = run;
    this.root.dataset.step = -1; // nothing of this run is painted yet
    this.part.canvas.setAttribute("aria-label", `${method} ${title}: ${PREPARING.toLowerCase()}`);
    this.part.outside.hidden = true;
    this.part.timeline.disabled = true;
    this.mark = null;
    this.base = null;
    this.paintedAt = null;
    this.played = this.run.played;
    this.pending = null;
    this.said = null;
    this.address.forget();
    this.describeFrames();
  }

  /** Whoever comes back to a run at rest finds it at the step they had scrubbed to. */
  returnToScrubbed() {
    const { live, shown, frames } = this.run;
    if (live || !shown || this.data.playing || this.data.show === null) return;
    this.scrubTo(indexOfStep(frames, shown.step));
  }

  /** Goes to a step without a move in between; null is the newest. Live then goes on from there. */
  show(step) {
    const { frames } = this.run;
    this.live = true;
    this.pending = null;
    if (step === null) {
      if (frames.length) this.cutTo(this.endIndex());
      return;
    }
    if (frames.length && frames.at(-1).step >= step) {
      this.run.played = this.played = step;
      this.cutTo(indexOfStep(frames, step));
      return;
    }
    this.pending = step;
    if (frames.length) this.cutTo(this.endIndex());
  }

  endIndex() {
    const { frames, played } = this.run;
    return played < 0 ? frames.length - 1 : indexOfStep(frames, played);
  }

  cutTo(index) {
    this.playhead.position = index;
    this.base = this.run.frames[index] ?? null;
    this.scene.forgetLevels();
    this.scaleAt = -Infinity;
    this.dirty = true;
    this.touch();
  }

  scrubTo(index) {
    const { frames } = this.run;
    if (!frames.length) return;
    const to = Math.min(frames.length - 1, Math.max(0, index));
    this.pending = null;
    this.live = to === this.endIndex();
    this.cutTo(to);
    this.paintNow();
    this.keepAddress(true);
  }

  scrubToStep(step) {
    this.scrubTo(indexOfStep(this.run.frames, step));
  }

  goLive() {
    if (!this.run?.frames.length) return;
    this.live = true;
    this.pending = null;
    this.cutTo(this.endIndex());
    this.paintNow();
    this.keepAddress(true);
  }

  /** The store changed: keep the playhead on its keyframe, whose index may be another now. */
  receive() {
    const { frames, played } = this.run;
    this.describeFrames();
    this.refreshNote();
    if (!frames.length) return;
    const end = this.endIndex();
    const before = this.base;
    if (!before) this.cutTo(end);
    else {
      const share = this.playhead.position % 1;
      const index = indexOfStep(frames, before.step);
      this.playhead.position = Math.min(frames.length - 1, index + share);
      this.base = frames[index];
    }
    if (this.pending !== null && frames.at(-1).step >= this.pending) this.show(this.pending);
    else if (before && this.live) this.follow(end, played);
    this.played = this.run.played;
    this.touch();
  }

  follow(end, played) {
    const late = this.run.status?.state === "paused" && end - this.playhead.position > JUMP;
    // On the way to a link's step nothing is played: painting would take time from the training.
    const hurried = this.run.status?.state === "rebuilding";
    if (played < this.played || late || hurried || this.calm.matches) this.cutTo(end);
    else if (played > this.played) {
      this.playhead.arrived(end - indexOfStep(this.run.frames, this.played), end, performance.now());
    }
  }

  // --- painting -----------------------------------------------------------------------------------------------

  touch() {
    if (!this.request) {
      this.before = 0;
      this.request = requestAnimationFrame(this.tick);
    }
  }

  tick(now) {
    this.request = 0;
    if (!this.run || !this.root.isConnected) return;
    const elapsed = this.before ? Math.min(0.25, (now - this.before) / 1000) : 1 / 60;
    const moving = this.live && this.base !== null && this.playhead.advance(elapsed, this.endIndex());
    if (this.dirty || this.playhead.position !== this.paintedAt) this.paint();
    if (moving) {
      this.request = requestAnimationFrame(this.tick);
      this.before = now;
      this.keepAddress(false);
    } else {
      this.rest();
    }
  }

  /** A picture at rest does not depend on what was played before it. */
  rest() {
    this.keepAddress(true);
    if (!this.base) return;
    this.scene.forgetLevels();
    this.scaleAt = -Infinity;
    this.paint();
  }

  paintNow() {
    if (this.dirty) this.paint();
  }

  paint() {
    this.dirty = false;
    this.paintedAt = this.playhead.position;
    if (!this.scene.size) return;
    const { frames } = this.run;
    if (frames.length && this.base) {
      this.base = frames[Math.min(frames.length - 1, Math.floor(this.playhead.position))];
      if (this.stretchAt(this.base.step) !== this.stretch) this.applyStretch();
    }
    const shown = frames.length && this.base;
    const moment = shown ? this.blender.at(frames, this.playhead.position, this.stretch.neutral) : null;
    this.scene.paint(moment, this.layers, this.squash);
    this.painted++;
    this.root.dataset.painted = this.painted;
    if (!moment) return;
    this.presentBase();
    this.refreshScale();
    if (this.pointer && performance.now() - this.tipAt > TIP_EVERY) this.refreshTip();
  }

  /** Tells everyone which keyframe is on the stage, if it is another one than before. */
  presentBase() {
    store.present(this.run, this.base, this.live);
    const mark = `${this.base.step} ${this.live} ${this.run.frames.length}`;
    if (mark === this.mark) return;
    this.mark = mark;
    const { step } = this.base;
    this.root.dataset.step = step;
    this.part.step.textContent = `step ${quantity.format(step)}`;
    this.refreshTimeline(step);
    this.refreshOutside();
    this.refreshNote();
    this.sayLater();
  }

  refreshTimeline(step) {
    const { timeline, live } = this.part;
    const { frames } = this.run;
    const newest = frames.at(-1).step;
    // While live the thumb stays at the right end instead of trembling before the newest keyframe.
    const end = this.live && this.endIndex() === frames.length - 1 ? Math.max(step, 1) : newest;
    timeline.min = frames[0].step;
    timeline.max = Math.max(end, frames[0].step + 1);
    timeline.value = step;
    timeline.disabled = frames.length < 2;
    timeline.setAttribute("aria-valuetext", `step ${quantity.format(step)} of ${quantity.format(newest)}`);
    const share = (step - timeline.min) / (timeline.max - timeline.min);
    timeline.style.setProperty("--tg-share", frames.length < 2 ? 0 : share);
    live.setAttribute("aria-pressed", String(this.live));
    this.part.branch.classList.toggle("tg-absent", this.live || !(step > 0));
  }

  describeFrames() {
    const { status, frames } = this.run;
    this.root.dataset.frames = frames.length;
    this.root.dataset.newest = this.run.played;
    this.root.dataset.state = status?.state ?? "preparing";
  }

  refreshOutside() {
    const { points } = this.blender.near;
    const { extent } = this.scene;
    let count = 0;
    for (let i = 0; i < points.length; i += 2) {
      if (Math.abs(points[i]) > extent || Math.abs(points[i + 1]) > extent) count++;
    }
    this.part.outside.hidden = count === 0;
    this.part.outside.textContent = `${count} of ${points.length / 2} generated points outside`;
  }

  refreshNote() {
    const { note } = this.part;
    const text = this.noteText() ?? "";
    const look = !this.base ? "tg-note" : this.base.failed ? "tg-note tg-note-failed" : "tg-note tg-note-corner";
    if (note.textContent === text && note.className === look) return;
    note.className = look;
    note.hidden = !text;
    note.setAttribute("role", this.base?.failed ? "alert" : "note");
    note.textContent = text;
  }

  noteText() {
    const { status } = this.run;
    if (!this.base) return status?.message || PREPARING;
    if (this.base.failed) return this.base.failed;
    if (status?.state === "rebuilding") return this.rebuildingText(status);
    return status?.message || null;
  }

  /** How far the way to a link's step is, and how long it will take at the present speed. */
  rebuildingText({ goal, steps_per_second: speed }) {
    const { step } = this.base;
    const seconds = (goal - step) / speed;
    const rest = seconds > 2 && Number.isFinite(seconds) ? `, about ${duration(seconds)} to go` : "";
    return `Computing this run: step ${quantity.format(step)} of ${quantity.format(goal)}${rest}`;
  }

  refreshScale() {
    const now = performance.now();
    if (now - this.scaleAt < SCALE_EVERY) return;
    this.scaleAt = now;
    const { neutral, reach } = this.blender.moment;
    const { part, squash } = this;
    const raw = [neutral - reach, neutral, neutral + reach];
    const [low, middle, high] = squash ? ["0", "0.5", "1"] : raw.map(brief);
    part.low.textContent = `fake ${low}`;
    part.middle.textContent = middle;
    part.high.textContent = `${high} real`;
    const what = squash ? "sigmoid of the critic's value" : "critic's value";
    const ends = `orange, ${low}, looks fake; blue, ${high}, looks real`;
    part["bar-label"].setAttribute("aria-label", `Colour scale of the ${what}: ${ends}`);
  }

  // --- words and address --------------------------------------------------------------------------------------

  sayLater() {
    if (this.sayTimer) return;
    const wait = this.said === null ? 0 : SAID_EVERY;
    this.sayTimer = setTimeout(() => {
      this.sayTimer = 0;
      if (this.base) this.said = this.sentence();
      if (this.said) this.part.canvas.setAttribute("aria-label", this.said);
    }, wait);
  }

  sentence() {
    const { step, metrics, failed } = this.base;
    const start = `${this.stretch.method} ${this.data.title} at step ${quantity.format(step)}`;
    if (failed) return `${start}. ${failed}`;
    const facts = [];
    if (metrics.modes_total) facts.push(`${metrics.modes} of ${metrics.modes_total} ${partsOf(this.data.support).many} captured`);
    if (Number.isFinite(metrics.w1)) facts.push(`Wasserstein distance ${brief(metrics.w1)}`);
    const count = this.blender.near.points.length / 2;
    const shown = `${count} generated points and the real points over a map of the critic's value`;
    return `${start}: ${shown}${facts.length ? `; ${facts.join(", ")}` : ""}.`;
  }

  keepAddress(atOnce) {
    // On the way to the step of a link, the link stays what it is.
    if (!this.base || this.pending !== null || this.run.status?.state === "rebuilding") return;
    const training = this.data.playing && this.live;
    this.address.keep(this.base.step, atOnce && !training);
  }

  // --- hands --------------------------------------------------------------------------------------------------

  listen() {
    const { root, part } = this;
    this.unsubscribe = store.subscribe((run, what) => {
      if (run !== this.run) return;
      if (what === "frames") this.receive();
      if (what === "seek") this.scrubToStep(run.wanted);
    });
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(part.plot);
    this.onVisible = () => {
      if (!document.hidden && this.live && this.base) this.cutTo(this.endIndex());
    };
    this.onElsewhere = (event) => event.target !== part.canvas && this.unpoint();
    document.addEventListener("visibilitychange", this.onVisible);
    document.addEventListener("pointerdown", this.onElsewhere);
    root.addEventListener("keydown", (event) => this.onKey(event));
    root.addEventListener("click", (event) => this.onClick(event));
    part.timeline.addEventListener("input", () => this.scrubToStep(Number(part.timeline.value)));
    part.canvas.addEventListener("pointermove", (event) => this.point(event));
    part.canvas.addEventListener("pointerdown", (event) => this.point(event));
    part.canvas.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && this.unpoint());
  }

  measure() {
    const width = this.part.plot.clientWidth;
    if (width < 40 || !this.scene.resize(width)) return;
    this.dirty = true;
    if (this.run) this.paintNow();
  }

  onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || !this.run) return;
    const onButton = Boolean(event.target.closest("button"));
    const index = Math.floor(this.playhead.position);
    const partly = this.playhead.position > index;
    const moves = {
      ArrowLeft: () => this.scrubTo(partly ? index : index - 1),
      ArrowRight: () => this.scrubTo(index + 1),
      PageDown: () => this.scrubTo(index - 10),
      PageUp: () => this.scrubTo(index + 10),
      Home: () => this.scrubTo(0),
      End: () => this.goLive(),
    };
    if (event.target === this.part.timeline) {
      moves.ArrowDown = moves.ArrowLeft;
      moves.ArrowUp = moves.ArrowRight;
    }
    if (event.key === " " && !onButton) {
      if (!event.repeat) this.wish.ask(!this.data.playing);
    } else if (moves[event.key]) moves[event.key]();
    else return;
    event.preventDefault();
  }

  onClick(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const { layer, view } = button.dataset;
    if (button === this.part.live) this.goLive();
    if (button === this.part.branch) this.branch(this.base.step);
    if (layer) this.layers[layer] = !this.layers[layer];
    if (view) {
      this.squash = view === "sigmoid";
      store.preferences.view = view;
      this.scaleAt = -Infinity;
    }
    this.refreshButtons();
    this.dirty = true;
    this.touch();
  }

  /** Back to a step for good: what is changed next goes on from there. */
  branch(step) {
    this.trigger("branch", { run: this.data.run, step });
    this.show(step);
  }

  point(event) {
    const box = this.part.canvas.getBoundingClientRect();
    this.pointer = { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
    this.refreshTip();
  }

  unpoint() {
    this.pointer = null;
    this.part.tip.hidden = true;
  }

  refreshTip() {
    const { tip, canvas } = this.part;
    if (!this.pointer || !this.base) return;
    this.tipAt = performance.now();
    const { x, y } = this.pointer;
    const { extent } = this.scene;
    const { field } = this.blender.moment;
    const [u, v] = [x * (GRID - 1), (1 - y) * (GRID - 1)];
    const value = fieldAt(field, u, v);
    const chance = this.meansLogOdds ? `, sigmoid ${brief(sigmoid(value))}` : "";
    this.part["tip-place"].textContent = `x ${brief((2 * x - 1) * extent)}, y ${brief((1 - 2 * y) * extent)}`;
    this.part["tip-value"].textContent = `critic ${brief(value)}${chance}`;
    this.part["tip-slope"].textContent = `gradient norm ${brief(slopeAt(field, u, v, extent))}`;
    tip.hidden = false;
    const [across, down] = [canvas.offsetLeft + x * canvas.offsetWidth, canvas.offsetTop + y * canvas.offsetHeight];
    const left = x > 0.6 ? across - tip.offsetWidth - TIP_GAP : across + TIP_GAP;
    const top = y < 0.25 ? down + TIP_GAP : down - tip.offsetHeight - TIP_GAP;
    const furthest = this.part.plot.clientWidth - tip.offsetWidth;
    tip.style.transform = `translate(${Math.max(0, Math.min(furthest, left))}px, ${top}px)`;
  }

  destroy() {
    cancelAnimationFrame(this.request);
    clearTimeout(this.sayTimer);
    this.wish.drop();
    this.unsubscribe();
    this.observer.disconnect();
    document.removeEventListener("visibilitychange", this.onVisible);
    document.removeEventListener("pointerdown", this.onElsewhere);
  }
}

export default function stage(component) {
  return mountOnce(component, ".tg-stage", "stages", Stage);
}
