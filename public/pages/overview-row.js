// One pipeline on the overview. Its elements are made once and then only changed, so that focus and selection stay.

import { AgeBar, changed, rowsLine, strip } from "../chart.js";
import { now } from "../clock.js";
import { button, fill, link, make, mark, path, say, showTime, trouble, withTimes } from "../elements.js";
import { age, ago, bothZones, counted, dateOf, few, moment, sentence } from "../format.js";
import { ageNow, limitWords, standingOf } from "../standing.js";
import { isActive } from "../states.js";

export class Row {
  constructor(name, { onTrigger, onCancel }) {
    this.name = name;
    this.runs = null;
    this.refusal = null;
    this.isAsking = false;
    const id = `pipeline-${name}`;
    this.title = make("h2", { id }, link(path("pipelines", name), name));
    this.description = make("p", { class: "description" });
    this.dot = make("span", { class: "dot", "aria-hidden": "true" });
    this.word = make("span", { class: "word" });
    this.old = make("span", { class: "old" });
    this.state = make("p", { class: "state" }, this.dot, this.word, this.old);
    this.limits = make("p", { class: "limits" });
    this.bar = new AgeBar(name);
    this.ticks = make("div", { class: "row-runs" });
    this.line = make("div", { class: "row-rows" });
    this.next = make("time", { class: "row-next" });
    this.run = button("Run", () => { if (!this.isBusy) onTrigger(this); }, { class: "trigger", "aria-label": `Run ${name} now` });
    this.stop = button("Cancel", () => onCancel(this), { class: "quiet", "aria-label": `Cancel the run of ${name}` });
    this.progress = make("progress", { class: "progress", "aria-label": `Rows read by the run of ${name}` });
    this.why = make("div", { class: "row-why" });
    this.element = make("article", { class: "row", "aria-labelledby": id },
      make("div", { class: "row-name" }, this.title, this.description),
      make("div", { class: "row-age" }, this.state, this.bar.element, this.limits),
      this.ticks, this.line, this.next, make("div", { class: "row-actions" }, this.stop, this.run), this.why, this.progress);
  }

  /** Whether another run cannot be asked for now. */
  get isBusy() { return this.isAsking || this.standing?.isActive; }

  /** Shows the pipeline as the server told of it at `heardAt`. */
  show(pipeline, heardAt) {
    const before = this.pipeline?.last_run;
    this.pipeline = pipeline;
    this.heardAt = heardAt;
    this.standing = standingOf(pipeline);
    const run = pipeline.last_run;
    // What was refused before is of no concern once a newer run is there.
    if (run?.id !== before?.id) this.refusal = null;
    if (this.runs && run) this.showRuns([run, ...this.runs.filter(({ id }) => id !== run.id)]);
    else if (!run) this.showRuns([]);
    this.draw();
  }

  /** Shows the newest runs, newest first. */
  showRuns(runs) {
    const key = runs.map(({ id, state }) => id + state).join();
    if (key === this.runsKey) return;
    this.runs = runs.slice(0, 30);
    // The reader may be walking along the ticks.
    if (this.ticks.contains(document.activeElement)) return;
    this.runsKey = key;
    fill(this.ticks, runs.length > 0 && strip(runs));
    const line = rowsLine(runs);
    const last = runs.find((run) => run.state === "success");
    fill(this.line, line, last && make("span", { class: "amount", title: `${counted(changed(last), "row")} changed by the last run that succeeded` },
      `${few(changed(last))} rows`));
  }

  /** Shows why what was asked for was refused. */
  showRefusal(problem) {
    this.refusal = problem;
    this.draw();
  }

  /** Shows that a run is being asked for. */
  showAsking(isAsking) {
    this.isAsking = isAsking;
    this.draw();
  }

  draw() {
    const { standing, pipeline } = this;
    const run = pipeline.last_run;
    say(this.description, pipeline.description ?? "");
    mark(this.description, "title", pipeline.description ?? null);
    this.element.dataset.tone = this.state.dataset.tone = standing.tone;
    this.element.dataset.key = standing.key;
    mark(this.element, "aria-busy", standing.isActive ? "true" : null);
    say(this.word, standing.word);
    mark(this.run, "aria-disabled", this.isBusy ? "true" : null);
    say(this.run, !this.isBusy ? "Run" : run?.state === "running" ? "Running" : run?.retry_at ? "Retrying" : "Waiting");
    this.stop.hidden = !standing.isActive;
    const { rows_read: read, rows_expected: expected } = run?.progress ?? {};
    this.progress.hidden = run?.state !== "running";
    if (expected) {
      this.progress.max = expected;
      this.progress.value = Math.min(read, expected);
    } else this.progress.removeAttribute("value");
    this.drawWhy();
    this.tick();
  }

  drawWhy() {
    const { standing, refusal } = this;
    const key = `${refusal?.message}|${standing.reason}|${standing.isFailing}`;
    if (key === this.whyKey) return;
    this.whyKey = key;
    const run = this.pipeline.last_run;
    fill(this.why,
      refusal && trouble(refusal, { role: "alert" }),
      standing.reason && make("p", { class: "reason" }, withTimes(standing.reason),
        standing.isFailing && run.error?.hint && make("span", { class: "remedy" }, ` ${sentence(run.error.hint)}`)));
  }

  /** Brings the words that depend on the time of now up to date. */
  tick() {
    const { standing, pipeline } = this;
    const { freshness } = standing;
    const run = pipeline.last_run;
    const old = ageNow(freshness, this.heardAt);
    const { warn_after_seconds: warn, error_after_seconds: error } = freshness ?? {};
    const hasAge = standing.hasLimits && old !== null;
    const hasBar = hasAge && Boolean(warn || error);
    this.bar.element.hidden = !hasBar;
    if (hasBar) this.bar.show(old, { warn, error, tone: standing.tone, words: `${age(old)} old, ${limitWords(freshness)}` });
    if (hasAge) {
      const due = dateOf(freshness.deadline_at);
      say(this.old, age(old));
      say(this.limits, standing.since ? `since ${moment(standing.since)}` : due ? `due by ${moment(due)}` : hasBar ? `limit ${age(error ?? warn)}` : "");
      mark(this.limits, "title", [standing.since && bothZones(standing.since), limitWords(freshness)].filter(Boolean).join("\n"));
    } else {
      const at = run && !isActive(run.state) ? run.finished_at ?? run.created_at : null;
      say(this.old, at ? `ran ${ago(dateOf(at))}` : "");
      say(this.limits, "");
      mark(this.limits, "title", null);
    }
    this.tickNext();
  }

  tickNext() {
    const status = this.pipeline.schedule_status;
    const retry = this.pipeline.last_run?.retry_at;
    if (retry && this.pipeline.last_run.state === "queued") return showTime(this.next, retry, { prefix: "tries again " });
    const at = status?.next_ticks?.[0]?.at ?? null;
    const date = dateOf(at);
    if (date) {
      const left = (date.getTime() - now()) / 1000;
      say(this.next, left < 1 ? "due now" : left < 86_400 ? `in ${age(left)}` : moment(date));
      mark(this.next, "datetime", at);
      return mark(this.next, "title", bothZones(date));
    }
    say(this.next, status?.paused ? "paused" : this.pipeline.after ? "after others" : status ? "none" : "by hand");
    mark(this.next, "datetime", null);
    mark(this.next, "title", status?.paused ? "The schedule is paused" : null);
  }
}
