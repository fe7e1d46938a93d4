// One pipeline: how fresh it is and why, its steps, how far each has come, and what its runs did.

import { soon } from "../again.js";
import * as client from "../client.js";
import { everySecond, now } from "../clock.js";
import { announce, button, fill, link, make, say } from "../elements.js";
import * as live from "../live.js";
import { RunTable } from "../run-table.js";
import { hasPassedLimit } from "../standing.js";
import { isActive } from "../states.js";
import { Audits, isLoad } from "./pipeline-audits.js";
import { RowsChart, WatermarkChart } from "./pipeline-charts.js";
import { Folds } from "./pipeline-folds.js";
import { askForRun } from "./pipeline-trigger.js";
import { askToPause, askToResume } from "./pipeline-schedule.js";
import { Standing } from "./pipeline-standing.js";
import { Steps } from "./pipeline-steps.js";
import { Watermarks } from "./pipeline-watermarks.js";

export const page = {
  section: "#/",
  title: ({ pipeline }) => pipeline,
  async open(root, { pipeline: name }, signal) {
    const pipeline = new PipelinePage(root, name, signal);
    await pipeline.load();
    pipeline.begin();
  },
};

class PipelinePage {
  constructor(root, name, signal) {
    this.name = name;
    this.signal = signal;
    this.isStale = { runs: true, audits: true, watermarks: true };
    this.soon = soon(() => this.renew(), 120, signal);
    this.description = make("p", { class: "soft" });
    this.run = button("Run", () => this.trigger(), { class: "main", "aria-label": `Run ${name} now` });
    this.options = button("Run with options…", async () => { if (await askForRun(this.pipeline)) this.soon(); });
    this.backfill = link(`#/backfills/new?${new URLSearchParams({ pipeline: name })}`, "Backfill…", { class: "button" });
    this.schedule = button("", () => this.changeSchedule());
    this.refusal = make("div", {});
    this.standing = new Standing(name);
    this.steps = new Steps();
    this.watermarkChart = new WatermarkChart(name, signal);
    this.rowsChart = new RowsChart();
    this.runs = new RunTable({ pipeline: name }, signal, {
      words: "No runs yet. Run starts the first; a schedule in the document starts them by itself.",
    });
    this.watermarks = new Watermarks(name, signal, this.soon);
    this.audits = new Audits(name, signal);
    this.folds = new Folds(name, signal);
    fill(root,
      make("header", { class: "page-head" },
        make("div", {}, make("p", { class: "crumbs" }, link("#/", "Overview")), make("h1", {}, name), this.description),
        make("div", { class: "actions" }, this.backfill, this.schedule, this.options, this.run)),
      this.refusal, this.standing.element, this.steps.element,
      make("div", { class: "pair" }, this.watermarkChart.element, this.rowsChart.element),
      this.runs.element, this.watermarks.element, this.audits.element, this.folds.element);
  }

  /** Reads what has changed, and shows it. */
  async load() {
    const { name, signal } = this;
    const stale = this.isStale;
    this.isStale = {};
    const heardAt = now();
    const lists = Promise.all([stale.runs && this.runs.load(), stale.audits && this.audits.load()]);
    // That there is no such pipeline is the thing to say, not that its runs cannot be listed.
    lists.catch(() => {});
    const pipeline = await client.pipeline(name, signal);
    await lists;
    this.pipeline = pipeline;
    say(this.description, pipeline.description ?? "");
    const active = isActive(pipeline.last_run?.state);
    this.run.setAttribute("aria-disabled", String(active));
    say(this.run, !active ? "Run" : pipeline.last_run.state === "running" ? "Running" : "Waiting");
    const status = pipeline.schedule_status;
    this.backfill.hidden = !pipeline.steps.some(isLoad);
    this.schedule.hidden = !status || status.paused_by === "document";
    say(this.schedule, status?.paused ? "Resume schedule…" : "Pause schedule…");
    this.standing.show(pipeline, heardAt);
    this.steps.show(pipeline);
    this.runs.newest(pipeline.last_run);
    this.rowsChart.show(this.runs.all());
    this.watermarks.show(pipeline, stale.watermarks);
    this.audits.show(pipeline);
    this.folds.show(pipeline);
    if (stale.watermarks) await this.watermarkChart.load(pipeline);
  }

  begin() {
    const { name, signal } = this;
    everySecond(() => {
      this.standing.tick();
      if (this.pipeline.last_run?.state === "running" || hasPassedLimit(this.standing)) this.soon();
    }, signal);
    live.follow({ event: (event) => { if (event.pipeline === name) this.hear(event); }, refresh: () => this.reload() }, signal);
    // Definitions that change make no event.
    const timer = setInterval(() => { if (document.visibilityState === "visible") this.soon(); }, 15_000);
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  hear({ kind }) {
    // What a partition of a backfill does changes nothing here, and there may be many.
    if (kind.startsWith("partition_")) return;
    if (kind.startsWith("run_")) this.isStale.runs = true;
    if (kind.startsWith("audit_")) this.isStale.audits = true;
    if (kind.startsWith("watermark_")) this.isStale.watermarks = true;
    if (kind === "freshness_changed") this.folds.renew();
    this.soon();
  }

  reload() {
    this.isStale = { runs: true, audits: true, watermarks: true };
    this.folds.renew();
    this.soon();
  }

  /** Reads what has changed, and says when the pipeline is there no more. */
  async renew() {
    try {
      await this.load();
    } catch (problem) {
      if (problem.status === 404) this.refuse(problem);
      throw problem;
    }
  }

  refuse(problem) {
    fill(this.refusal, make("div", { class: "trouble", role: "alert" }, make("p", { class: "what" }, problem.message),
      problem.hint && make("p", { class: "remedy" }, problem.hint)));
  }

  async trigger() {
    if (isActive(this.pipeline.last_run?.state)) return;
    fill(this.refusal);
    announce(`${this.name}: asked for a run`);
    try {
      this.await((await client.trigger(this.name)).id);
    } catch (problem) {
      this.refuse(problem);
    }
    this.isStale.runs = true;
    this.soon();
  }

  /** Tells a screen reader when a run that was asked for here has ended. */
  await(id) {
    const over = new AbortController();
    const event = (heard) => {
      if (heard.run !== id || heard.kind !== "run_finished") return;
      over.abort();
      announce(`${this.name}: ${heard.payload.state}`);
    };
    live.follow({ event }, AbortSignal.any([over.signal, this.signal]));
  }

  async changeSchedule() {
    const { schedule_status: status } = this.pipeline;
    const done = await (status.paused ? askToResume(this.pipeline) : askToPause(this.pipeline));
    if (done) announce(`${this.name}: ${status.paused ? "the schedule goes on" : "the schedule is paused"}`);
    this.soon();
  }
}
