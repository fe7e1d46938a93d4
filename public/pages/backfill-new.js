// Asks for a backfill: which range of which step, and how; then what it would do; only then it is started.

import * as backfills from "../backfills.js";
import * as client from "../client.js";
import { field, tick } from "../dialog.js";
import { announce, button, fill, link, make, mark, path, say, trouble } from "../elements.js";
import { clearFaults, showFaults } from "../faults.js";
import { counted } from "../format.js";
import { LedgerPanel } from "./backfill-ledger.js";
import { previewWords } from "./backfill-preview.js";

const intervals = [["", "As the step says"], ["hour", "Hours"], ["day", "Days"], ["week", "Weeks"], ["month", "Months"], ["year", "Years"], ["numbers", "Numbers of a column that counts"]];

export const page = {
  section: "#/backfills",
  title: () => "New backfill",
  async open(root, { query }, signal) {
    const pipelines = await client.pipelines(signal);
    new BackfillForm(root, pipelines, query, signal);
  },
};

const select = (name, options, chosen) => make("select", { name }, options.map(([value, label]) => make("option", { value, selected: value === chosen }, label)));
const choice = (name, value, label, help, checked) => make("label", { class: "choice" }, make("input", { type: "radio", name, value, checked }), make("span", {}, label, make("span", { class: "help" }, help)));
const isSliced = (step) => step.kind !== "sql" && step.strategy !== "cdc";

class BackfillForm {
  constructor(root, pipelines, query, signal) {
    this.signal = signal;
    this.pipelines = new Map(pipelines.filter(({ steps }) => steps.some(isSliced)).map((pipeline) => [pipeline.name, pipeline]));
    const heading = make("header", { class: "page-head" }, make("div", {}, make("p", { class: "crumbs" }, link("#/backfills", "Backfills")), make("h1", {}, "New backfill"),
      make("p", { class: "soft" }, "Loads a range again, partition by partition. Nothing is started before you have seen what it would do.")));
    if (this.pipelines.size === 0) {
      fill(root, heading, make("section", { class: "empty panel" }, make("h2", {}, "No pipeline can be backfilled"),
        make("p", {}, "A backfill loads rows of a table by a column. ", pipelines.length > 0 ? "None of the pipelines has such a step." : ["There are no pipelines yet: ", link("#/", "make one first"), "."])));
      return;
    }
    this.makeControls(query);
    this.ledger = new LedgerPanel({ onFill: () => this.fillGaps() });
    this.trouble = make("div", { class: "refusal" });
    this.look = make("button", { type: "submit", class: "main" }, "Show what it would do");
    this.go = button("Start the backfill", () => this.start(), { class: "main" });
    this.verdict = make("h2", { id: "preview-head", tabindex: "-1" });
    this.preview = make("section", { class: "panel preview-panel", hidden: true, "aria-labelledby": "preview-head" });
    this.form = make("form", { class: "ask", novalidate: true, on: {
      submit: (event) => { event.preventDefault(); this.show(); }, input: () => this.outdate(), change: (event) => this.adapt(event.target),
    } }, this.sections(), this.trouble, make("div", { class: "actions" }, this.look));
    fill(root, heading, this.form, this.preview);
    this.form.querySelector(".panel").after(this.ledger.element);
    this.choosePipeline(query.get("step"));
  }

  makeControls(query) {
    const names = [...this.pipelines.keys()];
    this.pipeline = select("pipeline", names.map((name) => [name, name]), query.get("pipeline"));
    this.step = make("select", { name: "step" });
    this.startAt = make("input", { name: "start", value: query.get("start"), autocomplete: "off" });
    this.endAt = make("input", { name: "end", value: query.get("end"), autocomplete: "off" });
    this.interval = select("interval", intervals, "");
    this.width = make("input", { name: "width", inputmode: "numeric", autocomplete: "off", placeholder: "10000" });
    this.column = make("input", { name: "column", autocomplete: "off", spellcheck: "false", list: "columns" });
    this.columns = make("datalist", { id: "columns" });
    this.timezone = make("input", { name: "timezone", autocomplete: "off", spellcheck: "false", list: "zones" });
    this.zones = make("datalist", { id: "zones" }, ["UTC", ...Intl.supportedValuesOf?.("timeZone") ?? []].map((zone) => make("option", { value: zone })));
  }

