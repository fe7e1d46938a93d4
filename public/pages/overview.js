// All pipelines: what is stale, since when, and why; worst first.

import { missed } from "../again.js";
import * as client from "../client.js";
import { everySecond, now } from "../clock.js";
import { announce, button, fill, link, make, path, say } from "../elements.js";
import { ago, counted, dateOf, sentence } from "../format.js";
import * as live from "../live.js";
import { keepInAddress } from "../router.js";
import { byName, byWorst, hasPassedLimit, sinceWords, standingOf } from "../standing.js";
import { isActive } from "../states.js";
import { emptyState } from "./overview-empty.js";
import { Histories } from "./overview-histories.js";
import { Row } from "./overview-row.js";

// So many rows are made at a time; more when the reader comes near the last.
const slice = 40;
const manyAtOnce = 25;
const progressAtOnce = 8;

const groups = [
  ["stale", "Stale"], ["failed", "Failed"], ["warn", "Warning"], ["unknown", "Unknown"], ["never", "Not run yet"],
  ["fresh", "Fresh"], ["none", "No limits"], ["running", "Running"],
];

const orders = {
  worst: ["Worst first", byWorst],
  name: ["Name", byName],
  last: ["Last run", (left, right) => byNumber(lastOf(right), lastOf(left)) || byName(left, right)],
  next: ["Next run", (left, right) => byNumber(nextOf(left), nextOf(right)) || byName(left, right)],
  slow: ["Slowest", (left, right) => byNumber(tookOf(right), tookOf(left)) || byName(left, right)],
};

// Infinity less Infinity is no number.
const byNumber = (left, right) => left === right ? 0 : left - right;
const lastOf = ({ pipeline }) => dateOf(pipeline.last_run?.created_at)?.getTime() ?? 0;
const tookOf = ({ pipeline }) => pipeline.last_run?.duration_seconds ?? 0;
const nextOf = ({ pipeline }) => dateOf(pipeline.schedule_status?.next_ticks?.[0]?.at)?.getTime() ?? Infinity;

export const page = {
  section: "#/",
  title: () => "",
  async open(root, params, signal) {
    const overview = new Overview(root, params.query, signal);
    await overview.load();
    overview.begin();
  },
};

class Overview {
  constructor(root, query, signal) {
    this.signal = signal;
    this.entries = new Map();
    this.rows = new Map();
    this.dirty = new Set();
    this.shown = slice;
    this.ordered = [];
    this.group = groups.some(([key]) => key === query.get("state")) ? query.get("state") : "";
    this.order = orders[query.get("sort")] ? query.get("sort") : "worst";
    this.histories = new Histories((name, runs) => this.rows.get(name)?.showRuns(runs), signal);

    this.headline = make("h1", { class: "headline" });
    this.worst = make("p", { class: "worst" });
    this.search = make("input", { type: "search", id: "search", placeholder: "Search", "aria-label": "Search pipelines",
      autocomplete: "off", spellcheck: "false", value: query.get("search") ?? "" });
    this.chips = make("div", { class: "chips", role: "group", "aria-label": "Show only" });
    this.sort = make("select", { id: "sort", "aria-label": "Sort by" },
      Object.entries(orders).map(([key, [label]]) => make("option", { value: key, selected: key === this.order }, label)));
    this.tools = make("div", { class: "tools" }, this.search, this.chips, this.sort);
    this.heads = make("div", { class: "row heads", "aria-hidden": "true" },
      ["Pipeline", "Freshness", "Last 30 runs", "Rows a run", "Next run", ""].map((head) => make("span", {}, head)));
    this.list = make("div", { class: "rows" });
    this.more = button("", () => this.showMore(), { class: "more quiet" });
    this.none = make("p", { class: "quiet-words", hidden: true }, "No pipeline fits. ",
      button("Show all", () => this.clear(), { class: "quiet" }));
    this.empty = emptyState();
    fill(root, make("header", { class: "lead" }, this.headline, this.worst), this.tools, this.heads, this.list, this.more, this.none, this.empty);
  }

