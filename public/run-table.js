// Runs in a table, newest first: those of one pipeline, or of all.

import * as client from "./client.js";
import { button, link, make, path, state, time } from "./elements.js";
import { counted, duration, number } from "./format.js";
import { startedBy } from "./happenings.js";
import { isActive, sums, toneOf, wordOf } from "./states.js";

const pageSize = 30;
const shownFirst = 10;

/**
 * `query` says of which runs: `{ pipeline, state }`; without a pipeline each line names its own. `words` stand where there is
 * none.
 */
export class RunTable {
  constructor(query, signal, { words, first = shownFirst }) {
    this.query = query;
    this.signal = signal;
    this.first = first;
    this.runs = [];
    this.limit = first;
    const heads = ["Run", !query.pipeline && "Pipeline", "State", "Started by", "Took", "New", "Changed", "Removed", "Read"].filter(Boolean);
    const figures = new Set(heads.slice(-5));
    this.lines = new Map();
    this.body = make("tbody");
    this.words = make("p", { class: "quiet-words" }, words);
    this.more = button("More runs", () => this.showMore(), { class: "quiet" });
    this.frame = make("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "Runs" },
      make("table", { class: "table runs" },
        make("thead", {}, make("tr", {}, heads.map((head) =>
          make("th", { scope: "col", class: figures.has(head) ? "figure" : null }, head)))),
        this.body));
    this.element = make("section", { class: "panel" }, make("h2", { class: query.pipeline ? null : "unseen" }, "Runs"), this.frame, this.words, this.more);
  }

  /** The runs that are known, newest first. */
  all() { return this.runs; }

  /** Reads the newest runs. */
  async load() {
    const page = await client.runPage(this.query, pageSize, "", this.signal);
    const oldest = page.runs.at(-1)?.id ?? "";
    const older = page.next_cursor ? this.runs.filter(({ id }) => id < oldest) : [];
    this.runs = [...page.runs, ...older];
    if (older.length === 0) this.cursor = page.next_cursor;
    this.draw();
  }

  /** Shows runs of other kinds from now on. */
  choose(query) {
    Object.assign(this, { query, runs: [], limit: this.first, cursor: null });
    return this.load();
  }

  /** Shows the newest run as it is now. */
  newest(run) {
    if (!run) return this.draw();
    this.runs = [run, ...this.runs.filter(({ id }) => id !== run.id)];
    this.draw();
  }

  async showMore() {
    this.limit += pageSize;
    if (this.runs.length < this.limit && this.cursor) {
      const page = await client.runPage(this.query, pageSize, this.cursor, this.signal);
      this.runs.push(...page.runs);
      this.cursor = page.next_cursor;
    }
    this.draw();
  }

  draw() {
    const shown = this.runs.slice(0, this.limit);
    this.frame.hidden = shown.length === 0;
    this.words.hidden = shown.length > 0;
    this.more.hidden = this.runs.length <= this.limit && !this.cursor;
    const ids = new Set(shown.map(({ id }) => id));
    for (const [id, line] of this.lines) {
      if (!ids.has(id)) { line.element.remove(); this.lines.delete(id); }
    }
    for (const [place, run] of shown.entries()) {
      let line = this.lines.get(run.id);
      if (!line) {
        line = { element: make("tr", {}, make("th", { scope: "row" }, link(path("runs", run.id), time(run.started_at ?? run.created_at, { clock: true })))) };
        this.lines.set(run.id, line);
      }
      const key = JSON.stringify([run.state, run.steps, run.duration_seconds, run.rolled_back_at, run.attempt]);
      if (key !== line.key) {
        line.key = key;
        line.element.replaceChildren(line.element.firstElementChild, ...cells(run, !this.query.pipeline));
      }
      if (this.body.children[place] !== line.element) this.body.insertBefore(line.element, this.body.children[place] ?? null);
    }
  }
}

function cells(run, isNamed) {
  const sum = sums(run);
  const figure = (value) => make("td", { class: value === 0 ? "figure none" : "figure" }, number(value));
  const notes = [
    run.attempt > 1 && `attempt ${run.attempt}`, run.ticks > 1 && `for ${counted(run.ticks, "tick")}`, run.rolled_back_at && "rolled back",
    run.options?.full_refresh && "full refresh", run.options?.steps?.length > 0 && counted(run.options.steps.length, "step"),
  ].filter(Boolean);
  return [
    isNamed && make("td", {}, link(path("pipelines", run.pipeline), run.pipeline)),
    make("td", {}, state(toneOf(run.state), wordOf(run.state))),
    make("td", {}, startedBy(run.trigger), notes.length > 0 && make("span", { class: "soft" }, ` · ${notes.join(", ")}`)),
    make("td", { class: "figure" }, isActive(run.state) ? "" : duration(run.duration_seconds)),
    figure(sum.inserted), figure(sum.updated), figure(sum.deleted), figure(sum.read),
  ].filter(Boolean);
}