  sections() {
    const interval = field("Cut into", this.interval);
    this.widthField = field("Numbers in each", this.width);
    this.autoPublish = tick("Publish by itself", "auto_publish", { help: "When every partition reconciles with the source." });
    return [
      make("section", { class: "panel" }, make("fieldset", {}, make("legend", {}, "What"), field("Pipeline", this.pipeline), field("Step", this.step))),
      make("section", { class: "panel" }, make("fieldset", {}, make("legend", {}, "Which range"),
        make("div", { class: "choices", role: "radiogroup", "aria-label": "Range" },
          choice("range", "", "From a place to a place", "The start is included, the end is not.", true),
          choice("range", "gaps", "What is missing", "The gaps that the step's ledger shows, within a start and an end where you give them.", false)),
        field("Start", this.startAt, "The first that is loaded."), field("End", this.endAt, "The first that is not loaded any more."), interval, this.widthField,
        field("By the column", this.column, "What says when a row happened, or counts."), field("In the time zone", this.timezone, "Whose days and months are meant."),
        this.columns, this.zones)),
      make("section", { class: "panel" }, make("fieldset", {}, make("legend", {}, "How"),
        make("div", { class: "choices", role: "radiogroup", "aria-label": "Mode" },
          choice("mode", "direct", "Straight into the table", "Partition by partition, each in a transaction of its own.", true),
          choice("mode", "staged", "Beside the table, then published", "Readers see nothing until it is compared with the source and published, all at once.", false)),
        field("Order", select("order", [["asc", "Oldest first"], ["desc", "Newest first"]], "asc")),
        field("At once", select("parallelism", [1, 2, 3, 4].map((count) => [String(count), counted(count, "partition")]), "1")),
        field("Partitions tried before", select("reprocess", [["none", "Leave all of them out"], ["failed", "Load those that failed again"], ["completed", "Load all of them again"]], "none")),
        this.autoPublish, tick("Hold back what comes after", "hold_downstream", { help: "Pipelines that run after this one wait for its end, then run once." }),
        make("div", { class: "across" }, field("Reason", make("input", { name: "reason", maxlength: "1000", autocomplete: "off" }), "For whoever reads of it later.")),
        make("details", { class: "across" }, make("summary", {}, "Limits and formats"), make("fieldset", {},
          field("Most partitions", make("input", { name: "max_partitions", inputmode: "numeric", placeholder: "1000", autocomplete: "off" }), "More are refused."),
          field("Most rows in each", make("input", { name: "max_rows_per_partition", inputmode: "numeric", placeholder: "no limit", autocomplete: "off" }), "They are counted first."),
          field("Times are written as", select("format", [["", "As the step says"], ["iso8601", "ISO 8601 texts"], ["unix_seconds", "Unix seconds"], ["unix_millis", "Unix milliseconds"], ["unix_micros", "Unix microseconds"]], "")),
          tick("Allow to shrink", "allow_shrink", { help: "A partition may remove more rows than max_shrink allows." }))))),
    ];
  }

  /** Follows what was chosen with what depends on it. */
  adapt(control) {
    if (control === this.pipeline) this.choosePipeline();
    else if (control === this.step) this.chooseStep();
    this.dress();
    this.outdate();
  }

  choosePipeline(step) {
    const steps = this.pipelines.get(this.pipeline.value).steps.filter(isSliced);
    fill(this.step, steps.map(({ name }) => make("option", { value: name, selected: name === step }, name)));
    this.chooseStep();
    this.dress();
  }

  chooseStep() {
    const { name, steps } = this.pipelines.get(this.pipeline.value);
    const step = steps.find((one) => one.name === this.step.value);
    const own = typeof step.partition_by === "string" ? { column: step.partition_by } : step.partition_by ?? {};
    const cursor = typeof step.cursor === "string" ? step.cursor : step.cursor?.column;
    const usual = own.column ?? (step.strategy === "timestamp" ? cursor : undefined);
    this.usual = { interval: own.interval ?? (usual ? "day" : undefined) };
    mark(this.column, "placeholder", usual ?? "name one");
    mark(this.timezone, "placeholder", own.timezone ?? "UTC");
    say(this.interval.options[0], this.usual.interval ? `As the step says: ${backfills.intervalWords(this.usual.interval)}` : "Days");
    fill(this.columns, [...new Set([usual, cursor, ...step.primary_key ?? []].filter(Boolean))].map((column) => make("option", { value: column })));
    this.ledger.show(name, step.name, this.signal);
  }

