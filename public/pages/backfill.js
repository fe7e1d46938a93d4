// One backfill: how far it has come, what became of each partition, and what to do next.

import { missed, soon } from "../again.js";
import * as backfills from "../backfills.js";
import { everySecond } from "../clock.js";
import { announce, fill, link, make, path, say, showTime, state, time, trouble } from "../elements.js";
import { age, counted, duration, number } from "../format.js";
import { Happenings } from "../happenings.js";
import * as live from "../live.js";
import { Partitions } from "../partitions.js";
import { isActive, toneOf, wordOf } from "../states.js";
import { BackfillActions } from "./backfill-actions.js";
import { Calendar } from "./backfill-calendar.js";
import { PartitionTable } from "./backfill-partitions.js";
import { warningList } from "./run-steps.js";

export const page = {
  section: "#/backfills",
  title: () => "Backfill",
  async open(root, { backfill: id }, signal) {
    const backfill = new BackfillPage(root, id, signal);
    await backfill.load();
    backfill.begin();
    await backfill.readPartitions();
    await backfill.readEvents();
  },
};

const logged = 300;
const rereadEvery = 5;

class BackfillPage {
  constructor(root, id, signal) {
    this.id = id;
    this.signal = signal;
    this.partitions = new Partitions(id, signal);
    this.soon = soon(() => this.load(), 150, signal);
    this.changed = [];
    this.beats = 0;
    this.title = make("h1", {});
    this.sub = make("p", { class: "soft" });
    this.headline = make("p", { class: "run-headline" });
    this.next = make("p", { class: "soft" });
    this.bar = make("progress", { class: "progress thick", max: "1", "aria-label": "Progress" });
    this.facts = make("dl", { class: "facts" });
    this.notes = make("div", { class: "notes" });
    this.reading = make("p", { class: "soft", role: "status" });
    this.actions = new BackfillActions(id, { onChange: () => this.soon() });
    this.calendar = new Calendar({ onChoose: (cell) => this.table.choose(cell) });
    this.table = new PartitionTable({ onAll: () => this.calendar.mark(null) });
    this.options = make("dl", { class: "facts" });
    this.log = new Happenings("What happened");
    fill(root,
      make("header", { class: "page-head" }, make("div", {}, make("p", { class: "crumbs" }, link("#/backfills", "Backfills")), this.title, this.sub), this.actions.element),
      this.actions.refusal,
      make("section", { class: "panel run-standing", "aria-label": "Standing" }, make("div", { class: "run-words" }, this.headline, this.next), this.bar, this.facts, this.notes),
      make("section", { class: "panel", "aria-labelledby": "calendar-head" }, make("h2", { id: "calendar-head" }, "Partitions"), this.reading, this.calendar.element, this.table.element),
      make("section", { class: "panel" }, make("h2", {}, "Log"), this.log.element),
      make("details", { class: "panel" }, make("summary", {}, "Options"), this.options));
  }

  /** Reads how far it has come. */
  async load() {
    const backfill = await backfills.backfill(this.id, this.signal);
    const was = this.backfill;
    this.backfill = backfill;
    const hasTurned = was && was.state !== backfill.state;
    if (hasTurned) announce(`The backfill is ${wordOf(backfill.state).toLowerCase()}`);
    const key = JSON.stringify(backfill);
    if (key !== this.key) {
      this.key = key;
      this.draw();
    }
    if (!this.partitions.isComplete) return;
    if (hasTurned && (!isActive(backfill.state) || backfills.isOver(was.state))) await this.settle();
    else await this.renewPartitions();
  }

  /** Reads again what events told of, and everything where that does not come to what the backfill says, as when many were cancelled at once. */
  async settle() {
    while (await this.partitions.refresh());
    if (!this.partitions.comesTo(this.backfill.partitions)) return this.readPartitions();
    this.calendar.renew();
    this.table.show(this.partitions, this.backfill);
  }

  async readPartitions() {
    const { total } = this.backfill.partitions;
    this.reading.hidden = Boolean(this.calendar.cells);
    await this.partitions.load(total, (count) => say(this.reading, count < total ? `Reading partitions: ${number(count)} of ${number(total)}` : ""));
    this.reading.hidden = true;
    if (this.calendar.cells) this.calendar.renew();
    else this.calendar.draw(this.partitions, this.backfill);
    this.table.show(this.partitions, this.backfill);
  }

  /** Brings those up to date that are in hand, and now and then those of which events told. */
  async renewPartitions() {
    const { partitions: counts } = this.backfill;
    const { partitions } = counts.running > 0 ? await backfills.partitionPage(this.id, { state: "running", limit: 100 }, this.signal) : { partitions: [] };
    this.changed.push(...this.partitions.setRunning(partitions.map((partition) => partition.number)));
    this.beats += 1;
    if (this.beats % rereadEvery === 0 && await this.partitions.refresh()) this.calendar.renew();
    if (this.changed.length > 0) this.calendar.renew(this.changed.splice(0));
    this.table.show(this.partitions, this.backfill);
  }

  async readEvents() {
    for (const event of await backfills.backfillEvents(this.id, logged, this.signal)) this.note(event);
  }

  begin() {
    const { id, signal } = this;
    everySecond(() => {
      this.tick();
      if (!this.backfill || isActive(this.backfill.state) || this.backfill.partitions.running > 0 || this.partitions.dirty.size > 0) this.soon();
    }, signal);
    live.follow({
      event: (event) => {
        if (event.payload?.backfill !== id) return;
        this.note(event);
        if (event.kind === "partition_finished" && this.partitions.isComplete) {
          this.partitions.hear(event.payload);
          this.changed.push(event.payload.number);
        }
        // Partitions may end by the hundred; what they add up to is read each second.
        if (!event.kind.startsWith("partition_")) this.soon();
      },
      refresh: () => this.again(),
    }, signal);
  }

