// The steps of a pipeline: their graph, and what the last run did in each.

import { fill, make, state, time } from "../elements.js";
import { counted, few, number } from "../format.js";
import { graph, upstreamOf } from "../graph.js";
import { toneOf, wordOf } from "../states.js";
import { shownValue } from "../cursors.js";

export class Steps {
  constructor() {
    this.picture = make("div", {});
    this.body = make("tbody");
    this.element = make("section", { class: "panel" }, make("h2", {}, "Steps"), this.picture,
      make("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "Steps" },
        make("table", { class: "table steps" },
          make("thead", {}, make("tr", {}, ["Step", "Last run", "Finds change by", "Watermark", "Rows"].map((head) => make("th", { scope: "col" }, head)))),
          this.body)));
  }

  /** Shows the steps with what the last run did. */
  show(pipeline) {
    const run = pipeline.last_run;
    const key = JSON.stringify([pipeline.steps, pipeline.watermarks, run?.steps, run?.progress]);
    if (key === this.key) return;
    this.key = key;
    const loads = new Map((run?.steps ?? []).map((step) => [step.name, step]));
    const marks = new Map(pipeline.watermarks.map((mark) => [mark.step, mark]));
    const stateOf = (name) => loads.get(name)?.state ?? "never";
    const wordsOf = (step) => boxWords(step, loads.get(step.name), run);
    const scrolled = this.picture.firstElementChild?.scrollLeft ?? 0;
    fill(this.picture, pipeline.steps.length > 1 && graph(pipeline.steps, stateOf, wordsOf));
    if (this.picture.firstElementChild) this.picture.firstElementChild.scrollLeft = scrolled;
    fill(this.body, pipeline.steps.map((step) => line(step, loads.get(step.name), marks.get(step.name), run)));
  }
}

function boxWords(step, load, run) {
  if (load?.state === "running" && run.progress?.step === step.name) return `${few(run.progress.rows_read)} rows read`;
  if (load?.state === "success" && load.kind === "load") return `${few(load.rows_inserted + load.rows_updated + load.rows_deleted)} rows changed`;
  return wordOf(load?.state ?? "never");
}

function line(step, load, watermark, run) {
  const before = upstreamOf(step);
  const cursor = typeof step.cursor === "string" ? step.cursor : step.cursor?.column;
  const isLoad = (step.kind ?? "load") === "load";
  return make("tr", {},
    make("th", { scope: "row" }, step.name, make("span", { class: "under" }, wayOf(step), before.length > 0 && ` · after ${before.join(", ")}`)),
    make("td", {}, load ? state(toneOf(load.state), wordOf(load.state)) : state("idle", wordOf("never")),
      (load?.warnings ?? []).map((warning) => make("span", { class: "under warned" }, warning.message)),
      load?.error && make("span", { class: "under failed" }, load.error.message)),
    make("td", {}, isLoad ? step.strategy : "statements", cursor && make("span", { class: "under" }, `on ${cursor}`)),
    make("td", {}, watermark ? [make("code", {}, shownValue(watermark.value)), make("span", { class: "under" }, "moved ", time(watermark.updated_at))]
      : make("span", { class: "soft" }, cursor ? "none yet" : "needs none")),
    make("td", {}, rowsOf(load, run?.progress)));
}

function wayOf(step) {
  const from = step.source?.table ?? (step.source?.query ? "a query" : "");
  const places = [[step.source?.connection, from], [step.destination?.connection, step.destination?.table ?? ""]];
  return places.map((place) => place.filter(Boolean).join(": ")).filter(Boolean).join(" → ");
}

function rowsOf(load, progress) {
  if (!load || load.kind === "sql") return "";
  if (load.state === "running" && progress?.step === load.name) {
    return progress.rows_expected ? `${number(progress.rows_read)} of ${number(progress.rows_expected)} read` : `${counted(progress.rows_read, "row")} read`;
  }
  const words = [["inserted", "new"], ["updated", "changed"], ["deleted", "removed"], ["quarantined", "set aside"]]
    .filter(([change]) => load[`rows_${change}`] > 0).map(([change, word]) => `${number(load[`rows_${change}`])} ${word}`);
  if (words.length > 0) return words.join(", ");
  return load.state === "success" ? (load.rows_read > 0 ? `${counted(load.rows_read, "row")} read, none differed` : "nothing new") : "";
}
