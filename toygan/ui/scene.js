// Draws one moment: heatmap, contours, real points, latent mesh, generated points, gradient arrows.
// What stays the same between two paints is drawn once: axes on their own canvas, real points on a layer.

// In CSS pixels; both pairs add up to the same, so the plot is square.
const MARGIN = { left: 50, right: 8, top: 10, bottom: 48 };
const SMALL_MARGIN = { left: 30, right: 6, top: 6, bottom: 30 };
const SMALL = 380; // CSS pixels of a plot below which points shrink and axes go without titles
const REAL_RADIUS = 1.7;
const FAKE_RADIUS = 2.6;
const MODE_RADIUS = 7.5;
const MODES_NUMBERED = 12; // more numbers would be in each other's way, here and under the bars
const LAYERS_AT_FIRST = { real: true, fake: true, heatmap: true, contours: true, mesh: false, arrows: false };
const LONGEST_ARROW = 0.09; // of the plot's width
const HALF_ARROW = 1; // gradient length that is drawn at half of that
const TICK_ROOM = 50; // px between two numbers of an axis, about

/** Numbers for the axes: round steps, about so many of them. */
function ticksOver(extent, count) {
  const step = niceStep((2 * extent) / count);
  const last = Math.floor(extent / step + 1e-9);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return Array.from({ length: 2 * last + 1 }, (_, i) => {
    const value = (i - last) * step;
    return { value, label: value.toFixed(digits).replace("-", "\u2212") };
  });
}

/** The mesh's button, for points that are made of so many latent numbers, or of none. */
function describeMesh(button, latent) {
  const latents = latent > 2 ? `the first two of ${latent} latent numbers` : "the latent space";
  button.disabled = !latent;
  button.title = latent ? `Where the generator sends a regular grid over ${latents}`
    : "This generator's points are not made of latent numbers, so there is no grid of them";
}

class Scene {
  /** `small`: one of several panels, whose axes say less. */
  constructor(axes, canvas, small = false) {
    this.axes = axes;
    this.canvas = canvas;
    this.small = small;
    this.margin = small ? SMALL_MARGIN : MARGIN;
    this.context = canvas.getContext("2d", { alpha: false });
    this.heat = createLayer(GRID);
    this.heatContext = this.heat.getContext("2d");
    this.image = this.heatContext.createImageData(GRID, GRID);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.levels = createLevels();
    this.size = 0; // of the plot, in device pixels
    this.ratio = 1;
    this.extent = 1;
    this.real = new Float32Array(0);
    this.modes = [];
    this.unit = "data units";
  }

  /** Fits the canvases to a square of `width` CSS pixels; true if anything changed. */
  resize(width) {
    const ratio = window.devicePixelRatio || 1;
    const { left, right, top } = this.margin;
    const size = Math.max(16, Math.round((width - left - right) * ratio));
    if (size === this.size && ratio === this.ratio && width === this.width) return false;
    Object.assign(this, { size, ratio, width });
    this.canvas.width = this.canvas.height = size;
    this.canvas.style.cssText =
      `left:${left}px;top:${top}px;width:${size / ratio}px;height:${size / ratio}px`;
    this.axes.width = this.axes.height = Math.round(width * ratio);
    this.redrawStatic();
    return true;
  }

  /** The same moment gets the same contour lines wherever one came from. */
  forgetLevels() {
    this.levels.forget();
  }

  setTheme(theme, colour) {
    this.theme = theme;
    this.colour = colour;
    this.shades = shadeTable(theme.dark);
    this.redrawStatic();
  }

  setData(real, modes, extent, unit) {
    Object.assign(this, { real, modes: modes ?? [], extent, unit });
    this.redrawStatic();
  }

