// How far each step has come, how its watermark got there, and setting it back.

import * as client from "../client.js";
import { shownValue, typedValue } from "../cursors.js";
import { field, open, stay } from "../dialog.js";
import { announce, button, fill, link, make, path, time } from "../elements.js";
import { counted } from "../format.js";

const changesShown = 50;

export class Watermarks {
  constructor(name, signal, onChange) {
    this.name = name;
    this.signal = signal;
    this.onChange = onChange;
    this.parts = new Map();
    this.list = make("div", { class: "marks" });
    this.element = make("section", { class: "panel" }, make("h2", {}, "Watermarks"), this.list);
  }

  /** Shows the watermarks of the steps that have a cursor; their histories are read again when `isMoved`. */
  show(pipeline, isMoved) {
    const steps = pipeline.steps.filter((step) => step.cursor);
    const marks = new Map(pipeline.watermarks.map((mark) => [mark.step, mark]));
    this.element.hidden = steps.length === 0;
    const names = new Set(steps.map(({ name }) => name));
    for (const [name, part] of this.parts) if (!names.has(name)) { part.element.remove(); this.parts.delete(name); }
    for (const step of steps) {
      if (!this.parts.has(step.name)) {
        this.parts.set(step.name, new Part(this.name, step, this.signal, this.onChange));
        this.list.append(this.parts.get(step.name).element);
      }
      this.parts.get(step.name).show(step, marks.get(step.name), isMoved);
    }
  }
}

/** One step's watermark. */
class Part {
  constructor(pipeline, step, signal, onChange) {
    Object.assign(this, { pipeline, step, signal, onChange });
    this.value = make("div", { class: "mark-value" });
    this.set = button("Set…", () => this.rewind(), { "aria-label": `Set the watermark of ${step.name}` });
    this.history = make("div", {});
    this.fold = make("details", { on: { toggle: () => this.load() } }, make("summary", {}, "History"), this.history);
    this.element = make("div", { class: "mark" },
      make("div", { class: "panel-head" }, make("div", {}, make("h3", {}, step.name), this.value), this.set), this.fold);
  }

  show(step, mark, isMoved) {
    this.step = step;
    const key = JSON.stringify(mark ?? null);
    if (key !== this.key) {
      this.key = key;
      this.mark = mark ?? null;
      fill(this.value, make("code", {}, shownValue(mark?.value)),
        mark && make("span", { class: "soft" }, " moved ", time(mark.updated_at), ` · version ${mark.version}`),
        mark?.verified_at && make("span", { class: "soft" }, " · verified through ", make("code", {}, shownValue(mark.verified_through, "nothing")), " ", time(mark.verified_at)));
    }
    if (isMoved) this.load();
  }

  async load() {
    if (!this.fold.open) return;
    try {
      const changes = await client.watermarkHistory(this.pipeline, this.step.name, changesShown, this.signal);
      fill(this.history, changes.length > 0 ? historyTable(changes, (value) => this.rewind(value)) : make("p", { class: "quiet-words" }, "It was never moved."));
    } catch (problem) {
      if (!(problem instanceof client.Problem)) throw problem;
    }
  }

  /** Asks where to set the watermark; shows what the next run would read before anything changes. */
  async rewind(value = this.mark?.value) {
    const { pipeline, step } = this;
    const input = make("input", { name: "value", required: true, autocomplete: "off", spellcheck: "false", value: value === null || value === undefined ? "" : shownValue(value) });
    const reason = make("input", { name: "reason", autocomplete: "off", maxlength: "500" });
    let previewed = null;
    const done = await open({
      title: `Set the watermark of ${step.name}`,
      body: [
        `It stands at ${shownValue(this.mark?.value)}. The next run reads what lies above it, less the lookback. Nothing changes until you have seen what that would be.`,
        field("New watermark", input, "Written as the cursor column holds it."),
        field("Reason", reason, "For the history."),
      ],
      action: "Preview",
      task: async (data, { tell, rename, form }) => {
        const typed = data.get("value");
        const body = `{"value":${typedValue(step, this.mark?.value, typed)},"reason":${JSON.stringify(data.get("reason") || null)}}`;
        if (previewed?.typed === typed) return client.setWatermark(pipeline, step.name, body, previewed.tag, false);
        const tag = await this.tag();
        const preview = await client.setWatermark(pipeline, step.name, body, tag, true);
        previewed = { typed, tag };
        tell(previewWords(preview));
        rename("Set the watermark", preview.rows_skipped > 0);
        form.addEventListener("input", (event) => {
          if (event.target !== input) return;
          previewed = null;
          tell();
          rename("Preview", false);
        }, { once: true });
        return stay;
      },
    });
    if (!done) return;
    announce(`The watermark of ${step.name} is set`);
    this.onChange();
  }

  /** The tag of the watermark as it stands; null while there is none. */
  async tag() {
    try {
      return (await client.watermark(this.pipeline, this.step.name, this.signal)).tag;
    } catch (problem) {
      if (problem.status === 404) return null;
      throw problem;
    }
  }
}

const previewWords = ({ current, proposed, rows_to_read: read, rows_skipped: skipped }) => make("div", { class: skipped > 0 ? "caution" : "preview" },
  make("p", {}, make("code", {}, shownValue(current)), " → ", make("code", {}, shownValue(proposed))),
  make("p", {}, `The next run would read ${counted(read, "row")}.`),
  skipped > 0 && make("p", {}, make("strong", {}, `${counted(skipped, "row")} above the current watermark would be passed over and not loaded.`)));

function historyTable(changes, rewind) {
  return make("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "History" }, make("table", { class: "table" },
    make("thead", {}, make("tr", {}, ["Moved", "Value", "By", ""].map((head) => head ? make("th", { scope: "col" }, head) : make("td", {})))),
    make("tbody", {}, changes.map((change) => make("tr", {},
      make("td", {}, time(change.updated_at, { clock: true })),
      make("td", {}, change.value === null ? make("span", { class: "soft" }, "removed") : make("code", {}, shownValue(change.value))),
      make("td", {}, change.run ? link(path("runs", change.run), "a run") : `a person${change.reason ? `: ${change.reason}` : ""}`),
      make("td", { class: "figure" }, change.value !== null && button("Back to this…", () => rewind(change.value), { class: "quiet" })))))));
}
