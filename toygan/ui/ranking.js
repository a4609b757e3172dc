// The table that ranks compared runs, sortable by any column, and the sentences that say what can be told from it.

const COLUMNS = [
  { key: "name", title: "Run" },
  { key: "w1", title: "W\u2081", help: "Wasserstein distance: mean over the seeds, with its 95\u202f% interval", show: interval(3) },
  { key: "w1_over_floor", title: "\u00d7 floor", help: "W\u2081 over what two real samples are apart", show: interval(2) },
  { key: "above_best", title: "above best", help: "Difference in W\u2081 to the first, seed by seed", show: interval(3, "+") },
  { key: "modes", title: ({ many }) => many, help: "Captured, of all there are", show: ofModes, falling: true },
  { key: "high_quality", title: "high quality", help: "Share of good samples", show: shareOf, falling: true },
  { key: "reverse_kl", title: "reverse KL", help: "In nats: how unevenly good samples are spread over them", show: interval(3) },
  { key: "steps_to_all_modes", title: ({ many }) => `steps to all ${many}`, help: "Generator steps until a look first shows all of them: the median over the seeds that got there, if at least half did. Runs are looked at where their curves have points", show: reached(0) },
  { key: "seconds_to_all_modes", title: ({ many }) => `seconds to all ${many}`, help: "Of training, likewise", show: reached(1) },
  { key: "milliseconds_a_step", title: "ms a step", help: "Training alone, all seeds together", show: interval(1) },
];

const LOOKED_AT = 500; // points at each look at a run on its way
const FEW = 4; // seeds, of which intervals promise more than they hold

const NONE = ["\u2013", ""];

/** Value and note of an estimate: how it is, and where it may well lie. */
function interval(digits, sign = "") {
  return ({ value, low, high } = {}) => {
    if (!Number.isFinite(value)) return NONE;
    if (sign && value === 0 && !low && !high) return ["0", ""];
    const note = Number.isFinite(low) ? `${decimals(low, digits)} to ${decimals(high, digits)}` : "";
    return [`${value > 0 ? sign : ""}${decimals(value, digits)}`, note];
  };
}

function ofModes({ value, low, high } = {}, { modes_total: total }) {
  if (!Number.isFinite(value) || !total) return NONE;
  const round = (number) => Number(number.toFixed(1));
  return [`${round(value)} of ${total}`, Number.isFinite(low) ? `${round(low)} to ${round(high)}` : ""];
}

function shareOf({ value, low, high } = {}) {
  if (!Number.isFinite(value)) return NONE;
  return [percent(value), Number.isFinite(low) ? `${percent(low)} to ${percent(high)}` : ""];
}

function reached(digits) {
  return ({ value, seeds } = {}, row) => {
    const note = row.seeds > 1 ? `${seeds ?? 0} of ${row.seeds} seeds` : "";
    if (!Number.isFinite(value)) return ["not yet", note];
    return [digits ? decimals(value, digits) : quantity.format(value), note];
  };
}

class Ranking {
  constructor(table, verdicts, caption) {
    Object.assign(this, { table, verdicts, caption });
    this.sorted = null; // {key, falling}; null is the server's order
    table.tHead.addEventListener("click", (event) => this.onClick(event));
  }

  /** Places for so many runs, before anything is known of them; ``parts`` says what they are to cover. */
  clear(runs, parts) {
    this.parts = parts;
    this.ranking = { rows: runs.map(({ title }) => ({ name: title, seeds: 1 })), pairs: [], verdicts: [] };
    this.mark = null;
    this.draw(runs);
  }

  show(ranking, runs) {
    const mark = JSON.stringify(ranking);
    if (mark === this.mark) return;
    this.mark = mark;
    this.ranking = ranking;
    this.draw(runs);
  }

  draw(runs) {
    this.runs = runs;
    const head = document.createElement("tr");
    head.append(...COLUMNS.map((column) => this.headCell(column)));
    this.table.tHead.replaceChildren(head);
    this.table.tBodies[0].replaceChildren(...this.rowsInOrder().map((row) => this.bodyRow(row)));
    const beyond = this.ranking.pairs.filter(({ verdict }) => verdict === "beyond-noise").length;
    this.verdicts.replaceChildren(...this.ranking.verdicts.map((text, i) => {
      const item = document.createElement("li");
      item.textContent = text;
      item.dataset.beyond = i < beyond;
      return item;
    }));
    const { points, rows } = this.ranking;
    const seeds = Math.max(...rows.map((row) => row.seeds));
    const few = seeds <= FEW ? "; of two to four seeds they cover less, 50 to 88\u202f%" : "";
    const several = seeds > 1 ? ` Small print: 95\u202f% intervals${few}.` : "";
    const counted = `${this.parts.title} and shares are counted on them too; for the curves and times, on fewer.`;
    const looks = points > LOOKED_AT ? ` ${counted}` : "";
    write(this.caption, points ? `W\u2081 between ${quantity.format(points)} points a seed.${looks}${several}` : "\u00a0");
  }

  rowsInOrder() {
    const { rows } = this.ranking;
    if (!this.sorted) return rows;
    const { key, falling } = this.sorted;
    const value = (row) => (key === "name" ? row.name : row[key]?.value);
    const known = (row) => typeof value(row) === "string" || Number.isFinite(value(row));
    const order = (a, b) => (key === "name" ? value(a).localeCompare(value(b)) : value(a) - value(b));
    const there = rows.filter(known).sort((a, b) => (falling ? order(b, a) : order(a, b)));
    return [...there, ...rows.filter((row) => !known(row))];
  }

  headCell({ key, title, help }) {
    const cell = document.createElement("th");
    cell.scope = "col";
    if (this.sorted?.key === key) cell.ariaSort = this.sorted.falling ? "descending" : "ascending";
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.column = key;
    button.textContent = typeof title === "function" ? title(this.parts) : title;
    if (help) button.title = help;
    cell.append(button);
    return cell;
  }

  bodyRow(row) {
    const line = document.createElement("tr");
    line.dataset.run = row.name;
    const head = document.createElement("th");
    head.scope = "row";
    const dot = document.createElement("i");
    dot.style.background = this.runs.find(({ title }) => title === row.name)?.colour;
    head.append(dot, row.name);
    if (row.failed) head.append(small(`overflowed on ${row.failed} of ${row.seeds}`));
    line.append(head, ...COLUMNS.slice(1).map(({ key, show }) => {
      const cell = document.createElement("td");
      const [value, note] = show(row[key] ?? undefined, row);
      cell.append(value);
      if (note) cell.append(small(note));
      return cell;
    }));
    return line;
  }

  /** Once with the best first, once the other way round, then the server's order again. */
  onClick(event) {
    const key = event.target.closest("button")?.dataset.column;
    if (!key) return;
    const falling = Boolean(COLUMNS.find((column) => column.key === key).falling);
    if (this.sorted?.key !== key) this.sorted = { key, falling };
    else this.sorted = this.sorted.falling === falling ? { key, falling: !falling } : null;
    this.draw(this.runs);
    this.table.tHead.querySelector(`[data-column=${key}]`).focus();
  }
}

function small(text) {
  const note = document.createElement("small");
  note.textContent = text;
  return note;
}
