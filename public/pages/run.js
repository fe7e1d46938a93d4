// One run: what became of it, step by step.

import * as client from "../client.js";
import { fill, link, make, path, state, time, trouble } from "../elements.js";
import { duration, number } from "../format.js";
import * as live from "../live.js";
import { toneOf, wordOf } from "../states.js";

export const page = {
  title: () => "Run",
  async open(root, { run: id }, signal) {
    const load = async () => draw(root, await client.run(id, signal));
    await load();
    live.follow({ event: (event) => { if (event.run === id) load(); }, refresh: load }, signal);
  },
};

function draw(root, run) {
  fill(root,
    make("h1", {}, "Run of ", link(path("pipelines", run.pipeline), run.pipeline)),
    make("p", {}, state(toneOf(run.state), wordOf(run.state)), " ", time(run.started_at ?? run.created_at), " ", duration(run.duration_seconds)),
    run.error && trouble(run.error),
    make("table", { class: "table" }, make("caption", {}, "Steps"),
      make("thead", {}, make("tr", {}, ["Step", "State", "Read", "Inserted", "Updated", "Deleted"].map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, run.steps.map((step) => make("tr", {}, make("th", { scope: "row" }, step.name),
        make("td", {}, state(toneOf(step.state), wordOf(step.state))),
        ["read", "inserted", "updated", "deleted"].map((change) => make("td", { class: "figure" }, number(step[`rows_${change}`]))))))));
}
