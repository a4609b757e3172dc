// One of several small stages: a run at the reading that all of them share.

const PANEL = `
  <figcaption><i class="tg-dot"></i><strong data-part="title"></strong><span data-part="step"></span></figcaption>
  <div class="tg-plot" data-part="plot">
    <canvas class="tg-axes" data-part="axes" aria-hidden="true"></canvas>
    <canvas class="tg-canvas" data-part="canvas" role="img" aria-label="Still empty"></canvas>
    <p class="tg-note" data-part="note" hidden></p>
  </div>
  <p class="tg-facts" data-part="facts">&nbsp;</p>`;

class Panel {
  constructor(parent) {
    this.root = document.createElement("figure");
    this.root.className = "tg-panel";
    this.root.dataset.testid = "panel";
    this.root.innerHTML = PANEL;
    parent.append(this.root);
    this.part = Object.fromEntries([...this.root.querySelectorAll("[data-part]")].map((el) => [el.dataset.part, el]));
    this.scene = new Scene(this.part.axes, this.part.canvas, true);
    this.blender = new Blender();
    this.moment = null;
  }

  /** `data`: run, title, colour, neutral, rates, real, modes, their kind, and whether its outcome is `judged`; `extent` is shared. */
  update(data, extent, unit, theme) {
    const old = this.data;
    this.data = data;
    this.run = store.run(data.run);
    const look = JSON.stringify([data.real, data.modes, extent, data.box]);
    if (look !== this.look) this.scene.setData(unpackBase64(data.real, data.box), data.modes, extent, unit);
    this.look = look;
    const colours = JSON.stringify([theme, data.colour]);
    if (colours !== this.colours) this.scene.setTheme(theme, data.colour);
    this.colours = colours;
    this.root.style.setProperty("--tg-colour", data.colour);
    this.root.dataset.run = data.run;
    write(this.part.title, data.title);
    this.part.title.title = data.title;
    if (old?.run !== data.run) this.forget();
  }

  /** Nothing of the run that was shown before is said of this one. */
  forget() {
    this.blender.forget();
    this.frame = this.moment = null;
    this.describe();
  }

  resize() {
    const width = this.part.plot.clientWidth;
    return width >= 40 && this.scene.resize(width);
  }

  /** Where a keyframe or an entry of the history lies on the clock. */
  at(entry, clock) {
    return CLOCKS[clock].of(entry, this.data);
  }

  /**
   * Blends what is to be painted at a reading; null before the first keyframe. Where the server stands `there` too, it
   * knows the step, under which it measures; a fraction may round to another one here.
   */
  blend(reading, clock, there) {
    const { frames } = this.run;
    if (!frames.length) return (this.frame = this.moment = null);
    const position = positionOf(frames, (frame) => this.at(frame, clock), reading);
    const [near, far] = [frames[Math.floor(position)], frames[Math.ceil(position)]];
    this.frame = near;
    const told = there ? this.run.status?.step : undefined;
    this.step = told ?? Math.floor(near.step + (far.step - near.step) * (position % 1) + 1e-6);
    this.moment = this.blender.at(frames, position, this.data.neutral);
    return this.moment;
  }

  paint(layers, squash, reach, levels) {
    const { moment } = this;
    if (moment && reach) moment.reach = reach;
    this.scene.levels = levels ?? this.levels ?? (this.levels = createLevels());
    this.scene.paint(moment, layers, squash);
    this.describe();
  }

  describe() {
    const { frame, part, run } = this;
    const note = run.status?.message || frame?.failed || (frame ? "" : "Preparing");
    write(part.note, note);
    part.note.hidden = !note;
    if (!frame) {
      this.described = null;
      delete this.root.dataset.step;
      write(part.step, "");
      write(part.facts, "\u00a0");
      return;
    }
    this.root.dataset.step = this.step;
    write(part.step, `step ${quantity.format(this.step)}`);
    const measured = run.measured.get(this.step);
    if (frame === this.described && measured === this.measuredSeen) return;
    this.described = frame;
    this.measuredSeen = measured;
    const facts = this.data.judged ? factsOf(frame, measured, this.data.support) : [];
    write(part.facts, facts.join("\u00a0\u00b7 ") || "\u00a0");
    part.canvas.setAttribute("aria-label", `${this.data.title} at step ${quantity.format(frame.step)}${facts.length ? `: ${facts.join(", ")}` : ""}`);
  }

  remove() {
    this.root.remove();
  }
}

/**
 * What a panel says in words: distances and modes, the mean over all seeds where there are several; what was measured
 * on more points where that is known.
 */
function factsOf({ metrics, lanes }, measured, support) {
  const facts = lanes ? [`mean of ${lanes.w1.length}`] : [];
  const w1 = measured?.w1 ?? meanOf(lanes?.w1) ?? metrics.w1;
  if (Number.isFinite(w1)) facts.push(`W\u2081 ${decimals(w1, 3)}`);
  const modes = measured?.modes ?? meanOf(lanes?.modes) ?? metrics.modes;
  if (metrics.modes_total) facts.push(`${Number(modes.toFixed(1))} of ${metrics.modes_total} ${partsOf(support).many}`);
  const quality = measured?.high_quality ?? meanOf(lanes?.high_quality) ?? metrics.high_quality;
  if (Number.isFinite(quality)) facts.push(`${percent(quality, 0)} good`);
  return facts;
}
