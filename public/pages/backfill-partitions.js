// The partitions of a backfill as a table: what each did, and for staged ones source and stage side by side.

import { partitionWords } from "../backfills.js";
import { button, fill, make, say, state, time, trouble } from "../elements.js";
import { counted, cursorText, duration, number } from "../format.js";
import { partitionStates } from "../partitions.js";
import { toneOf, wordOf } from "../states.js";
import { keyWords, warningList } from "./run-steps.js";

const slice = 15;
const next = 50;
const loaded = [["rows_read", "Read"], ["rows_inserted", "Inserted"], ["rows_updated", "Updated"], ["rows_unchanged", "Unchanged"], ["rows_deleted", "Deleted"]];
const figure = (value) => make("td", { class: value ? "figure" : "figure none" }, value === null ? "" : number(value));

export class PartitionTable {
  constructor({ onAll }) {
    this.filter = "";
    this.limit = slice;
    this.lines = new Map();
    this.onAll = onAll;
    this.chips = make("div", { class: "chips", role: "group", "aria-label": "Show only" });
    this.range = make("p", { class: "soft" });
    this.head = make("tr", {});
    this.body = make("tbody");
    this.detail = make("div", { class: "partition-detail", "aria-live": "polite" });
    this.none = make("p", { class: "quiet-words" });
    this.more = button("More", () => { this.limit += next; this.draw(); }, { class: "quiet" });
    this.frame = make("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "Partitions" },
      make("table", { class: "table partitions" }, make("thead", {}, this.head), this.body));
    this.element = make("div", { class: "partition-table" }, this.chips, this.range, this.detail, this.frame, this.none, this.more);
  }

  /** Shows the partitions, or those that were chosen. */
  show(partitions, backfill) {
    this.partitions = partitions;
    this.backfill = backfill;
    this.draw();
  }

  /** Shows only what a cell stands for; everything without one. */
  choose(cell) {
    this.cell = cell;
    this.filter = "";
    this.limit = slice;
    fill(this.detail);
    if (cell && cell.from === cell.to) this.open(cell.from);
    this.draw();
  }

  drawChips() {
    const { counts, unreconciled } = this.partitions.tally(1, this.partitions.total);
    const filters = [["", "All", this.partitions.total], ...partitionStates.map((name) => [name, wordOf(name), counts[name]]), ["unreconciled", "Not reconciled", unreconciled]]
      .filter(([name, , count]) => name === "" || count > 0 || name === this.filter);
    const key = JSON.stringify([filters, this.filter, Boolean(this.cell)]);
    if (key === this.chipsKey) return;
    this.chipsKey = key;
    const focused = this.chips.contains(document.activeElement) ? document.activeElement.dataset.filter : null;
    fill(this.chips, filters.map(([name, label, count]) => button(
      [name !== "" && make("span", { class: "cell-key", data: { state: name }, "aria-hidden": "true" }), label, " ", make("span", { class: "count" }, number(count))],
      () => this.pick(name), { class: "chip", data: { filter: name }, "aria-pressed": String(name === this.filter && !this.cell) })));
    if (focused !== null) this.chips.querySelector(`[data-filter="${CSS.escape(focused)}"]`)?.focus();
  }

  pick(filter) {
    this.filter = filter;
    this.limit = slice;
    if (this.cell) this.onAll();
    this.cell = null;
    fill(this.detail);
    this.draw();
  }

  draw() {
    const { partitions, backfill } = this;
    const { cell } = this;
    this.drawChips();
    const isStaged = backfill.mode === "staged";
    if (!this.head.firstChild) fill(this.head, ["Partition", "State", ...(isStaged ? ["Source", "Staged", "", "Missing", "Extra"] : loaded.map(([, label]) => label)), "Took"]
      .map((label, place) => make(label ? "th" : "td", { scope: label ? "col" : null, class: place > 1 ? "figure" : null }, label)));
    const numbers = partitions.numbers(this.filter, cell?.from, cell?.to);
    const shown = numbers.slice(0, this.limit).map((number) => partitions.row(number));
    this.range.hidden = !cell;
    if (cell) fill(this.range, `${cell.words} `, button("Show all partitions", () => this.pick(""), { class: "quiet" }));
    // Lines that stay as they are stay in their place, and the keyboard in them.
    const lines = new Map(shown.map((row) => {
      const key = JSON.stringify(row);
      const before = this.lines.get(row.number);
      return [row.number, before?.key === key ? before : { key, element: this.line(row, isStaged) }];
    }));
    const focused = this.body.contains(document.activeElement) ? Number(document.activeElement.closest("tr").dataset.number) : null;
    const isSame = lines.size === this.lines.size && [...lines].every(([number, line]) => this.lines.get(number) === line);
    this.lines = lines;
    if (!isSame) {
      this.body.replaceChildren(...[...lines.values()].map(({ element }) => element));
      if (focused !== null) lines.get(focused)?.element.querySelector("button").focus({ preventScroll: true });
    }
    this.frame.hidden = shown.length === 0;
    this.none.hidden = shown.length > 0;
    say(this.none, "None is in this state now.");
    this.more.hidden = numbers.length <= this.limit;
    say(this.more, `More of the other ${number(numbers.length - this.limit)}`);
  }

