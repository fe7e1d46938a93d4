// Putting back what a run or a backfill has changed: first what that would do, then whether to.

import { open } from "./dialog.js";
import { make, withTimes } from "./elements.js";
import { counted, cursorText, sentence } from "./format.js";

const lines = (step) => [
  step.table_dropped && "drops the table, which it had made",
  step.table_swapped && "puts the table back that it had replaced",
  step.rows_removed > 0 && `removes ${counted(step.rows_removed, "row")} that it inserted`,
  step.rows_reverted > 0 && `puts ${counted(step.rows_reverted, "row")} back to what ${step.rows_reverted === 1 ? "it was" : "they were"}`,
  step.rows_restored > 0 && `brings ${counted(step.rows_restored, "row")} back that it deleted`,
  step.columns_dropped.length > 0 && `drops ${step.columns_dropped.join(", ")}, which it had added`,
  step.kept_as && `keeps the table as it is now as ${step.kept_as} for a while`,
].filter(Boolean);

/** What the rollback of each step would do. */
const stepWords = (steps, movesWatermark) => make("div", { class: "putting-back" }, steps.map((step) => {
  const effects = lines(step);
  return make("section", {},
    make("h3", {}, step.step, make("span", { class: "soft" }, ` in ${step.table}`)),
    make("ul", {}, effects.length > 0 ? effects.map((effect) => make("li", {}, effect)) : make("li", {}, "changes no row"),
      movesWatermark && make("li", {}, "puts the watermark back to ", make("code", {}, cursorText(step.watermark) ?? "none"))),
    step.note && make("p", { class: "warned" }, withTimes(sentence(step.note))));
}));

/**
 * Says what a rollback would do and asks whether to do it; null when it was not. `ask(isPreview)` asks the server, and throws
 * its refusal. `after` says what comes then.
 */
export async function askToRollBack({ title, ask, after, movesWatermark }) {
  const { rollback: steps } = await ask(true);
  return open({
    title, action: "Roll back", isGrave: true,
    body: steps.length > 0
      ? ["In one transaction for each table, this", stepWords(steps, movesWatermark), make("p", { class: "soft" }, after, " There is no way to undo it but to load again.")]
      : ["There is nothing to put back: it changed nothing, or was rolled back before."],
    task: () => ask(false),
  });
}
