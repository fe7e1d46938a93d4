// The steps of a run on one line of time: when each began, how long it took, and on what.

import { fill, make } from "../elements.js";
import { dateOf, duration } from "../format.js";
import { now } from "../clock.js";
import { toneOf, wordOf } from "../states.js";

const parts = { open: "Opening", lock: "Waiting for the file", look: "Looking", stage: "Reading", check: "Checking", write: "Writing", commit: "Committing" };

/** How long the parts of a step took, all of its commits together, in the order in which they come. */
function partsOf(step) {
  const seconds = new Map();
  for (const commit of [...step.manifest?.commits ?? [], step.manifest?.failed].filter(Boolean)) {
    for (const phase of commit.phases) seconds.set(phase.name, (seconds.get(phase.name) ?? 0) + phase.seconds);
  }
  const whole = [...seconds.values()].reduce((sum, more) => sum + more, 0);
  return Object.keys(parts).filter((name) => seconds.get(name) > 0)
    .map((name) => ({ name, seconds: seconds.get(name), share: seconds.get(name) / whole }));
}

const partWords = ({ name, seconds }) => `${parts[name].toLowerCase()} ${duration(seconds)}`;

export class Timeline {
  constructor() {
    this.lines = make("ol", { class: "timeline" });
    this.ends = make("div", { class: "timeline-ends", "aria-hidden": "true" });
    this.key = make("p", { class: "timeline-key small" });
    this.element = make("section", { class: "panel", "aria-labelledby": "timeline-head" },
      make("h2", { id: "timeline-head" }, "Timeline"), this.lines, this.ends, this.key);
  }

  /** Shows the steps of a run. */
  show(run) {
    this.run = run;
    const seen = new Set(run.steps.flatMap((step) => partsOf(step).map(({ name }) => name)));
    this.bars = run.steps.map((step) => this.bar(step));
    fill(this.lines, this.bars.map(({ line }) => line));
    fill(this.key, Object.entries(parts).filter(([name]) => seen.has(name)).map(([name, word]) =>
      make("span", { class: "key" }, make("span", { class: "swatch", "aria-hidden": "true", data: { part: name } }), word)));
    this.tick();
  }

  bar(step) {
    const begun = dateOf(step.started_at);
    const took = make("span", { class: "took" });
    const shares = partsOf(step);
    const words = shares.length > 0 ? `: ${shares.map(partWords).join(", ")}` : "";
    const bar = make("span", { class: "bar-of-step", data: { tone: toneOf(step.state), state: step.state }, title: shares.map(partWords).join("\n") },
      shares.map(({ name, share }) => make("span", { class: "part", data: { part: name }, css: { "--share": String(share) } })));
    const line = make("li", { data: { tone: toneOf(step.state) } },
      make("span", { class: "step-name" }, step.name), make("span", { class: "track", "aria-hidden": "true" }, begun && bar), took,
      make("span", { class: "unseen" }, `${wordOf(step.state)}${words}`));
    return { step, begun, bar, took, line };
  }

  /** Moves the ends of what goes on. */
  tick() {
    const { run } = this;
    const start = dateOf(run.started_at)?.getTime();
    for (const { step, took } of this.bars) if (!start || !step.started_at) took.textContent = wordOf(step.state).toLowerCase();
    this.ends.hidden = !start;
    if (!start) return;
    const end = Math.max(start + 1, dateOf(run.finished_at)?.getTime() ?? now());
    for (const { step, begun, bar, took } of this.bars) {
      if (!begun) continue;
      const from = Math.max(start, begun.getTime());
      const to = Math.max(from, dateOf(step.finished_at)?.getTime() ?? (step.state === "running" ? end : from));
      bar.style.setProperty("--from", `${((from - start) / (end - start) * 100).toFixed(3)}%`);
      bar.style.setProperty("--long", `${((to - from) / (end - start) * 100).toFixed(3)}%`);
      took.textContent = duration(step.duration_seconds ?? (to - from) / 1000);
    }
    fill(this.ends, make("p", {}, [0, 0.5, 1].map((share) => make("span", {}, share === 0 ? "0" : duration((end - start) / 1000 * share)))));
  }
}
