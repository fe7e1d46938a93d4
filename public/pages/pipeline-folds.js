// What is asked for only when it is opened: the plan of the next run, the history of freshness, the document.

import * as client from "../client.js";
import { shownValue } from "../cursors.js";
import { fill, make, state, time, trouble, withTimes } from "../elements.js";
import { counted, sentence } from "../format.js";
import { toneOf, wordOf } from "../states.js";

// What an answer adds to the document.
const added = new Set(["version", "created_at", "updated_at", "last_run", "watermarks", "schedule_status", "held_by", "freshness_status", "upstreams"]);

export class Folds {
  constructor(name, signal) {
    this.name = name;
    this.signal = signal;
    this.plan = this.fold("Plan of the next run", () => client.plan(name, signal), planWords);
    this.freshness = this.fold("History of freshness", () => client.freshnessHistory(name, 50, signal), freshnessTable);
    this.document = make("pre", { tabindex: "0", "aria-label": "Document" });
    this.version = make("span", { class: "soft" });
    this.element = make("div", { class: "folds" }, this.plan.element, this.freshness.element,
      make("details", { class: "panel" }, make("summary", {}, "Document ", this.version), this.document));
  }

  /** A fold whose content is read when it is opened. */
  fold(title, read, show) {
    const body = make("div", {});
    const load = async () => {
      if (!element.open) return;
      try {
        fill(body, show(await read()));
      } catch (problem) {
        if (this.signal.aborted) return;
        fill(body, trouble(problem));
      }
    };
    const element = make("details", { class: "panel", on: { toggle: load } }, make("summary", {}, title), body);
    return { element, load };
  }

  /** Shows the document. */
  show(pipeline) {
    this.freshness.element.hidden = !pipeline.freshness_status;
    const key = pipeline.version;
    if (key === this.key) return;
    this.key = key;
    const document = Object.fromEntries(Object.entries(pipeline).filter(([name]) => !added.has(name)));
    fill(this.document, make("code", {}, JSON.stringify(document, null, 2)));
    fill(this.version, `version ${pipeline.version}, `, time(pipeline.updated_at, { exact: true }));
  }

  /** Reads what has changed, where it is open. */
  renew() { this.freshness.load(); }
}

const planWords = ({ steps }) => make("div", { class: "plan" }, make("p", { class: "soft" }, "As of now; nothing was changed."), steps.map((step) => make("div", {},
  make("h3", {}, step.name),
  make("p", {}, step.kind === "sql" ? `${counted(step.statements.length, "statement")}` : `${counted(step.rows, "row")} to read`,
    step.from !== null && [", from ", make("code", {}, shownValue(step.from))], step.to !== null && [" to ", make("code", {}, shownValue(step.to))],
    step.creates_destination && ", makes the destination table"),
  step.warnings.map((warning) => make("p", { class: "warned" }, warning.message)),
  step.full_scans.length > 0 && make("p", { class: "warned" }, `Reads in full: ${step.full_scans.join(", ")}`),
  step.suggested_indexes.map((index) => make("p", { class: "soft" }, "This index would help: ", make("code", {}, index))),
  make("pre", { tabindex: "0", "aria-label": `Statements of ${step.name}` }, make("code", {}, step.statements.join(";\n\n"))))));

const freshnessTable = (changes) => changes.length === 0 ? make("p", { class: "quiet-words" }, "It has not changed yet.")
  : make("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "History of freshness" }, make("table", { class: "table" },
    make("thead", {}, make("tr", {}, ["Since", "Became", "Why"].map((head) => make("th", { scope: "col" }, head)))),
    make("tbody", {}, changes.map((change) => make("tr", {}, make("td", {}, time(change.since ?? change.at, { exact: true })),
      make("td", {}, state(toneOf(change.status), wordOf(change.status))), make("td", {}, withTimes(sentence(change.reason ?? ""))))))));