  line(row, isStaged) {
    const words = partitionWords(row, this.backfill);
    const most = Math.max(1, row.source_rows ?? 0, row.shadow_rows ?? 0);
    const pair = row.source_rows === null ? "" : make("span", { class: "pair-bars", "aria-hidden": "true", data: { tone: row.isReconciled ? "good" : "warn" } },
      [row.source_rows, row.shadow_rows].map((value) => make("span", { css: { "--share": `${(value / most * 100).toFixed(1)}%` } })));
    const isOff = row.isReconciled === false;
    return make("tr", { data: { number: String(row.number) } },
      make("th", { scope: "row" }, button(words, () => this.open(row.number), { class: "as-link", title: `${cursorText(row.start)} up to ${cursorText(row.end)}` })),
      make("td", {}, state(isOff ? "warn" : toneOf(row.state), isOff ? "Not reconciled" : wordOf(row.state))),
      isStaged ? [figure(row.source_rows), figure(row.shadow_rows), make("td", { class: "pair-cell" }, pair), figure(row.missing), figure(row.extra)]
        : loaded.map(([name]) => figure(row.state === "pending" || row.state === "running" ? null : row[name])),
      make("td", { class: "figure soft" }, row.duration_seconds === null ? "" : duration(row.duration_seconds)));
  }

  /** Shows everything that is known of one partition. */
  async open(number) {
    this.opened = number;
    try {
      const partition = await this.partitions.detail(number);
      if (this.opened !== number || !partition) return;
      fill(this.detail, this.whole(partition));
      this.detail.scrollIntoView({ block: "nearest" });
    } catch (problem) {
      if (!this.partitions.signal.aborted) fill(this.detail, trouble(problem));
    }
  }

  whole(partition) {
    const { backfill } = this;
    const found = partition.reconciliation;
    return make("section", { class: "partition-whole", "aria-label": "One partition" },
      make("div", { class: "panel-head" }, make("h3", {}, partitionWords(partition, backfill)),
        button("Close", () => { this.opened = null; fill(this.detail); }, { class: "quiet" })),
      make("p", {}, state(toneOf(partition.state), wordOf(partition.state)), make("span", { class: "soft" },
        ` partition ${number(partition.number)}`, partition.attempt > 1 && `, attempt ${partition.attempt}`,
        partition.started_at && [", started ", time(partition.started_at, { exact: true })],
        partition.duration_seconds !== null && `, took ${duration(partition.duration_seconds)}`)),
      make("p", { class: "soft small" }, "From ", make("code", {}, cursorText(partition.start)), " up to, not with, ", make("code", {}, cursorText(partition.end)), "."),
      partition.error && trouble(partition.error), warningList(partition.warnings),
      make("p", {}, loaded.filter(([name]) => partition[name] > 0).map(([name, label]) => `${label} ${number(partition[name])}`).join(" · "),
        partition.rows_quarantined > 0 && ` · Set aside ${number(partition.rows_quarantined)}`),
      found && sideBySide(found));
  }
}

function sideBySide(found) {
  const line = (label, source, shadow) => make("tr", { data: { tone: String(source) === String(shadow) ? "good" : "warn" } }, make("th", { scope: "row" }, label),
    make("td", { class: "figure" }, number(source)), make("td", { class: "figure" }, number(shadow)),
    make("td", {}, String(source) === String(shadow) ? "same" : make("strong", { class: "warned" }, "differs")));
  const samples = (kind) => found.samples.filter((sample) => sample.kind === kind).map(({ key }) => keyWords(key));
  return make("div", { class: "side-by-side" },
    make("p", {}, state(found.reconciled ? "good" : "warn", found.reconciled ? "Reconciled with the source" : "Not reconciled with the source")),
    make("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "Source and stage side by side" }, make("table", { class: "table" },
      make("thead", {}, make("tr", {}, ["", "Source", "Staged", ""].map((label, place) => make(label ? "th" : "td", { scope: label ? "col" : null, class: place > 0 && place < 3 ? "figure" : null }, label)))),
      make("tbody", {}, line("Rows", found.source_rows, found.shadow_rows),
        found.sums.map(({ column, source, shadow }) => line(`Sum of ${column}`, source, shadow)),
        found.nulls.map(({ column, source, shadow }) => line(`NULLs in ${column}`, source, shadow))))),
    found.missing > 0 && make("p", { class: "samples small" }, `${counted(found.missing, "key")} of the source not staged, such as `, samples("missing")),
    found.extra > 0 && make("p", { class: "samples small" }, `${counted(found.extra, "staged key")} not in the source, such as `, samples("extra")));
}
