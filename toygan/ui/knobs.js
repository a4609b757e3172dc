// A lab's sliders, choices and toggles, and what the page still has to be told of them.

const RESEND_WISH = 900; // ms after which the page is told again: a message can be lost while it reruns
const WISH_TRIES = 4;

/** A number as the step of its slider writes it. */
function written(value, { step, scale, unit }) {
  const digits = scale === "log" ? undefined : Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9)));
  const text = digits === undefined ? brief(value) : plain(value.toFixed(digits));
  return unit ? `${text} ${unit}` : text;
}

const same = (a, b) => (typeof a === "number" ? Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a)) : a === b);

/** What a reader wants, told to the page until it says that it is so; while it is busy only the newest is kept. */
class Wishes {
  /** `refused()` is called when the page has been asked often enough and still shows something else. */
  constructor(refused) {
    this.refused = refused;
    this.wanted = new Map();
    this.tries = 0;
  }

  add(name, value) {
    this.wanted.set(name, value);
    this.tries = 0;
    if (!this.asked) this.send();
  }

  send() {
    clearTimeout(this.timer);
    this.asked = this.wanted.size > 0;
    if (!this.asked) return;
    if (this.tries++ >= WISH_TRIES) {
      this.drop();
      this.refused();
      return;
    }
    this.tell(Object.fromEntries(this.wanted));
    this.timer = setTimeout(() => this.send(), RESEND_WISH);
  }

  drop() {
    clearTimeout(this.timer);
    this.wanted.clear();
    this.asked = false;
  }

  /** The page has spoken: `values` are those it shows. */
  hear(values) {
    for (const [name, value] of this.wanted) if (same(value, values[name])) this.wanted.delete(name);
    this.send();
  }
}

/** One control. `changed(value, settled)` tells what a reader makes of it, `settled` that the hand is off it. */
class Knob {
  constructor(parent, data, frames, changed) {
    this.data = data;
    this.frames = frames;
    this.value = data.value;
    this.root = document.createElement("div");
    this.root.className = "tg-lab-control";
    this.root.dataset.control = data.name;
    const id = `tg-${Math.random().toString(36).slice(2)}`;
    const help = data.help ? `<button type="button" class="tg-help" data-help="help">?</button>` : "";
    if (data.kind === "toggle") this.root.innerHTML = `<label><input type="checkbox"><b></b></label>`;
    else {
      const field = data.kind === "choice" ? `<select id="${id}"></select>` : `<input class="tg-slider" type="range" id="${id}">`;
      this.root.innerHTML = `<header><span><label for="${id}"></label>${help}</span><output for="${id}"></output></header>${field}`;
    }
    this.root.querySelector("label b, header label").textContent = data.label;
    this.field = this.root.querySelector("input, select");
    this.output = this.root.querySelector("output");
    if (data.help) explain(this.root, { help: data.help });
    this.lay();
    this.field.addEventListener("input", () => {
      this.held = data.kind === "slider";
      this.value = this.read();
      this.refresh();
      changed(this.value, !this.held);
    });
    this.field.addEventListener("change", () => {
      this.held = false;
      changed(this.value, true);
    });
    parent.append(this.root);
    this.set(data.value);
  }

  lay() {
    const { kind, choices, low, high, step, scale } = this.data;
    if (kind === "choice") {
      this.field.replaceChildren(...choices.map(([key, label]) => new Option(label, key)));
    } else if (kind === "slider") {
      const [from, to, by] = this.frames
        ? [0, this.frames.length - 1, 1]
        : scale === "log" ? [Math.log10(low), Math.log10(high), "any"] : [low, high, step];
      Object.assign(this.field, { min: from, max: to, step: by });
    }
  }

  read() {
    const { kind, scale, low, high } = this.data;
    if (kind === "toggle") return this.field.checked;
    if (kind === "choice") return this.field.value;
    const at = Number(this.field.value);
    if (this.frames) return this.frames[at];
    return scale === "log" ? Math.min(Math.max(Number((10 ** at).toPrecision(2)), low), high) : at;
  }

  /** Show a value that did not come from this control. */
  set(value) {
    this.value = value;
    const { kind, scale } = this.data;
    if (kind === "toggle") this.field.checked = value;
    else if (kind === "choice") this.field.value = value;
    else if (this.frames) this.field.value = nearestIndex(this.frames, value);
    else this.field.value = scale === "log" ? Math.log10(value) : value;
    this.refresh();
  }

  refresh() {
    if (this.data.kind !== "slider") return;
    const text = written(this.value, this.data);
    write(this.output, text);
    this.field.setAttribute("aria-valuetext", text);
    const { min, max, value } = this.field;
    this.field.style.setProperty("--tg-share", (value - min) / (max - min) || 0);
  }
}

function nearestIndex(values, value) {
  return values.reduce((best, there, i) => (Math.abs(there - value) < Math.abs(values[best] - value) ? i : best), 0);
}
