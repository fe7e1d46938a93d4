// The steps of a run: what each read and wrote, what its checks found, and why it failed.

import { fill, make, state, trouble, withTimes } from "../elements.js";
import { cursorText, duration, number, sentence } from "../format.js";
import { toneOf, wordOf } from "../states.js";
import { manifestFold } from "./run-manifest.js";

const counts = [
  ["rows_read", "Read"], ["rows_inserted", "Inserted"], ["rows_updated", "Updated"], ["rows_unchanged", "Unchanged"],
  ["rows_deleted", "Deleted"], ["rows_quarantined", "Set aside"],
];

/** A row's key, or what was checked, as `name value` pairs. */
export const keyWords = (sample) => make("code", { class: "sample" },
  Object.entries(sample).map(([name, value]) => `${name} = ${value === null ? "NULL" : cursorText(value)}`).join(", "));

/** Things to know though the work went on. */
export const warningList = (warnings) => warnings.length > 0 && make("ul", { class: "warnings", "aria-label": "Warnings" }, warnings.map((warning) =>
  make("li", {}, make("span", { class: "warned" }, withTimes(sentence(warning.message))), make("code", { class: "soft" }, warning.code))));

function check(found) {
  const tone = found.state === "passed" ? "good" : found.severity === "warn" ? "warn" : "bad";
  return make("li", {},
    make("p", {}, state(tone, found.state === "passed" ? "Passed" : found.severity === "warn" ? "Failed (warns)" : "Failed"),
      make("strong", {}, ` ${found.name} `), make("span", { class: "soft" }, found.message)),
    found.samples.length > 0 && make("p", { class: "samples small" }, make("span", { class: "soft" }, "Such as "), found.samples.map(keyWords)));
}

function marks(step) {
  if (step.watermark_after === null && step.watermark_before === null) return null;
  const [before, after] = [step.watermark_before, step.watermark_after].map((value) => cursorText(value) ?? "none");
  return make("div", {}, make("dt", {}, "Watermark"), make("dd", {}, make("code", {}, before), before !== after && [" → ", make("code", {}, after)]));
}

function body(step) {
  const done = step.state !== "pending" && step.state !== "skipped";
  return [
    step.error && (step.state === "skipped" ? make("p", { class: "soft" }, sentence(step.error.message)) : trouble(step.error)),
    warningList(step.warnings),
    done && make("dl", { class: "facts counts" }, counts.filter(([key]) => key !== "rows_quarantined" || step[key] > 0).map(([key, label]) =>
      make("div", { class: step[key] > 0 ? null : "none" }, make("dt", {}, label), make("dd", {}, number(step[key]))))),
    (step.window || marks(step)) && make("dl", { class: "facts wide-facts" },
      step.window && make("div", {}, make("dt", {}, "Window"), make("dd", {}, make("code", {}, step.window))), marks(step)),
    step.checks.length > 0 && make("ul", { class: "checks", "aria-label": `Checks of ${step.name}` }, step.checks.map(check)),
    manifestFold(step.manifest),
  ];
}

/** Puts other content into an element and leaves open what was open in it. */
export function refill(element, ...children) {
  const opened = new Set([...element.querySelectorAll("details[open]")].map((fold) => fold.dataset.fold));
  fill(element, ...children);
  for (const fold of element.querySelectorAll("details")) if (opened.has(fold.dataset.fold)) fold.open = true;
}

export class RunSteps {
  constructor() {
    this.shown = new Map();
    this.element = make("div", { class: "run-steps" });
  }

  /** Shows what has changed. */
  show(run) {
    for (const step of run.steps) {
      const key = JSON.stringify(step);
      let place = this.shown.get(step.name);
      if (!place) {
        place = { element: make("section", { class: "panel run-step", "aria-label": `Step ${step.name}` }) };
        this.shown.set(step.name, place);
        this.element.append(place.element);
      }
      if (place.key === key) continue;
      place.key = key;
      place.element.dataset.tone = toneOf(step.state);
      const kind = step.kind === "sql" ? "statements" : step.strategy;
      refill(place.element,
        make("div", { class: "panel-head" }, make("h2", {}, step.name),
          make("p", { class: "step-state" }, state(toneOf(step.state), wordOf(step.state)),
            make("span", { class: "soft" }, [kind, duration(step.duration_seconds)].filter(Boolean).map((word) => ` · ${word}`).join("")))),
        body(step));
    }
  }
}
