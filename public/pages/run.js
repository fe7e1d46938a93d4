// One run: what became of it, step by step, as it happens and afterwards.

import { missed, soon } from "../again.js";
import * as client from "../client.js";
import { everySecond, now } from "../clock.js";
import { announce, fill, link, make, path, say, showTime, state, time, trouble } from "../elements.js";
import { counted, dateOf, duration, number } from "../format.js";
import { Happenings, startedBy } from "../happenings.js";
import * as live from "../live.js";
import { isActive, sums, toneOf, wordOf } from "../states.js";
import { RunActions } from "./run-actions.js";
import { RunSteps } from "./run-steps.js";
import { Timeline } from "./run-timeline.js";

export const page = {
  section: "#/runs",
  title: () => "Run",
  async open(root, { run: id }, signal) {
    const run = new RunPage(root, id, signal);
    await run.load();
    await run.readEvents();
    run.begin();
  },
};

const waits = {
  pipeline: ({ waiting_for: { jobs } }) => [jobs.length > 0 ? link(path("runs", jobs[0]), "another run") : "another run", " of this pipeline to end"], time: (run) => ["the next attempt ", time(run.retry_at)],
  pool: ({ waiting_for: { name } }) => `a place in the pool ${name}`, connection: ({ waiting_for: { name } }) => `a place on the connection ${name}`,
  file: () => "another job that writes the same file", worker: () => "a free worker", turn: () => "its turn behind older jobs",
};

class RunPage {
  constructor(root, id, signal) {
    this.id = id;
    this.signal = signal;
    this.soon = soon(() => this.load(), 100, signal);
    this.crumbs = make("p", { class: "crumbs" });
    this.title = make("h1", {});
    this.headline = make("p", { class: "run-headline" });
    this.how = make("p", { class: "soft" });
    this.waiting = make("p", { class: "soft" });
    this.error = make("div", {});
    this.bar = make("progress", { class: "progress", hidden: true, "aria-label": "Progress of the step in hand" });
    this.reading = make("p", { class: "soft small" });
    this.facts = make("dl", { class: "facts counts" });
    this.actions = new RunActions({ onChange: () => this.soon() });
    this.timeline = new Timeline();
    this.steps = new RunSteps();
    this.log = new Happenings("What happened");
    fill(root,
      make("header", { class: "page-head" }, make("div", {}, this.crumbs, this.title), this.actions.element),
      this.actions.refusal,
      make("section", { class: "panel run-standing", "aria-label": "Standing" },
        make("div", { class: "run-words" }, this.headline, this.how, this.waiting), this.facts, this.error, make("div", { class: "run-progress" }, this.bar, this.reading)),
      this.timeline.element, this.steps.element,
      make("section", { class: "panel" }, make("h2", {}, "Log"), this.log.element));
  }

  /** Reads the run and shows it. */
  async load() {
    const run = await client.run(this.id, this.signal);
    const was = this.run;
    this.run = run;
    if (was && isActive(was.state) && !isActive(run.state)) announce(`The run of ${run.pipeline} has ended: ${wordOf(run.state)}`);
    const { progress, ...lasting } = run;
    const key = JSON.stringify(lasting);
    if (key !== this.key) {
      this.key = key;
      this.draw(run);
    }
    this.drawProgress(progress);
    this.tick();
  }

  /** Reads what has happened to it so far. */
  async readEvents() {
    for (const event of await client.runEvents(this.id, this.signal)) this.log.add(event);
  }

  begin() {
    const { id, signal } = this;
    everySecond(() => {
      this.tick();
      if (this.run.state === "running") this.soon();
    }, signal);
    live.follow({
      event: (event) => {
        if (event.run !== id) return;
        this.log.add(event);
        this.soon();
      },
      refresh: () => { this.readEvents().catch((problem) => missed(problem, signal)); this.soon(); },
    }, signal);
  }

  draw(run) {
    document.title = `${wordOf(run.state)}: ${run.pipeline} · Strandline`;
    fill(this.crumbs, link("#/", "Overview"), " / ", link(path("pipelines", run.pipeline), run.pipeline));
    fill(this.title, `Run of ${run.pipeline}`);
    this.when = make("time");
    this.took = make("span", {});
    fill(this.headline, make("span", { class: "large" }, state(run.rolled_back_at ? "idle" : toneOf(run.state), run.rolled_back_at ? "Rolled back" : wordOf(run.state))),
      " ", this.when, this.took);
    fill(this.how, howWords(run));
    this.waiting.hidden = !run.waiting_for;
    if (run.waiting_for) fill(this.waiting, "Waits for ", waits[run.waiting_for.reason]?.(run) ?? run.waiting_for.reason, ".");
    fill(this.error, run.error && trouble(run.error));
    const sum = sums(run);
    fill(this.facts, [["Read", sum.read], ["Inserted", sum.inserted], ["Updated", sum.updated], ["Unchanged", sum.unchanged], ["Deleted", sum.deleted]]
      .map(([label, value]) => make("div", { class: value > 0 ? null : "none" }, make("dt", {}, label), make("dd", {}, number(value)))));
    this.actions.show(run);
    this.timeline.show(run);
    this.steps.show(run);
  }

  drawProgress(progress) {
    this.bar.hidden = !progress?.rows_expected;
    this.reading.hidden = !progress;
    if (!progress) return;
    if (progress.rows_expected) {
      this.bar.max = progress.rows_expected;
      this.bar.value = Math.min(progress.rows_read, progress.rows_expected);
    }
    const of = progress.rows_expected ? ` of about ${number(progress.rows_expected)}` : "";
    say(this.reading, `${progress.step}: ${counted(progress.rows_read, "row")} read${of}, ${counted(progress.commits, "commit")}`);
  }

  /** Brings what depends on the time of now up to date. */
  tick() {
    const { run } = this;
    const start = dateOf(run.started_at);
    showTime(this.when, run.started_at ?? run.created_at, { prefix: run.started_at ? "started " : "asked for " });
    const seconds = run.duration_seconds ?? (start && isActive(run.state) ? (now() - start.getTime()) / 1000 : null);
    say(this.took, seconds === null ? "" : isActive(run.state) ? `, for ${duration(seconds)} so far` : `, took ${duration(seconds)}`);
    if (isActive(run.state)) this.timeline.tick();
  }
}

/** What started a run, for what, and which others it belongs to. */
function howWords(run) {
  const { options } = run;
  const special = [
    options.full_refresh && "full refresh", options.steps.length > 0 && `only ${options.steps.join(", ")}`, options.allow_shrink && "allowed to shrink",
    options.allow_stale_upstream && "on stale data too", options.priority && options.priority !== "normal" && `${options.priority} priority`,
    run.attempt > 1 && `attempt ${run.attempt}`,
  ].filter(Boolean);
  return [
    "Started ", startedBy(run.trigger), run.scheduled_for && [" for ", time(run.scheduled_for, { exact: true })],
    run.ticks > 1 && `, for ${number(run.ticks)} ticks`, special.length > 0 && `; ${special.join(", ")}`,
    run.retry_of && ["; repeats what did not succeed in ", link(path("runs", run.retry_of), "an earlier run")],
    run.rolled_back_at && ["; rolled back ", time(run.rolled_back_at)], ".",
    run.retry_at && run.state === "queued" && [" Tries again ", time(run.retry_at), "."],
  ];
}
