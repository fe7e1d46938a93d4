// How fresh a pipeline is, since when and why, with the times that matter.

import { AgeBar } from "../chart.js";
import { fill, link, make, mark, path, say, showTime, trouble, withTimes } from "../elements.js";
import { age, ago, bothZones, dateOf, moment, sentence } from "../format.js";
import { ageNow, limitWords, sinceWords, standingOf } from "../standing.js";
import { isActive, wordOf } from "../states.js";

export class Standing {
  constructor(name) {
    this.dot = make("span", { class: "dot", "aria-hidden": "true" });
    this.word = make("span", {});
    this.since = make("span", { class: "since" });
    this.state = make("p", { class: "state large" }, this.dot, this.word, this.since);
    this.reason = make("p", { class: "soft" });
    this.bar = new AgeBar(name);
    this.limits = make("p", { class: "bar-words" });
    this.facts = make("dl", { class: "facts" });
    this.error = make("div", {});
    this.element = make("section", { class: "panel standing", "aria-label": "Standing" },
      make("div", { class: "verdict" }, this.state, this.reason, this.bar.element, this.limits), this.facts, this.error);
  }

  /** Shows the pipeline as the server told of it at `heardAt`. */
  show(pipeline, heardAt) {
    this.pipeline = pipeline;
    this.heardAt = heardAt;
    this.standing = standingOf(pipeline);
    const { standing } = this;
    const run = pipeline.last_run;
    this.state.dataset.tone = standing.tone;
    this.element.dataset.tone = standing.tone;
    say(this.word, standing.word);
    const text = standing.freshness && standing.hasLimits && standing.freshness.status !== "fresh" ? standing.freshness.reason ?? "" : "";
    if (text !== this.reasonText) {
      this.reasonText = text;
      fill(this.reason, withTimes(sentence(text)));
    }
    const key = JSON.stringify([run?.error, run?.id]);
    if (key !== this.errorKey) {
      this.errorKey = key;
      fill(this.error, run?.error && [trouble(run.error), make("p", { class: "soft" }, link(path("runs", run.id), "What the run did"))]);
    }
    this.drawFacts();
    this.tick();
  }

  drawFacts() {
    const { pipeline } = this;
    const run = pipeline.last_run;
    const freshness = pipeline.freshness_status;
    const status = pipeline.schedule_status;
    this.times = [];
    const time = (text, options) => {
      const element = make("time");
      this.times.push([element, text, options]);
      return element;
    };
    const facts = [
      freshness?.watermark_at && ["Newest data", [time(freshness.watermark_at, { exact: true })]],
      freshness?.last_success_at && ["Last success", [time(freshness.last_success_at)]],
      ["Last run", run ? [link(path("runs", run.id), wordOf(run.state)), " ", time(isActive(run.state) ? run.created_at : run.finished_at ?? run.created_at)] : ["none yet"]],
      ["Next run", nextOf(pipeline, time)],
      ["Schedule", [scheduleWords(pipeline)]],
      status?.missed_ticks > 0 && ["Missed ticks", [String(status.missed_ticks)]],
      ...(pipeline.upstreams ?? []).map((upstream) => [`Data of ${upstream.pipeline}`, [
        link(path("pipelines", upstream.pipeline), upstream.stale ? "too old" : "of"), " ", upstream.since ? time(upstream.since, { exact: true }) : "never loaded"]]),
      pipeline.held_by && ["Held by", [link(path("backfills", pipeline.held_by), "a backfill")]],
    ].filter(Boolean);
    const key = JSON.stringify([facts.map(([label]) => label), this.times.map(([, text]) => text), run?.state, pipeline.upstreams, scheduleWords(pipeline), status?.missed_ticks, status?.paused]);
    if (key === this.factsKey) {
      this.times = this.shownTimes;
      return;
    }
    this.factsKey = key;
    this.shownTimes = this.times;
    fill(this.facts, facts.map(([label, value]) => make("div", {}, make("dt", {}, label), make("dd", {}, value))));
  }

  /** Brings the words that depend on the time of now up to date. */
  tick() {
    const { standing } = this;
    const { freshness } = standing;
    for (const [element, text, options] of this.times) showTime(element, text, options);
    const old = ageNow(freshness, this.heardAt);
    const { warn_after_seconds: warn, error_after_seconds: error } = freshness ?? {};
    const hasAge = standing.hasLimits && old !== null;
    const hasBar = hasAge && Boolean(warn || error);
    this.bar.element.hidden = !hasBar;
    this.limits.hidden = !hasAge;
    say(this.since, standing.since ? sinceWords(standing.since) : "");
    mark(this.since, "title", standing.since ? bothZones(standing.since) : null);
    if (!hasAge) return;
    const words = [`${age(old)} ${freshness.basis === "last_success" ? "since the last success" : "old"}`, limitWords(freshness)].filter(Boolean);
    if (hasBar) this.bar.show(old, { warn, error, tone: standing.tone, words: words.join(", ") });
    say(this.limits, words.join(" · "));
  }
}

function nextOf(pipeline, time) {
  const run = pipeline.last_run;
  if (run?.retry_at && run.state === "queued") return ["tries again ", time(run.retry_at)];
  const status = pipeline.schedule_status;
  const next = status?.next_ticks?.[0]?.at;
  if (next) return [time(next)];
  if (status?.paused) {
    const since = dateOf(status.paused_at);
    return [status.paused_by === "document" ? "paused in its document" : `paused${since ? ` ${moment(since)} (${ago(since)})` : ""}`];
  }
  return [pipeline.after ? "after others" : "by hand"];
}

function scheduleWords({ schedule, after }) {
  const words = [];
  if (typeof schedule === "string") words.push(`${schedule} UTC`);
  else if (schedule?.cron) words.push(`${schedule.cron} ${schedule.timezone ?? "UTC"}`);
  else if (schedule?.every) words.push(`every ${schedule.every}`);
  if (after?.length) words.push(`after ${[after].flat().join(", ")}`);
  return words.join("; ") || "none";
}
