// One pipeline on the page. Its elements are made once and then only changed, so that focus and selection stay.

import { counted, duration, number, showTime, visible } from "./format.js";

const isActive = (run) => run?.state === "queued" || run?.state === "running";
const marksShown = 16;
const longest = 120;

/** Sets a text only where it differs, so that a screen reader and a selection are left in peace. */
function say(element, text) {
  const shown = visible(text);
  if (element.textContent !== shown) element.textContent = shown;
}

/** Says a text that may be very long: its beginning, and all of it when pointed at. */
function sayShort(element, text) {
  const isLong = text.length > longest;
  say(element, isLong ? `${text.slice(0, longest)}…` : text);
  if (isLong) element.title = visible(text);
  else element.removeAttribute("title");
}

function sums(run) {
  const total = { read: 0, inserted: 0, updated: 0, unchanged: 0, deleted: 0 };
  for (const step of run?.steps ?? []) {
    for (const key of Object.keys(total)) total[key] += step[`rows_${key}`] ?? 0;
  }
  return total;
}

/** What a load did, in words. */
function changes({ read, inserted, updated, deleted }) {
  const words = [];
  if (inserted) words.push(`${number(inserted)} new`);
  if (updated) words.push(`${number(updated)} changed`);
  if (deleted) words.push(`${number(deleted)} removed`);
  if (words.length) return words.join(", ");
  return read ? `${counted(read, "row")} read, none differed` : "nothing new";
}

