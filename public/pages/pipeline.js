// One pipeline: its steps, how far each has come, and what became of the last run.

import * as client from "../client.js";
import { fill, link, make, path, state, time, trouble } from "../elements.js";
import { cursorText, number } from "../format.js";
import * as live from "../live.js";
import { toneOf, wordOf } from "../states.js";

export const page = {
  section: "#/",
  title: ({ pipeline }) => pipeline,
  async open(root, { pipeline: name }, signal) {
    const load = async () => draw(root, await client.pipeline(name, signal));
    await load();
    live.follow({ event: (event) => { if (event.pipeline === name) load(); }, refresh: load }, signal);
  },
};

function draw(root, pipeline) {
  const run = pipeline.last_run;
  const marks = new Map(pipeline.watermarks.map((watermark) => [watermark.step, watermark]));
  const loads = new Map((run?.steps ?? []).map((step) => [step.name, step]));
  fill(root,
    make("h1", {}, pipeline.name), pipeline.description && make("p", { class: "soft" }, pipeline.description),
    run && make("p", {}, state(toneOf(run.state), wordOf(run.state)), " ", time(run.finished_at ?? run.created_at), " ",
      link(path("runs", run.id), "the run")),
    run?.error && trouble(run.error),
    make("table", { class: "table" }, make("caption", {}, "Steps"),
      make("thead", {}, make("tr", {}, ["Step", "Strategy", "Watermark", "Last load"].map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, pipeline.steps.map((step) => make("tr", {}, make("th", { scope: "row" }, step.name),
        make("td", {}, step.strategy ?? step.kind),
        make("td", {}, make("code", {}, cursorText(marks.get(step.name)?.value) ?? "none")),
        make("td", {}, loads.has(step.name) && `${number(loads.get(step.name).rows_read)} rows read`))))));
}