  redrawStatic() {
    if (!this.size || !this.theme) return;
    const { theme, ratio, size } = this;
    const outline = theme.dark ? "rgba(8, 10, 14, .85)" : "rgba(255, 255, 255, .92)";
    this.scale = this.small ? Math.min(1, Math.max(0.6, size / ratio / SMALL)) : 1;
    this.fake = new Dots(size, FAKE_RADIUS * this.scale, this.colour, outline, ratio);
    this.realLayer = this.drawReal();
    this.numbersLayer = this.drawNumbers();
    this.drawAxes();
  }

  /** Device pixels a unit of the data takes. */
  get unitSize() {
    return this.size / (2 * this.extent);
  }

  toX(x) {
    return this.size / 2 + x * this.unitSize;
  }

  toY(y) {
    return this.size / 2 - y * this.unitSize;
  }

  drawReal() {
    const layer = createLayer(this.size);
    const context = layer.getContext("2d");
    const grey = this.theme.dark ? "rgba(176, 180, 188, .55)" : "rgba(104, 109, 118, .55)";
    new Dots(this.size, REAL_RADIUS * this.scale, grey, null, this.ratio).stamp(context, this.real, this.unitSize);
    // A thin ring says where a mode is even when generated points cover it or its points are very close together.
    context.strokeStyle = this.theme.dark ? "rgba(226, 228, 232, .55)" : "rgba(52, 55, 62, .5)";
    context.lineWidth = this.ratio;
    for (const [x, y] of this.modes) {
      context.beginPath();
      context.arc(this.toX(x), this.toY(y), MODE_RADIUS * this.scale * this.ratio, 0, 2 * Math.PI);
      context.stroke();
    }
    return layer;
  }

