// What can be done about a run: cancel it, try again what failed, put back what it changed.

import * as client from "../client.js";
import { open } from "../dialog.js";
import { button, fill, make, path, trouble } from "../elements.js";
import { askToRollBack } from "../rollback.js";
import { isActive } from "../states.js";

const names = (steps) => steps.map(({ name }) => name).join(", ");

export class RunActions {
  constructor({ onChange }) {
    this.onChange = onChange;
    this.cancel = button("Cancel…", () => this.askToCancel());
    this.retry = button("Retry…", () => this.askToRetry(), { class: "main" });
    this.rollBack = button("Roll back…", () => this.askToRollBack());
    this.refusal = make("div", { class: "refusal" });
    this.element = make("div", { class: "actions" }, this.rollBack, this.retry, this.cancel);
  }

  /** Offers what the state of a run allows. */
  show(run) {
    this.run = run;
    const hasEnded = !isActive(run.state);
    this.cancel.hidden = hasEnded;
    this.retry.hidden = run.state !== "failed" && run.state !== "cancelled";
    this.rollBack.hidden = !hasEnded || Boolean(run.rolled_back_at) || !run.steps.some((step) => step.commits > 0);
  }

  refuse(problem) {
    fill(this.refusal, problem && trouble(problem, { role: "alert" }));
  }

  async askToCancel() {
    const { run } = this;
    this.refuse(null);
    const done = await open({
      title: `Cancel this run of ${run.pipeline}?`, action: "Cancel the run", dismiss: "Let it run", isGrave: true,
      body: [run.state === "queued" ? "It has not begun, so nothing has changed and nothing will."
        : "It stops at the next safe place. What it has committed stays, with its watermark, and the next run goes on from there; what is not committed is taken back."],
      task: () => client.cancel(run.id),
    });
    if (done) this.onChange();
  }

  async askToRetry() {
    const { run } = this;
    this.refuse(null);
    const kept = run.steps.filter(({ state }) => state === "success");
    const again = run.steps.filter(({ state }) => state !== "success");
    const next = await open({
      title: `Retry this run of ${run.pipeline}?`, action: "Retry",
      body: [`Starts a new run, with the same options, of what did not succeed: ${names(again)}.`,
        kept.length > 0 && `Not repeated: ${names(kept)}.`].filter(Boolean),
      task: () => client.retry(run.id),
    });
    if (next) location.hash = path("runs", next.id);
  }

  async askToRollBack() {
    const { run } = this;
    this.refuse(null);
    this.rollBack.setAttribute("aria-disabled", "true");
    try {
      const done = await askToRollBack({
        title: `Roll back this run of ${run.pipeline}?`, movesWatermark: true, after: "The next run loads these rows again.",
        ask: (isPreview) => client.rollBack(run.id, isPreview),
      });
      if (done) this.onChange();
    } catch (problem) {
      this.refuse(problem);
    } finally {
      this.rollBack.removeAttribute("aria-disabled");
    }
  }
}