function shownValue(value) {
  if (value === null || value === undefined) return null;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** A message as a sentence. */
function sentence(text) {
  if (!text) return "";
  const begun = text[0].toUpperCase() + text.slice(1);
  return /[.!?:…]$/.test(begun) ? begun : `${begun}.`;
}

const words = {
  success: "Success", failed: "Failed", running: "Running", queued: "Queued", cancelled: "Cancelled", never: "Not run yet",
};

export class Card {
  constructor(name, { onTrigger, onCancel }) {
    const template = document.getElementById("pipeline-template");
    this.name = name;
    this.element = template.content.firstElementChild.cloneNode(true);
    const find = (selector) => this.element.querySelector(selector);
    this.parts = Object.fromEntries(
      ["name", "description", "trigger", "cancel", "state", "word", "when", "rows", "took", "progress", "history", "trouble",
        "what", "parts", "remedy", "steps"].map((part) => [part, find(`.${part}`)]));
    this.body = find("tbody");
    this.rows = new Map();
    this.history = [];
    this.refusal = null;
    this.run = null;

    say(this.parts.name, name);
    this.parts.name.id = `pipeline-${name}`;
    this.element.setAttribute("aria-labelledby", this.parts.name.id);
    this.parts.trigger.setAttribute("aria-label", `Run ${name} now`);
    this.parts.cancel.setAttribute("aria-label", `Cancel the run of ${name}`);
    this.parts.trigger.addEventListener("click", () => { if (!this.isBusy) onTrigger(this); });
    this.parts.cancel.addEventListener("click", () => { if (this.run) onCancel(this, this.run.id); });
  }

  /** Whether a run of the pipeline is waiting or at work. */
  get isActive() { return isActive(this.run); }
  /** Whether another run cannot be asked for now. */
  get isBusy() { return this.isAsking || this.isActive; }

  /** Shows the pipeline's document. */
  showDocument(pipeline) {
    say(this.parts.description, pipeline.description ?? "");
    const steps = pipeline.steps ?? [];
    const names = new Set(steps.map((step) => step.name));
    for (const [name, row] of this.rows) {
      if (!names.has(name)) { row.element.remove(); this.rows.delete(name); }
    }
    for (const step of steps) {
      let row = this.rows.get(step.name);
      if (!row) {
        row = new StepRow(step.name);
        this.rows.set(step.name, row);
      }
      row.showDocument(step);
      this.body.append(row.element);
    }
  }

  /** Shows the watermarks of the pipeline, by step. */
  showWatermarks(watermarks) {
    for (const [name, row] of this.rows) row.showWatermark(watermarks.get(name));
  }

  /** Shows marks for the newest runs, newest first. */
  showHistory(runs) {
    this.history = runs.slice(0, marksShown).reverse();
    this.drawHistory();
  }

  /** Shows the last run; one that is older than what is shown came late and is passed over. */
  showRun(run) {
    if (this.run && run && this.run.id > run.id) return;
    if (this.run && this.run.id === run?.id && !isActive(this.run) && isActive(run)) return;
    // What was refused before is of no concern once a newer run is there.
    if (run?.id !== this.run?.id && this.run) this.refusal = null;
    this.run = run;
    this.draw();
  }

  /** Shows why what was asked for was refused; null takes it away. */
  showRefusal(problem) {
    this.refusal = problem;
    this.draw();
  }

  /** Shows that a run is being asked for. */
  showAsking(isAsking) {
    this.isAsking = isAsking;
    this.draw();
  }

  /** Brings the words that depend on the time of now up to date. */
  tick() {
    const { run, parts } = this;
    const isOver = run && !isActive(run);
    showTime(parts.when, isOver ? run.finished_at ?? run.created_at : null);
    let took = "";
    if (isOver && Number.isFinite(run.duration_seconds)) took = duration(run.duration_seconds);
    if (run?.state === "running" && run.started_at) {
      took = `for ${duration(Math.max(0, Math.floor((Date.now() - new Date(run.started_at)) / 1000)) || 0.5)}`;
      if (took === "for 500 ms") took = "just started";
    }
    say(parts.took, took);
    for (const row of this.rows.values()) row.tick();
  }

  draw() {
    const { run, parts, element } = this;
    const state = run?.state ?? "never";
    element.dataset.state = state;
    element.dataset.active = String(this.isActive);
    parts.state.dataset.state = state;
    say(parts.word, run?.retry_at && state === "queued" ? "Will try again" : words[state] ?? state);

    const total = sums(run);
    let rows = "";
    if (run?.state === "success") rows = changes(total);
    else if (run && (total.inserted || total.updated || total.deleted)) rows = changes(total);
    say(parts.rows, rows);

    parts.trigger.setAttribute("aria-disabled", String(this.isBusy));
    say(parts.trigger, this.isBusy ? (state === "queued" || !this.isActive ? "Waiting…" : "Running…") : "Run now");
    parts.cancel.hidden = !this.isActive;

    this.drawProgress();
    this.drawTrouble();
    for (const [name, row] of this.rows) row.showLoad(run?.steps?.find((step) => step.name === name));
    this.tick();
  }

  drawProgress() {
    const { progress } = this.parts;
    const { rows_read: read, rows_expected: expected } = this.run?.progress ?? {};
    progress.hidden = !(this.run?.state === "running" && expected > 0);
    if (progress.hidden) return;
    progress.max = expected;
    progress.value = Math.min(read, expected);
    this.element.dataset.active = "false";
    if (read > 0) say(this.parts.rows, `${number(read)} of ${counted(expected, "row")}`);
  }

  drawTrouble() {
    const { parts, refusal, run } = this;
    const error = refusal
      ? { what: sentence(refusal.message), remedy: sentence(refusal.hint), parts: refusal.parts }
      : run?.error
        ? { what: sentence(run.error.message ?? run.error.code), remedy: sentence(run.error.hint), parts: [] }
        : null;
    parts.trouble.hidden = !error;
    if (!error) return;
    say(parts.what, error.what);
    say(parts.remedy, error.remedy);
    parts.remedy.hidden = !error.remedy;
    parts.parts.hidden = error.parts.length === 0;
    parts.parts.replaceChildren(...error.parts.map((text) => item(text)));
  }

  drawHistory() {
    const runs = this.history;
    const { history } = this.parts;
    history.hidden = runs.length < 2;
    if (history.hidden) return;
    const most = Math.max(1, ...runs.map((run) => sums(run)).map((sum) => sum.inserted + sum.updated + sum.deleted));
    history.replaceChildren(...runs.map((run) => {
      const mark = document.createElement("span");
      const sum = sums(run);
      const changed = sum.inserted + sum.updated + sum.deleted;
      // A logarithm, so that the first load does not flatten all that follow.
      mark.className = changed ? `h${Math.max(1, Math.ceil((Math.log1p(changed) / Math.log1p(most)) * 4))}` : "h0";
      mark.dataset.state = run.state;
      const when = run.finished_at ? new Date(run.finished_at).toLocaleString() : "not over";
      mark.title = `${words[run.state] ?? run.state}, ${when}${run.state === "success" ? `: ${changes(sum)}` : ""}`;
      return mark;
    }));
    const tally = new Map();
    for (const run of runs) tally.set(run.state, (tally.get(run.state) ?? 0) + 1);
    const parts = [...tally].map(([state, count]) => `${count} ${words[state]?.toLowerCase() ?? state}`);
    history.setAttribute("aria-label", `The last ${runs.length} runs: ${parts.join(", ")}`);
  }
}

function item(text) {
  const element = document.createElement("li");
  element.textContent = visible(text);
  return element;
}

/** The line of a step. */
class StepRow {
  constructor(name) {
    const template = document.getElementById("step-template");
    this.element = template.content.firstElementChild.cloneNode(true);
    const find = (selector) => this.element.querySelector(selector);
    this.parts = Object.fromEntries(
      ["way", "strategy", "cursor", "value", "moved", "counts", "notes"].map((part) => [part, find(`.${part}`)]));
    say(find(".step-name"), name);
  }

  showDocument(step) {
    const from = step.source?.table ?? (step.source?.query ? "a query" : "");
    const to = step.destination?.table ?? "";
    const places = [[step.source?.connection, from], [step.destination?.connection, to]];
    sayShort(this.parts.way, places.map((place) => place.filter(Boolean).join(": ")).filter(Boolean).join(" → "));
    say(this.parts.strategy, step.strategy ?? "");
    const cursor = typeof step.cursor === "string" ? step.cursor : step.cursor?.column ?? "";
    say(this.parts.cursor, cursor ? `on ${cursor}` : "");
    this.hasCursor = cursor !== "";
  }

  showWatermark(watermark) {
    const value = shownValue(watermark?.value);
    sayShort(this.parts.value, value ?? (this.hasCursor ? "none yet" : "needs none"));
    this.parts.value.classList.toggle("none", value === null);
    this.movedAt = value === null ? null : watermark.updated_at;
    this.tick();
  }

  showLoad(step) {
    let text = "";
    const state = step?.state ?? "";
    if (state === "success") text = changes(countsOf(step));
    else if (state === "failed") text = "failed";
    else if (state === "running") text = "at work";
    else if (state === "skipped") text = "skipped";
    else if (state === "cancelled") text = "cancelled";
    else if (state === "pending") text = "waits";
    say(this.parts.counts, text);
    this.parts.counts.dataset.state = state;
    this.parts.counts.classList.toggle("still", state !== "failed");
    const notes = (step?.warnings ?? []).map((warning) =>
      sentence(warning.message ?? warning.code));
    const key = notes.join("\n");
    if (key !== this.notesKey) {
      this.notesKey = key;
      this.parts.notes.replaceChildren(...notes.map((note) => item(note)));
    }
    this.parts.notes.hidden = notes.length === 0;
  }

  tick() { showTime(this.parts.moved, this.movedAt, { prefix: "moved " }); }
}

function countsOf(step) {
  return {
    read: step.rows_read ?? 0, inserted: step.rows_inserted ?? 0, updated: step.rows_updated ?? 0,
    deleted: step.rows_deleted ?? 0,
  };
}
