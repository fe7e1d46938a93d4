// All backfills, the newest first.

import { soon } from "../again.js";
import * as backfills from "../backfills.js";
import { everySecond } from "../clock.js";
import { button, fill, link, make, path, state, time } from "../elements.js";
import { age, number } from "../format.js";
import * as live from "../live.js";
import { keepInAddress } from "../router.js";
import { isActive, toneOf, wordOf } from "../states.js";

const slice = 30;
const states = ["running", "queued", "paused", "awaiting_publish", "failed", "success", "cancelled", "rolled_back"];

export const page = {
  section: "#/backfills",
  title: () => "Backfills",
  async open(root, { query }, signal) {
    const list = new BackfillList(root, query, signal);
    await list.load();
    list.begin();
  },
};

class BackfillList {
  constructor(root, query, signal) {
    this.signal = signal;
    this.limit = slice;
    this.pipeline = query.get("pipeline") ?? "";
    this.soon = soon(() => this.load(), 150, signal);
    this.lines = new Map();
    this.state = make("select", { id: "state", "aria-label": "Show only", on: { change: () => this.choose() } }, make("option", { value: "" }, "All states"),
      states.map((name) => make("option", { value: name, selected: name === query.get("state") }, wordOf(name))));
    this.only = make("p", { class: "soft", hidden: this.pipeline === "" }, "Only of ", link(path("pipelines", this.pipeline), this.pipeline), ". ", link("#/backfills", "Show all"));
    this.body = make("tbody");
    this.frame = make("div", { class: "wide panel", tabindex: "0", role: "group", "aria-label": "Backfills" }, make("table", { class: "table backfills" },
      make("thead", {}, make("tr", {}, ["Range", "Pipeline", "State", "Partitions", "Rows written", "Asked for"].map((label) => make("th", { scope: "col", class: label === "Rows written" ? "figure" : null }, label)))), this.body));
    this.more = button("More backfills", () => { this.limit += slice; this.soon(); }, { class: "quiet more" });
    this.empty = make("section", { class: "empty panel", hidden: true });
    const begin = `#/backfills/new${this.pipeline ? `?${new URLSearchParams({ pipeline: this.pipeline })}` : ""}`;
    fill(root,
      make("header", { class: "page-head" }, make("div", {}, make("h1", {}, "Backfills"), make("p", { class: "soft" }, "Ranges of event time that are loaded again, beside live loads and behind them."), this.only),
        make("div", { class: "actions" }, this.state, link(begin, "New backfill", { class: "button main" }))),
      this.frame, this.more, this.empty);
    this.beginAt = begin;
  }

  async load() {
    const query = { pipeline: this.pipeline, state: this.state.value };
    const found = [];
    let cursor = "";
    do {
      const answer = await backfills.backfillPage({ ...query, limit: Math.min(this.limit - found.length, 1000), cursor }, this.signal);
      found.push(...answer.backfills);
      cursor = answer.next_cursor ?? "";
    } while (cursor && found.length < this.limit);
    this.backfills = found;
    this.more.hidden = !cursor;
    this.draw();
  }

  draw() {
    const shown = this.backfills;
    this.frame.hidden = shown.length === 0;
    this.empty.hidden = shown.length > 0;
    if (shown.length === 0) {
      fill(this.empty, this.state.value !== "" ? make("p", {}, "No backfill is in this state.") : [
        make("h2", {}, "No backfills yet"),
        make("p", {}, "Runs load what is new. A backfill loads a range again: days whose totals were wrong, history from before the first run, or what is missing between two loads. ",
          "It leaves the watermark and the schedule alone, and says first what it would do."),
        make("p", {}, link(this.beginAt, "Choose a range", { class: "button main" }))]);
    }
    const ids = new Set(shown.map(({ id }) => id));
    for (const [id, line] of this.lines) if (!ids.has(id)) { line.element.remove(); this.lines.delete(id); }
    for (const [place, backfill] of shown.entries()) {
      const key = JSON.stringify(backfill);
      let line = this.lines.get(backfill.id);
      if (!line) {
        line = { element: make("tr", {}, make("th", { scope: "row" }, link(path("backfills", backfill.id), backfills.rangeWords(backfill)),
          make("span", { class: "under" }, `by ${backfills.intervalWords(backfill.interval)} of ${backfill.column}`, backfill.mode === "staged" && ", staged"))) };
        this.lines.set(backfill.id, line);
      }
      if (line.key !== key) {
        line.key = key;
        line.element.replaceChildren(line.element.firstElementChild, ...cells(backfill));
      }
      if (this.body.children[place] !== line.element) this.body.insertBefore(line.element, this.body.children[place] ?? null);
    }
  }

  begin() {
    everySecond(() => { if (this.backfills.some(({ state }) => isActive(state))) this.soon(); }, this.signal);
    live.follow({ event: (event) => { if (event.kind.startsWith("backfill_")) this.soon(); }, refresh: () => this.soon() }, this.signal);
  }

  choose() {
    this.limit = slice;
    keepInAddress({ pipeline: this.pipeline, state: this.state.value });
    this.soon();
  }
}

function cells(backfill) {
  const { partitions } = backfill;
  const done = partitions.success + partitions.failed + partitions.cancelled;
  const left = backfill.eta_seconds === null ? "" : `, about ${age(Math.max(1, backfill.eta_seconds))} left`;
  return [
    make("td", {}, link(path("pipelines", backfill.pipeline), backfill.pipeline), backfill.step !== backfill.pipeline && make("span", { class: "under" }, backfill.step)),
    make("td", {}, state(toneOf(backfill.state), wordOf(backfill.state)), backfill.reason && make("span", { class: "under" }, backfill.reason)),
    make("td", {}, make("progress", { class: "progress", max: "1", value: String(backfill.progress), "aria-label": "Progress", data: { tone: toneOf(backfill.state) } }),
      make("span", { class: "under" }, `${number(done)} of ${number(partitions.total)}`, partitions.failed > 0 && make("span", { class: "failed" }, `, ${number(partitions.failed)} failed`), left)),
    make("td", { class: "figure" }, number(backfill.rows_written)),
    make("td", {}, time(backfill.created_at)),
  ];
}
