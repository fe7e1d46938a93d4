// What can be done about a backfill, each with what it would do.

import * as backfills from "../backfills.js";
import { open } from "../dialog.js";
import { announce, button, fill, make, trouble, withTimes } from "../elements.js";
import { counted, number, sentence } from "../format.js";
import { askToRollBack } from "../rollback.js";

export class BackfillActions {
  constructor(id, { onChange }) {
    this.id = id;
    this.onChange = onChange;
    this.pause = button("Pause", () => this.change("pause", "No further partition starts"), { title: "No further partition starts; those in hand come to their end." });
    this.resume = button("Resume", () => this.change("resume", "The backfill goes on"), { class: "main", title: "It goes on where it was paused." });
    this.cancel = button("Cancel…", () => this.askToCancel());
    this.retry = button("Retry failed…", () => this.askToRetry(), { class: "main" });
    this.publish = button("Publish…", () => this.guard(this.publish, () => this.askToPublish()), { class: "main" });
    this.rollBack = button("Roll back…", () => this.guard(this.rollBack, () => this.askToRollBack()));
    this.refusal = make("div", { class: "refusal" });
    this.element = make("div", { class: "actions" }, this.cancel, this.rollBack, this.pause, this.resume, this.retry, this.publish);
  }

  /** Offers what the state allows. */
  show(backfill) {
    this.backfill = backfill;
    const { state } = backfill;
    this.pause.hidden = state !== "queued" && state !== "running";
    this.resume.hidden = state !== "paused";
    this.cancel.hidden = backfills.isOver(state);
    this.retry.hidden = state !== "failed" || backfill.partitions.failed === 0;
    this.publish.hidden = state !== "awaiting_publish";
    this.rollBack.hidden = !["success", "failed", "cancelled"].includes(state) || backfill.rows_written === 0;
  }

  refuse(problem) {
    fill(this.refusal, problem && trouble(problem, { role: "alert" }));
  }

  /** Does what may take a moment and be refused, once at a time. */
  async guard(control, work) {
    if (control.getAttribute("aria-disabled") === "true") return;
    this.refuse(null);
    control.setAttribute("aria-disabled", "true");
    try {
      if (await work()) this.onChange();
    } catch (problem) {
      this.refuse(problem);
    } finally {
      control.removeAttribute("aria-disabled");
    }
  }

  change(verb, words) {
    return this.guard(this[verb], async () => {
      await backfills.change(this.id, verb);
      announce(words);
      return true;
    });
  }

  async askToCancel() {
    const { backfill } = this;
    const { partitions } = backfill;
    this.refuse(null);
    const done = await open({
      title: "Cancel this backfill?", action: "Cancel the backfill", dismiss: "Let it go on", isGrave: true,
      body: [
        `It ends at once and for good. Not loaded any more: ${counted(partitions.pending + partitions.running, "partition")} of ${number(partitions.total)}.`,
        backfill.mode === "staged" ? `What is staged is thrown away; ${backfill.destination.table} stays as it is.`
          : `What is loaded stays in ${backfill.destination.table}. A rollback afterwards puts it back.`,
      ],
      task: () => backfills.change(this.id, "cancel"),
    });
    if (done) this.onChange();
  }

  async askToRetry() {
    this.refuse(null);
    const done = await open({
      title: "Load the failed partitions again?", action: "Retry",
      body: [`Loads ${counted(this.backfill.partitions.failed, "partition")} again, within the bounds that they had, and no others.`],
      task: () => backfills.change(this.id, "retry"),
    });
    if (done) this.onChange();
  }

  async askToPublish() {
    const { backfill } = this;
    const { publish: rows } = await backfills.publish(this.id, true);
    const found = backfill.reconciliation;
    const changes = ["inserted", "updated", "deleted"].map((change) => make("li", {}, `${counted(rows[`rows_${change}`], "row")} ${change}`));
    return open({
      title: `Publish into ${backfill.destination.table}?`, action: "Publish",
      body: [
        "Brings in what is staged, in one transaction: readers see the old rows of the range or the new ones, never a mixture.",
        make("div", { class: "putting-back" }, make("ul", {}, changes, make("li", {}, `${counted(rows.rows_unchanged, "row")} unchanged`))),
        found && !found.reconciled && make("div", { class: "caution" }, make("p", {}, `${counted(found.partitions_unreconciled, "partition")} did not reconcile with the source: ${number(found.source_rows)} rows there, ${number(found.shadow_rows)} staged.`)),
        rows.warnings.map((warning) => make("p", { class: "warned" }, withTimes(sentence(warning.message)))),
        make("p", { class: "soft" }, "Rows that runs have loaded since they were staged stay as they are, being newer. It can be rolled back."),
      ].flat().filter(Boolean),
      task: () => backfills.publish(this.id, false),
    });
  }

  askToRollBack() {
    return askToRollBack({
      title: "Roll back this backfill?", movesWatermark: false, after: "The watermark stays where it is, so no run loads these rows again by itself.",
      ask: (isPreview) => backfills.rollBack(this.id, isPreview),
    });
  }
}