  /** Gives the range the controls of its kind: days, hours or numbers. */
  dress() {
    const interval = this.interval.value || this.usual.interval;
    const kind = typeof interval === "number" || interval === "numbers" ? "text" : interval === "hour" ? "datetime-local" : "date";
    for (const input of [this.startAt, this.endAt]) {
      if (input.type === kind) continue;
      const { value } = input;
      input.type = kind;
      input.value = kind === "date" ? value.slice(0, 10) : kind === "datetime-local" && /^\d{4}-\d\d-\d\d$/.test(value) ? `${value}T00:00` : input.value;
      mark(input, "inputmode", kind === "text" ? "numeric" : null);
    }
    this.widthField.hidden = this.interval.value !== "numbers";
    this.autoPublish.hidden = this.form.elements.mode.value !== "staged";
  }

  /** The request that the form stands for, as JSON: digits stay the digits that they are. */
  request() {
    const data = new FormData(this.form);
    const text = (name) => String(data.get(name) ?? "").trim();
    const pairs = [];
    const add = (name, json) => pairs.push(`${JSON.stringify(name)}:${json}`);
    const word = (name) => { if (text(name) !== "") add(name, JSON.stringify(text(name))); };
    const whole = (name, value) => { if (value !== "") add(name, /^-?\d+$/.test(value) ? value.replace(/^(-?)0+(?=\d)/, "$1") : JSON.stringify(value)); };
    for (const name of ["pipeline", "step", "range", "column", "timezone", "format", "order", "mode", "reprocess", "reason"]) word(name);
    if (text("interval") === "numbers") whole("interval", text("width") || this.width.placeholder);
    else word("interval");
    for (const [name, input] of [["start", this.startAt], ["end", this.endAt]]) {
      if (input.type === "text") whole(name, text(name));
      else word(name);
    }
    for (const name of ["parallelism", "max_partitions", "max_rows_per_partition"]) whole(name, text(name));
    for (const name of ["hold_downstream", "allow_shrink"]) if (data.has(name)) add(name, "true");
    if (data.has("auto_publish") && text("mode") === "staged") add("auto_publish", "true");
    return `{${pairs.join(",")}}`;
  }

  fillGaps() {
    this.form.elements.range.value = "gaps";
    this.startAt.value = "";
    this.endAt.value = "";
    this.show();
  }

  /** What was shown is no longer what would be done. */
  outdate() {
    if (this.preview.hidden || this.request() === this.shown) return;
    mark(this.preview, "data-stale", "");
    mark(this.go, "aria-disabled", "true");
    say(this.verdict, "The form has changed: ask again what it would do");
  }

  refuse(problem) {
    fill(this.trouble);
    if (!showFaults(this.form, problem)) fill(this.trouble, trouble(problem, { role: "alert" }));
    else announce(problem.message);
  }

  /** Asks what it would do, and shows that. */
  async show() {
    if (this.look.getAttribute("aria-disabled") === "true") return;
    clearFaults(this.form);
    fill(this.trouble);
    const request = this.request();
    this.look.setAttribute("aria-disabled", "true");
    say(this.look, "Counting rows…");
    try {
      const preview = await backfills.start(request, true, this.signal);
      this.shown = request;
      say(this.verdict, preview.partition_count > 0 ? `It would load ${counted(preview.partition_count, "partition")}` : "There is nothing to load");
      this.preview.removeAttribute("data-stale");
      this.preview.hidden = false;
      mark(this.go, "aria-disabled", preview.partition_count > 0 ? null : "true");
      fill(this.preview, make("div", { class: "preview-head" }, this.verdict, this.go), previewWords(preview));
      this.outdate();
      this.verdict.focus({ preventScroll: true });
      this.preview.scrollIntoView({ block: "start" });
    } catch (problem) {
      this.preview.hidden = true;
      this.fail(problem);
    } finally {
      this.look.removeAttribute("aria-disabled");
      say(this.look, "Show what it would do");
    }
  }

  async start() {
    if (this.go.getAttribute("aria-disabled") === "true") return;
    this.go.setAttribute("aria-disabled", "true");
    try {
      const made = await backfills.start(this.shown, false);
      location.hash = path("backfills", made.id);
    } catch (problem) {
      this.go.removeAttribute("aria-disabled");
      this.fail(problem);
    }
  }

  fail(problem) {
    if (this.signal.aborted) return;
    if (!(problem instanceof client.Problem)) throw problem;
    this.refuse(problem);
  }
}
