// One figure of a lab: a Plotly chart in the theme's colours, redrawn in place, with handles that can be dragged.

const FIGURE = `
  <header><h4></h4><span class="tg-lab-save"></span></header>
  <p></p>
  <div class="tg-lab-plot"><div></div></div>`;
const PICTURES = { png: "Save as a picture", svg: "Save as a drawing" };

/** What the colours of a specification mean in this theme. */
function tokensOf(theme) {
  const rgb = (shade) => `rgb(${shade.join(", ")})`;
  const { fake, neutral, real } = DIVERGING[theme.dark ? "dark" : "light"];
  return {
    "@text": theme.text,
    "@muted": theme.muted,
    "@faint": theme.faint,
    "@background": theme.background,
    "@accent": theme.accent,
    "@real": theme.dark ? "#a2acb9" : "#5a6472",
    "@diverging": [[0, rgb(fake)], [0.5, rgb(neutral)], [1, rgb(real)]],
    "@sequential": theme.dark
      ? [[0, theme.background], [0.5, "#226c98"], [1, "#cde4f3"]]
      : [[0, theme.background], [0.5, "#79b0d4"], [1, "#063d66"]],
  };
}

function resolved(value, tokens) {
  if (typeof value === "string") return value[0] === "@" ? tokens[value] ?? value : value;
  if (Array.isArray(value)) return typeof value[0] === "number" ? value : value.map((entry) => resolved(entry, tokens));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, resolved(entry, tokens)]));
}

/** `over` on `base`, object by object. */
function merged(base, over) {
  if (over === undefined) return base;
  if (!isPlain(base) || !isPlain(over)) return over;
  const keys = new Set([...Object.keys(base), ...Object.keys(over)]);
  return Object.fromEntries([...keys].map((key) => [key, merged(base[key], over[key])]));
}

const isPlain = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** `trace` with an attribute such as "marker.color" set; what is not on its way stays the same object. */
function withAttribute(trace, path, value) {
  const [name, ...rest] = path.split(".");
  return { ...trace, [name]: rest.length ? withAttribute(trace[name] ?? {}, rest.join("."), value) : value };
}

function axisLook(theme) {
  return {
    gridcolor: theme.faint,
    zerolinecolor: theme.faint,
    linecolor: theme.faint,
    tickfont: { size: 11, color: theme.muted },
    title: { font: { size: 12, color: theme.muted }, standoff: 6 },
    automargin: true,
  };
}

function themedLayout(theme, touch, layout) {
  const look = {
    margin: { l: 8, r: 8, t: 8, b: 8 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: theme.font, color: theme.text, size: 12 },
    showlegend: true,
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 11 }, itemclick: false, itemdoubleclick: false },
    dragmode: touch ? false : "zoom",
    uirevision: "keep",
    hoverlabel: { bgcolor: theme.background, bordercolor: theme.faint, font: { size: 12, color: theme.text } },
    xaxis: {},
    yaxis: {},
  };
  const whole = merged(look, layout);
  for (const name of Object.keys(whole)) {
    if (/^[xy]axis\d*$/.test(name)) whole[name] = merged({ ...axisLook(theme), fixedrange: touch }, whole[name]);
  }
  return whole;
}

class LabFigure {
  /** `drag(control, value, settled)` is told what a reader drags. */
  constructor(parent, drag) {
    this.root = document.createElement("figure");
    this.root.className = "tg-lab-figure";
    this.root.innerHTML = FIGURE;
    parent.append(this.root);
    this.drag = drag;
    this.box = this.root.querySelector(".tg-lab-plot");
    this.plot = this.box.firstElementChild;
    this.handles = [];
    this.frame = 0;
    const save = this.root.querySelector(".tg-lab-save");
    for (const [format, title] of Object.entries(PICTURES)) {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", textContent: format.toUpperCase(), title });
      button.addEventListener("click", () => this.save(format));
      save.append(button);
    }
  }

  update(data, theme, controls) {
    this.data = data;
    this.theme = theme;
    this.controls = controls;
    const tokens = tokensOf(theme);
    this.traces = resolved(data.traces, tokens);
    this.moving = resolved(data.moving, tokens);
    this.layout = themedLayout(theme, matchMedia("(pointer: coarse)").matches, resolved(data.layout, tokens));
    this.root.dataset.testid = `figure-${data.name}`;
    this.root.classList.toggle("tg-wide", data.wide);
    write(this.root.querySelector("h4"), data.title);
    write(this.root.querySelector("p"), data.look);
    this.box.style.height = `${data.height}px`;
    this.layHandles();
    this.dirty = true;
  }

  get moves() {
    return Object.keys(this.data.moving).length > 0;
  }

  show(frame) {
    this.frame = frame;
    if (this.moves) this.dirty = true;
  }

