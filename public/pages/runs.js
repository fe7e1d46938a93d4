// The runs of all pipelines, newest first, as they come and go.

import { missed, soon } from "../again.js";
import { button, fill, make } from "../elements.js";
import * as live from "../live.js";
import { keepInAddress } from "../router.js";
import { RunTable } from "../run-table.js";
import { toneOf, wordOf } from "../states.js";

const states = ["", "running", "queued", "failed", "cancelled", "success"];

export const page = {
  section: "#/runs",
  title: () => "Runs",
  async open(root, { query }, signal) {
    const asked = query.get("state");
    const runs = new RunsPage(root, states.includes(asked) ? asked : "", signal);
    await runs.table.load();
    runs.begin();
  },
};

class RunsPage {
  constructor(root, state, signal) {
    this.state = state;
    this.signal = signal;
    this.soon = soon(() => this.table.load(), 300, signal);
    this.table = new RunTable(this.query(), signal, { words: "There is no such run.", first: 30 });
    this.chips = make("div", { class: "chips", role: "group", "aria-label": "Show only" }, states.map((one) =>
      button([one && make("span", { class: "dot", "aria-hidden": "true" }), one ? wordOf(one) : "All"], () => this.choose(one),
        { class: "chip", "aria-pressed": String(one === state), data: { state: one, tone: toneOf(one) } })));
    fill(root, make("h1", {}, "Runs"), this.chips, this.table.element);
  }

  query() { return this.state ? { state: this.state } : {}; }

  begin() {
    live.follow({ event: ({ kind }) => { if (kind.startsWith("run_") || kind === "step_finished") this.soon(); }, refresh: () => this.soon() }, this.signal);
  }

  async choose(state) {
    this.state = state;
    for (const chip of this.chips.children) chip.setAttribute("aria-pressed", String(chip.dataset.state === state));
    keepInAddress({ state });
    await this.table.choose(this.query()).catch((problem) => missed(problem, this.signal));
  }
}