  async again() {
    try {
      await this.load();
      await this.readPartitions();
      await this.readEvents();
    } catch (problem) {
      missed(problem, this.signal);
    }
  }

  /** Notes what is no matter of course: all that befell it, and of its partitions what went wrong. */
  note(event) {
    if (!event.kind.startsWith("partition_") || event.payload?.error) this.log.add(event);
  }

  draw() {
    const { backfill } = this;
    const { partitions } = backfill;
    document.title = `${wordOf(backfill.state)}: backfill of ${backfill.pipeline} · Strandline`;
    say(this.title, `Backfill of ${backfill.pipeline}`);
    fill(this.sub, link(path("pipelines", backfill.pipeline), backfill.pipeline), backfill.step !== backfill.pipeline && `, step ${backfill.step}`,
      `: ${backfills.rangeWords(backfill)} by ${backfills.intervalWords(backfill.interval)} of `, make("code", {}, backfill.column),
      backfill.timezone && ` in ${backfill.timezone}`, backfill.reason && [make("br"), `“${backfill.reason}”`]);
    this.when = make("time");
    fill(this.headline, make("span", { class: "large" }, state(toneOf(backfill.state), wordOf(backfill.state))), " ", this.when,
      backfill.duration_seconds !== null && `, took ${duration(backfill.duration_seconds)}`);
    say(this.next, nextWords(backfill));
    this.bar.value = backfill.progress;
    this.bar.dataset.tone = toneOf(backfill.state);
    const found = backfill.reconciliation;
    const done = partitions.success + partitions.failed + partitions.cancelled;
    fill(this.facts, [
      ["Partitions", `${number(done)} of ${number(partitions.total)}`],
      partitions.failed > 0 && ["Failed", number(partitions.failed)],
      backfill.skipped > 0 && ["Left out", `${number(backfill.skipped)} tried before`],
      ["Rows read", backfill.rows_expected === null ? number(backfill.rows_read) : `${number(backfill.rows_read)} of ${number(backfill.rows_expected)}`],
      ...(backfill.mode === "direct" || backfill.published_at ? [["Inserted", number(backfill.rows_inserted)], ["Updated", number(backfill.rows_updated)],
        ["Unchanged", number(backfill.rows_unchanged)], ["Deleted", number(backfill.rows_deleted)]] : []),
      backfill.rows_quarantined > 0 && ["Set aside", number(backfill.rows_quarantined)],
      backfill.rows_per_second !== null && ["Rate", `${number(Math.round(backfill.rows_per_second))} rows/s`],
      backfill.eta_seconds !== null && ["Time left", `about ${age(Math.max(1, backfill.eta_seconds))}`],
      found && ["In the source", counted(found.source_rows, "row")], found && ["Staged", counted(found.shadow_rows, "row")],
      found && ["Reconciled", found.reconciled ? "all partitions" : `not ${counted(found.partitions_unreconciled, "partition")}`],
      backfill.published_at && ["Published", time(backfill.published_at)],
    ].filter(Boolean).map(([label, value]) => make("div", {}, make("dt", {}, label), make("dd", {}, value))));
    fill(this.notes, backfill.error && trouble(backfill.error), warningList(backfill.warnings));
    this.actions.show(backfill);
    fill(this.options, optionsOf(backfill).map(([label, value]) => make("div", {}, make("dt", {}, label), make("dd", {}, value))));
    this.tick();
  }

  tick() {
    const { backfill } = this;
    const at = backfill.finished_at ?? backfill.started_at ?? backfill.created_at;
    showTime(this.when, at, { prefix: backfill.finished_at ? "ended " : backfill.started_at ? "started " : "asked for " });
  }
}

const optionsOf = (backfill) => [
  ["Into", `${backfill.destination.table} on ${backfill.destination.connection}`], ["Mode", backfill.mode], ["Order", backfill.order === "asc" ? "oldest first" : "newest first"],
  ["At once", String(backfill.parallelism)], ["Reprocess", backfill.reprocess], backfill.mode === "staged" && ["Publish by itself", backfill.auto_publish ? "yes" : "no"],
  ["Allowed to shrink", backfill.allow_shrink ? "yes" : "no"], ["Most partitions", number(backfill.max_partitions)],
  backfill.max_rows_per_partition !== null && ["Most rows each", number(backfill.max_rows_per_partition)], backfill.format && ["Times as", backfill.format],
  ["Asked for", time(backfill.created_at, { exact: true })], ["Identifier", make("code", {}, backfill.id)],
].filter(Boolean);

/** What its state means, and what a person might do. */
function nextWords(backfill) {
  const { table } = backfill.destination;
  const words = {
    queued: "It waits for its turn, behind the runs.",
    running: backfill.mode === "staged" ? `Partitions are staged beside ${table}; its readers see nothing of it yet.` : `Each partition is loaded into ${table} in a transaction of its own.`,
    paused: "No partition starts until it is resumed.",
    awaiting_publish: backfill.auto_publish && backfill.reconciliation?.reconciled
      ? `All is staged beside ${table}, and is being published.` : `All is staged beside ${table}, whose readers still see the old rows. Publish brings it in, in one transaction.`,
    failed: backfill.partitions.failed > 0 ? "Some partitions failed. The others stay loaded; retry loads the failed ones again." : "",
    cancelled: backfill.mode === "staged" ? "What was staged is thrown away." : backfill.rows_written > 0 ? "What was loaded stays; a rollback puts it back." : "It changed nothing.",
    rolled_back: `${table} is as it was before.`,
  };
  return words[backfill.state] ?? "";
}