  tracesNow() {
    return this.traces.map((trace, i) => {
      let now = trace;
      for (const [path, values] of Object.entries(this.moving[i] ?? {})) {
        now = withAttribute(now, path, values[Math.min(this.frame, values.length - 1)]);
      }
      return now;
    });
  }

  draw(plotly) {
    const width = this.box.clientWidth;
    if (!width || this.plot._dragging) return;
    this.dirty = false;
    const layout = { ...this.layout, width, height: this.data.height };
    // Plotly writes into the layout it is given: each drawing has its own axes.
    for (const name of Object.keys(layout)) if (/^[xy]axis/.test(name)) layout[name] = structuredClone(layout[name]);
    plotly.react(this.plot, this.tracesNow(), layout, { displayModeBar: false, doubleClick: "reset", showTips: false });
    this.placeHandles();
  }

  layHandles() {
    const wanted = this.data.handles;
    while (this.handles.length > wanted.length) this.handles.pop().remove();
    wanted.forEach((handle, i) => {
      this.handles[i] ??= this.makeHandle(i);
      this.handles[i].setAttribute("aria-label", handle.label);
      this.handles[i].dataset.control = handle.control;
      this.handles[i].title = handle.label;
    });
  }

  makeHandle(index) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "tg-lab-handle" });
    button.setAttribute("role", "slider");
    button.addEventListener("pointerdown", (event) => {
      button.setPointerCapture(event.pointerId);
      this.held = index;
    });
    button.addEventListener("pointermove", (event) => this.held === index && this.pull(index, event));
    const drop = () => {
      if (this.held !== index) return;
      this.held = undefined;
      for (const name of this.controlsOf(index)) if (name) this.drag(name, this.controls.get(name).value, true);
    };
    button.addEventListener("pointerup", drop);
    button.addEventListener("pointercancel", drop);
    button.addEventListener("keydown", (event) => this.nudge(index, event));
    this.box.append(button);
    return button;
  }

  /** The controls that a handle moves along x and along y. */
  controlsOf(index) {
    const { control, across, axis } = this.data.handles[index];
    return axis === "x" ? [control, across] : [across, control];
  }

  pull(index, event) {
    const { xaxis, yaxis } = this.plot._fullLayout;
    const { left, top } = this.box.getBoundingClientRect();
    const [alongX, alongY] = this.controlsOf(index);
    if (alongX) this.move(alongX, xaxis.p2l(event.clientX - left - xaxis._offset));
    if (alongY) this.move(alongY, yaxis.p2l(event.clientY - top - yaxis._offset));
    this.placeHandles();
  }

  move(name, wanted, settled = false) {
    const control = this.controls.get(name);
    const { low, high, step } = control;
    const value = Math.min(Math.max(low + Math.round((wanted - low) / step) * step, low), high);
    control.value = Number(value.toPrecision(9));
    this.drag(name, control.value, settled);
  }

  nudge(index, event) {
    const [alongX, alongY] = this.controlsOf(index);
    const [name, sign] = {
      ArrowLeft: [alongX ?? alongY, -1],
      ArrowRight: [alongX ?? alongY, 1],
      ArrowDown: [alongY ?? alongX, -1],
      ArrowUp: [alongY ?? alongX, 1],
    }[event.key] ?? [];
    if (!name) return;
    event.preventDefault();
    const { value, step } = this.controls.get(name);
    this.move(name, value + sign * step * (event.shiftKey ? 10 : 1), true);
    this.placeHandles();
  }

  placeHandles() {
    const full = this.plot._fullLayout;
    if (!full?.xaxis) return;
    this.data.handles.forEach(({ at }, i) => {
      const [x, y] = this.controlsOf(i).map((name) => (name ? this.controls.get(name).value : at));
      const left = full.xaxis._offset + full.xaxis.l2p(x);
      const top = full.yaxis._offset + full.yaxis.l2p(y);
      this.handles[i].style.transform = `translate(${left}px, ${top}px)`;
      this.handles[i].setAttribute("aria-valuenow", this.controls.get(this.data.handles[i].control).value);
    });
  }

  /** A file of the figure as it stands, on the page's background and with its title. */
  save(format) {
    const { name, title, height } = this.data;
    const heading = { text: title, font: { size: 15 }, x: 0.02, xanchor: "left", y: 0.98, yanchor: "top" };
    const layout = merged(this.layout, { paper_bgcolor: this.theme.background, title: heading, margin: { t: 64, l: 16, r: 16, b: 16 } });
    const size = { width: Math.max(this.box.clientWidth, 480), height: height + 64 };
    window.Plotly?.downloadImage({ data: this.tracesNow(), layout: structuredClone(layout) }, { format, filename: name, scale: format === "png" ? 2 : 1, ...size });
  }

  remove(plotly) {
    plotly?.purge(this.plot);
    this.root.remove();
  }
}