  /** Begins to follow what happens. */
  begin() {
    const { signal } = this;
    this.search.addEventListener("input", () => this.choose());
    this.sort.addEventListener("change", () => this.choose());
    this.near = new IntersectionObserver(([entry]) => { if (entry.isIntersecting) this.showMore(); }, { rootMargin: "600px" });
    this.near.observe(this.more);
    this.list.addEventListener("pointerleave", () => this.arrange());
    this.list.addEventListener("focusout", () => setTimeout(() => { if (!signal.aborted) this.arrange(); }));
    everySecond(() => this.tick(), signal);
    live.follow({ event: (event) => this.hear(event), refresh: () => this.reload() }, signal);
    signal.addEventListener("abort", () => { this.near.disconnect(); this.histories.end(); clearTimeout(this.timer); });
    this.plan();
  }

  /** Reads all pipelines. */
  async load() {
    const heardAt = now();
    const pipelines = await client.pipelines(this.signal);
    const names = new Set(pipelines.map(({ name }) => name));
    for (const name of [...this.entries.keys()]) if (!names.has(name)) this.drop(name);
    for (const pipeline of pipelines) this.keep(pipeline, heardAt);
    this.arrange();
  }

  async reload() {
    clearTimeout(this.timer);
    try {
      await this.load();
    } catch (problem) {
      // That the server is away is told by whoever listens to it, who also says when it is back.
      missed(problem, this.signal);
    }
    this.plan();
  }

  /** Definitions that change make no event, so all is read again now and then: less often the more there is. */
  plan() {
    clearTimeout(this.timer);
    if (this.signal.aborted) return;
    this.timer = setTimeout(() => {
      if (document.visibilityState === "visible") this.reload();
      else this.plan();
    }, this.entries.size === 0 ? 3000 : Math.min(60_000, Math.max(15_000, this.entries.size * 100)));
  }

  keep(pipeline, heardAt) {
    const { name } = pipeline;
    this.entries.set(name, { name, pipeline, heardAt, standing: standingOf(pipeline) });
    this.rows.get(name)?.show(pipeline, heardAt);
  }

  drop(name) {
    this.entries.delete(name);
    const row = this.rows.get(name);
    if (!row) return;
    this.histories.forget(row);
    row.element.remove();
    this.rows.delete(name);
  }

  hear(event) {
    // What a partition of a backfill does changes nothing here, and there may be many.
    if (!event.pipeline || event.kind.startsWith("partition_")) return;
    if (event.kind === "run_finished") this.histories.renew(event.pipeline);
    this.touch(event.pipeline);
  }

  /** Reads one pipeline again, soon; many at once are read together. */
  touch(name) {
    this.dirty.add(name);
    this.flushing ??= setTimeout(() => this.flush(), 80);
  }

  async flush() {
    const names = [...this.dirty];
    this.dirty.clear();
    if (this.signal.aborted) return;
    try {
      if (names.length > manyAtOnce) await this.load();
      else await Promise.all(names.map((name) => this.renew(name)));
      this.arrange();
    } catch (problem) {
      missed(problem, this.signal);
    } finally {
      this.flushing = this.dirty.size > 0 && !this.signal.aborted ? setTimeout(() => this.flush(), 400) : undefined;
    }
  }

  async renew(name) {
    const heardAt = now();
    try {
      this.keep(await client.pipeline(name, this.signal), heardAt);
    } catch (problem) {
      if (problem.status !== 404) throw problem;
      this.drop(name);
    }
  }

  choose() {
    this.order = this.sort.value;
    this.shown = slice;
    keepInAddress({ search: this.search.value.trim(), state: this.group, sort: this.order === "worst" ? "" : this.order });
    this.arrange({ isAsked: true });
    announce(`${counted(this.ordered.length, "pipeline")} shown`);
  }

  clear() {
    this.search.value = "";
    this.group = "";
    this.choose();
    this.search.focus();
  }

  belongs(entry, group) {
    return group === "" || (group === "running" ? entry.standing.isActive : entry.standing.key === group);
  }

