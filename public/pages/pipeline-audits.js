// Comparisons of source and destination: what they found, and asking for another.

import * as client from "../client.js";
import { shownValue } from "../cursors.js";
import { field, open, tick } from "../dialog.js";
import { announce, button, fill, make, state, time, trouble } from "../elements.js";
import { counted, cursorText, number } from "../format.js";
import { isActive, toneOf, wordOf } from "../states.js";

const shown = 10;

export class Audits {
  constructor(name, signal) {
    this.name = name;
    this.signal = signal;
    this.audits = [];
    this.list = make("div", { class: "audits" });
    this.start = button("Audit…", () => this.ask());
    this.element = make("section", { class: "panel" }, make("div", { class: "panel-head" }, make("h2", {}, "Audits"), this.start), this.list);
  }

  /** Reads the newest audits. */
  async load() {
    this.audits = await client.audits(this.name, shown, this.signal);
  }

  /** Shows them. */
  show(pipeline) {
    this.pipeline = pipeline;
    this.element.hidden = !pipeline.steps.some(isLoad);
    const key = JSON.stringify(this.audits);
    if (key === this.key) return;
    this.key = key;
    const opened = new Set([...this.list.querySelectorAll("details[open]")].map((fold) => fold.dataset.audit));
    fill(this.list, this.audits.length > 0 ? this.audits.map((audit) => this.line(audit, opened.has(audit.id)))
      : make("p", { class: "quiet-words" }, "None yet. An audit compares every row below the watermark on both sides, byte for byte, and holds up no load."));
  }

  line(audit, isOpen) {
    const differs = audit.missing + audit.extra + audit.different > 0;
    const actions = [
      isActive(audit.state) && button("Cancel", () => this.cancel(audit), { class: "quiet" }),
      audit.healed && !audit.rolled_back_at && audit.state === "success" && button("Put back…", () => this.rollBack(audit), { class: "quiet" }),
    ];
    return make("div", { class: "audit" },
      make("div", { class: "panel-head" },
        make("p", {}, state(differs ? "warn" : toneOf(audit.state), outcome(audit)), make("span", { class: "soft" }, ` ${audit.step} · `, time(audit.finished_at ?? audit.created_at))),
        make("div", { class: "actions" }, actions)),
      audit.error && trouble(audit.error),
      audit.warnings.map((warning) => make("p", { class: "warned" }, warning.message)),
      differs && make("details", { open: isOpen, data: { audit: audit.id } }, make("summary", {}, "What differs"), differences(audit)));
  }

  async ask() {
    const steps = this.pipeline.steps.filter(isLoad);
    const step = make("select", { name: "step" }, steps.map(({ name }) => make("option", { value: name }, name)));
    const interval = make("select", { name: "interval" }, [["", "As suits the cursor"], ...["hour", "day", "week", "month", "year"].map((unit) => [unit, `By ${unit}`])]
      .map(([value, label]) => make("option", { value }, label)));
    const audit = await open({
      title: `Audit ${this.name}`,
      body: [
        "Compares every row at or below the watermark, as of one moment. Without mending it changes nothing.",
        steps.length > 1 && field("Step", step), field("Count by", interval, "How wide the parts are that differences are counted by."),
        tick("Mend what differs", "heal", { help: "Inserts missing rows and updates different ones, in one transaction. It can be put back." }),
        tick("Delete extra rows", "delete_extra", { help: "With mending: rows that the source lacks." }),
        tick("Allow to shrink", "allow_shrink", { help: "With deleting: more rows than max_shrink allows." }),
      ].filter(Boolean),
      action: "Start the audit",
      task: (data) => client.startAudit(this.name, {
        step: steps.length > 1 ? data.get("step") : steps[0].name, interval: data.get("interval") || null, heal: data.has("heal"),
        delete_extra: data.has("delete_extra"), allow_shrink: data.has("allow_shrink"),
      }),
    });
    if (audit) announce("The audit is queued");
  }

  async cancel(audit) {
    try {
      await client.cancelAudit(audit.id);
    } catch (problem) {
      announce(`${problem.message} ${problem.hint}`);
    }
  }

  rollBack(audit) {
    return open({
      title: "Put back what this audit mended?",
      body: [`${number(audit.healed.missing)} inserted, ${number(audit.healed.different)} updated and ${number(audit.healed.extra)} deleted rows become again what they were before it. This cannot be undone; another audit finds the differences again.`],
      action: "Put back", isGrave: true,
      task: () => client.rollBackAudit(audit.id),
    });
  }
}

/** Whether a step is a load, which alone can be audited and backfilled. */
export const isLoad = (step) => (step.kind ?? "load") === "load";

function outcome(audit) {
  if (audit.state !== "success") return wordOf(audit.state);
  const found = ["missing", "extra", "different"].filter((kind) => audit[kind] > 0).map((kind) => `${number(audit[kind])} ${kind}`);
  const rows = counted(audit.source_rows ?? 0, "row");
  const words = found.length > 0 ? `${found.join(", ")} of ${rows}` : `${rows}, all the same`;
  if (audit.rolled_back_at) return `${words}, put back`;
  return audit.healed ? `${words} after mending` : words;
}

function differences(audit) {
  return make("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "Differences" },
    audit.partitions.length > 0 && make("table", { class: "table" }, make("caption", {}, "Parts that differ"),
      make("thead", {}, make("tr", {}, ["From", "Source", "Destination", "Missing", "Extra", "Different"].map((head, place) => make("th", { scope: "col", class: place > 0 ? "figure" : null }, head)))),
      make("tbody", {}, audit.partitions.slice(0, 100).map((part) => make("tr", {}, make("th", { scope: "row" }, make("code", {}, shownValue(part.start, "no place"))),
        ["source_rows", "destination_rows", "missing", "extra", "different"].map((figure) => make("td", { class: "figure" }, number(part[figure]))))))),
    audit.samples.length > 0 && make("table", { class: "table" }, make("caption", {}, "Some of the rows"),
      make("thead", {}, make("tr", {}, ["Row", "Is", "Columns that differ"].map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, audit.samples.map((sample) => make("tr", {},
        make("th", { scope: "row" }, make("code", {}, Object.entries(sample.key).map(([column, value]) => `${column} = ${cursorText(value) ?? "NULL"}`).join(", "))),
        make("td", {}, sample.kind), make("td", {}, sample.columns.join(", ")))))));
}