  /** The bars' numbers beside the rings, on the side away from the plot's middle, above whatever is painted there. */
  drawNumbers() {
    if (this.small || !this.modes.length || this.modes.length > MODES_NUMBERED) return null;
    const layer = createLayer(this.size);
    const context = layer.getContext("2d");
    context.font = `${10 * this.ratio}px ${this.theme.font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = this.theme.text;
    context.strokeStyle = this.theme.background;
    context.lineWidth = 3 * this.ratio;
    context.lineJoin = "round";
    const away = (MODE_RADIUS + 9) * this.ratio;
    this.modes.forEach(([x, y], i) => {
      const distance = Math.hypot(x, y) || 1;
      const place = [this.toX(x) + (away * x) / distance, this.toY(y) - (away * y) / distance];
      context.strokeText(i + 1, ...place);
      context.fillText(i + 1, ...place);
    });
    return layer;
  }

  drawAxes() {
    const { axes, theme, ratio, extent, size } = this;
    const context = axes.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.width);
    const plot = size / ratio;
    const { left, top } = this.margin;
    const bottom = top + plot;
    context.strokeStyle = theme.faint;
    context.lineWidth = 1;
    context.strokeRect(left - 0.5, top - 0.5, plot + 1, plot + 1);
    context.fillStyle = theme.muted;
    context.font = `11px ${theme.font}`;
    context.beginPath();
    for (const { value, label } of ticksOver(extent, Math.min(this.small ? 4 : 7, plot / TICK_ROOM))) {
      const x = Math.round(left + ((value + extent) / (2 * extent)) * plot) + 0.5;
      const y = Math.round(top + ((extent - value) / (2 * extent)) * plot) + 0.5;
      context.moveTo(x, bottom + 1);
      context.lineTo(x, bottom + 5);
      context.moveTo(left - 5, y);
      context.lineTo(left - 1, y);
      context.textAlign = "center";
      context.textBaseline = "top";
      context.fillText(label, x, bottom + 8);
      context.textAlign = "right";
      context.textBaseline = "middle";
      context.fillText(label, left - 8, y);
    }
    context.stroke();
    if (this.small) return;
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    context.fillText(`x (${this.unit})`, left + plot / 2, bottom + 38);
    context.translate(11, top + plot / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(`y (${this.unit})`, 0, 0);
  }

  /** Paints a moment; without one, only what is known before the first keyframe. */
  paint(moment, layers, squash) {
    const { context, size } = this;
    if (!size) return;
    if (moment && layers.heatmap) this.paintHeatmap(moment, squash);
    else this.clear();
    if (moment && layers.contours) this.paintContours(moment, squash);
    if (layers.real) context.drawImage(this.realLayer, 0, 0);
    if (moment && layers.mesh) this.paintMesh(moment.mesh, moment.side);
    if (moment && layers.fake) this.fake.stamp(context, moment.points, this.unitSize);
    if (moment && layers.arrows) this.paintArrows(moment.points, moment.arrows);
    if (layers.real && this.numbersLayer) context.drawImage(this.numbersLayer, 0, 0);
  }

  clear() {
    this.context.fillStyle = this.theme.background;
    this.context.fillRect(0, 0, this.size, this.size);
  }

  paintHeatmap({ field, neutral, reach }, squash) {
    paintField(this.pixels, field, neutral, reach, squash, this.shades);
    this.heatContext.putImageData(this.image, 0, 0);
    // From the middle of the first node to the middle of the last.
    this.context.drawImage(this.heat, 0.5, 0.5, GRID - 1, GRID - 1, 0, 0, this.size, this.size);
  }

  paintContours({ field, neutral, reach, low, high }, squash) {
    const { context, levels, size, theme } = this;
    levels.place(neutral, reach, low, high, squash);
    context.lineWidth = 1;
    context.strokeStyle = theme.dark ? "rgba(235, 238, 245, .2)" : "rgba(40, 44, 54, .22)";
    context.beginPath();
    traceContours(context, field, levels.values, levels.count, size);
    context.stroke();
    context.strokeStyle = theme.dark ? "rgba(235, 238, 245, .62)" : "rgba(40, 44, 54, .62)";
    context.beginPath();
    traceContours(context, field, levels.neutralOnly, 1, size);
    context.stroke();
  }

  paintMesh(mesh, side) {
    if (!side) return;
    const { context } = this;
    context.lineWidth = 1;
    context.strokeStyle = this.theme.dark ? "rgba(245, 246, 250, .55)" : "rgba(24, 27, 34, .5)";
    context.beginPath();
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        const i = 2 * (row * side + column);
        const x = this.toX(mesh[i]);
        const y = this.toY(mesh[i + 1]);
        if (column + 1 < side) this.addLine(x, y, this.toX(mesh[i + 2]), this.toY(mesh[i + 3]));
        if (row + 1 < side) this.addLine(x, y, this.toX(mesh[i + 2 * side]), this.toY(mesh[i + 2 * side + 1]));
      }
    }
    context.stroke();
  }

  addLine(x0, y0, x1, y1) {
    this.context.moveTo(x0, y0);
    this.context.lineTo(x1, y1);
  }

  /** Lengths level off for long gradients, so that strong ones stay readable and vanished ones look vanished. */
  paintArrows(points, arrows) {
    const { context, size, ratio } = this;
    context.lineWidth = 1.25 * ratio;
    context.strokeStyle = this.theme.text;
    context.beginPath();
    for (let i = 0; i < arrows.length && i < points.length; i += 2) {
      const strength = Math.hypot(arrows[i], arrows[i + 1]);
      const length = (LONGEST_ARROW * size * strength) / (strength + HALF_ARROW);
      if (!(length > 1)) continue;
      const along = arrows[i] / strength;
      const up = -arrows[i + 1] / strength;
      const x0 = this.toX(points[i]);
      const y0 = this.toY(points[i + 1]);
      const x1 = x0 + along * length;
      const y1 = y0 + up * length;
      const barb = Math.min(5 * ratio, 0.45 * length);
      this.addLine(x0, y0, x1, y1);
      this.addLine(x1 - barb * (along - 0.6 * up), y1 - barb * (up + 0.6 * along), x1, y1);
      context.lineTo(x1 - barb * (along + 0.6 * up), y1 - barb * (up - 0.6 * along));
    }
    context.stroke();
  }
}