  /** Puts the rows in order. Those under the reader's hand stay where they are until the hand is gone. */
  arrange({ isAsked = false } = {}) {
    const text = this.search.value.trim().toLowerCase();
    const fits = [...this.entries.values()].filter((entry) => this.belongs(entry, this.group)
      && (text === "" || entry.name.includes(text) || (entry.pipeline.description ?? "").toLowerCase().includes(text)));
    fits.sort(orders[this.order][1]);
    if (!isAsked && this.isHeld()) {
      const places = new Map(this.ordered.map(({ name }, place) => [name, place]));
      const placeOf = ({ name }) => places.get(name) ?? Infinity;
      fits.sort((left, right) => placeOf(left) === placeOf(right) ? 0 : placeOf(left) - placeOf(right));
    }
    this.ordered = fits;
    this.place();
    this.drawLead();
    this.drawChips();
  }

  isHeld() {
    return this.list.contains(document.activeElement) || (matchMedia("(hover: hover)").matches && this.list.matches(":hover"));
  }

  /** Makes the rows that are to be seen, and puts them where they belong. */
  place() {
    const seen = this.ordered.slice(0, this.shown);
    const names = new Set(seen.map(({ name }) => name));
    for (const [name, row] of this.rows) {
      if (names.has(name)) continue;
      this.histories.forget(row);
      row.element.remove();
      this.rows.delete(name);
    }
    for (const [index, entry] of seen.entries()) {
      const row = this.rows.get(entry.name) ?? this.build(entry);
      if (this.list.children[index] !== row.element) this.list.insertBefore(row.element, this.list.children[index] ?? null);
    }
    const rest = this.ordered.length - seen.length;
    this.more.hidden = rest <= 0;
    say(this.more, `Show more of the other ${rest}`);
    this.none.hidden = this.ordered.length > 0 || this.entries.size === 0;
    const isEmpty = this.entries.size === 0;
    this.empty.hidden = !isEmpty;
    this.tools.hidden = isEmpty;
    this.heads.hidden = this.ordered.length === 0;
  }

  build(entry) {
    const row = new Row(entry.name, { onTrigger: (it) => this.trigger(it), onCancel: (it) => this.cancel(it) });
    this.rows.set(entry.name, row);
    row.show(entry.pipeline, entry.heardAt);
    this.histories.watch(row);
    return row;
  }

  showMore() {
    if (this.shown >= this.ordered.length) return;
    this.shown += slice;
    this.place();
  }

  /** What is stale, since when. */
  drawLead() {
    const of = (key) => this.ofGroup(key);
    const total = this.entries.size;
    const [stale, failed, warn, unknown, fresh] = ["stale", "failed", "warn", "unknown", "fresh"].map(of);
    const all = counted(total, "pipeline");
    let text, tone = "good", named = [];
    if (total === 0) [text, tone] = ["Ready for the first pipeline", "idle"];
    else if (stale.length) [text, tone, named] = [`${stale.length} of ${all} ${stale.length === 1 ? "is" : "are"} stale`, "bad", stale];
    else if (failed.length) [text, tone, named] = [`${failed.length} of ${all} failed`, "bad", failed];
    else if (warn.length) [text, tone, named] = [`${warn.length} of ${all} ${warn.length === 1 ? "nears its limit" : "near their limits"}`, "warn", warn];
    else if (unknown.length) [text, tone, named] = [`The freshness of ${unknown.length} of ${all} is not known yet`, "idle", unknown];
    else if (fresh.length === total) text = total === 1 ? "The one pipeline is fresh" : `All ${all} are fresh`;
    else if (fresh.length) text = `${counted(fresh.length, "pipeline")} fresh, ${total - fresh.length} without limits`;
    else [text, tone] = [`${all}, none with freshness limits`, "idle"];
    say(this.headline, text);
    this.headline.dataset.tone = tone;
    const rest = [[failed, "failed"], [warn, "near the limit"]].filter(([list]) => list.length > 0 && list !== named)
      .map(([list, words]) => `${list.length} ${words}`);
    const names = named.slice(0, 3).map((entry) => [link(path("pipelines", entry.name), entry.name), ` ${whenOf(entry)}`]);
    const key = [text, ...named.slice(0, 3).map((entry) => entry.name + whenOf(entry)), ...rest].join("|");
    if (key !== this.leadKey) {
      this.leadKey = key;
      const more = named.length > 3 ? [`and ${named.length - 3} more`] : [];
      const pieces = [...names, ...more.map((words) => [words]), ...rest.map((words) => [`also ${words}`])];
      fill(this.worst, pieces.map((piece, index) => index === 0 ? piece : [index > 0 ? " · " : "", piece]));
      if (fresh.length === 0 && tone === "idle" && total > 0 && unknown.length === 0) {
        fill(this.worst, "Limits in a document say how old data may grow: ", make("code", {}, "freshness: { warn_after: 30m, error_after: 2h }"));
      }
    }
    const short = stale.length ? `${stale.length} stale` : failed.length ? `${failed.length} failed` : "";
    document.title = short ? `${short} · Strandline` : "Strandline";
  }

