// The tree of branches: one row a run, drawn along the steps; a click shows that run.

class Tree {
  constructor(root) {
    this.root = root;
    this.list = root.querySelector("[data-part=rows]");
    this.list.addEventListener("click", (event) => this.onClick(event));
  }

  update({ data, setTriggerValue }) {
    this.trigger = setTriggerValue;
    const furthest = Math.max(1, ...data.rows.map(({ reach }) => reach));
    this.list.replaceChildren(...data.rows.map((row, i) => this.row(row, i, furthest)));
  }

  row({ run, parent, step, reach, title, colour, chosen }, index, furthest) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.run = run;
    button.ariaCurrent = String(chosen);
    const style = { from: step / furthest, to: reach / furthest, rise: parent === null ? 0 : index - parent, colour };
    for (const [name, value] of Object.entries(style)) item.style.setProperty(`--tg-${name}`, value);
    const where = parent === null ? `to step ${quantity.format(reach)}` : `from ${quantity.format(step)} to ${quantity.format(reach)}`;
    const words = document.createElement("span");
    words.append(Object.assign(document.createElement("em"), { textContent: title }));
    words.append(Object.assign(document.createElement("small"), { textContent: where }));
    button.append(words, document.createElement("b"));
    item.append(button);
    if (parent !== null) item.append(document.createElement("i"));
    return item;
  }

  onClick(event) {
    const button = event.target.closest("button");
    if (button && button.ariaCurrent !== "true") this.trigger("pick", button.dataset.run);
  }

  destroy() {}
}

export default function tree(component) {
  return mountOnce(component, ".tg-tree", "trees", Tree);
}