  /** Those of one kind, worst first. */
  ofGroup(key) {
    return [...this.entries.values()].filter(({ standing }) => standing.key === key).sort(byWorst);
  }

  drawChips() {
    const tallies = groups.map(([key, label]) => [key, label, [...this.entries.values()].filter((entry) => this.belongs(entry, key)).length]);
    const shown = [["", "All", this.entries.size], ...tallies.filter(([key, , count]) => count > 0 || key === this.group)];
    const key = JSON.stringify([shown, this.group]);
    if (key === this.chipsKey) return;
    this.chipsKey = key;
    const focused = this.chips.contains(document.activeElement) ? document.activeElement.dataset.group : null;
    fill(this.chips, shown.map(([group, label, count]) => button(
      [make("span", { class: "dot", "aria-hidden": "true" }), `${label} `, make("span", { class: "count" }, count)],
      () => { this.group = this.group === group ? "" : group; this.choose(); },
      { class: "chip", "aria-pressed": String(this.group === group), data: { group } })));
    if (focused !== null) this.chips.querySelector(`[data-group="${CSS.escape(focused)}"]`)?.focus();
  }

  tick() {
    for (const entry of this.entries.values()) {
      if (hasPassedLimit(entry)) this.touch(entry.name);
    }
    const rows = [...this.histories.visible()];
    for (const row of rows) row.tick();
    // How far a run has come is no event. Of many that run at once, only some are asked for.
    for (const row of rows.filter(({ pipeline }) => pipeline.last_run?.state === "running").slice(0, progressAtOnce)) this.touch(row.name);
    this.drawLead();
  }

  /** Starts a run; what becomes of it is told by the events. */
  async trigger(row) {
    row.showRefusal(null);
    row.showAsking(true);
    announce(`${row.name}: asked for a run`);
    try {
      const run = await client.trigger(row.name);
      this.keep({ ...row.pipeline, last_run: run }, row.heardAt);
      this.await(row.name, run.id);
    } catch (problem) {
      row.showRefusal(problem);
      announce(`${row.name}: ${problem.message} ${problem.hint}`);
    }
    row.showAsking(false);
    this.touch(row.name);
  }

  /** Tells a screen reader when a run that was asked for here has ended. */
  await(name, id) {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.signal]);
    const event = async ({ run, kind }) => {
      if (run !== id || kind !== "run_finished") return;
      over.abort();
      const { state, error } = await client.run(id, this.signal);
      announce(`${name}: ${state}. ${sentence(error?.message ?? "")}`.trim());
    };
    live.follow({ event }, signal);
  }

  async cancel(row) {
    const run = row.pipeline.last_run;
    if (!isActive(run?.state)) return;
    try {
      await client.cancel(run.id);
      announce(`${row.name}: asked for the end of its run`);
    } catch (problem) {
      row.showRefusal(problem);
      announce(`${row.name}: ${problem.message}`);
    }
    this.touch(row.name);
  }
}

const whenOf = ({ standing, pipeline }) =>
  standing.since ? sinceWords(standing.since)
    : standing.isFailing && dateOf(pipeline.last_run.finished_at) ? ago(dateOf(pipeline.last_run.finished_at)) : "";
