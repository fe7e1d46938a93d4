// Which intervals of a step are loaded, and which are missing between them.

import { ledger, placeWords } from "../backfills.js";
import { button, fill, make, trouble } from "../elements.js";
import { counted, dateOf } from "../format.js";

const most = 20;

/** A place on a line of numbers; null for the beginning of all. */
const onLine = (place) => place === null ? null : typeof place === "number" ? place : dateOf(place)?.getTime() ?? (Number.isFinite(Number(place)) ? Number(place) : null);

export class LedgerPanel {
  constructor({ onFill }) {
    this.onFill = onFill;
    this.body = make("div", { class: "ledger" });
    this.element = make("section", { class: "panel", hidden: true, "aria-label": "What is loaded" }, make("h2", {}, "What is loaded"), this.body);
  }

  /** Shows the ledger of a step. */
  async show(pipeline, step, signal) {
    const key = `${pipeline}/${step}`;
    this.key = key;
    this.element.hidden = !step;
    if (!step) return;
    try {
      const found = await ledger(pipeline, step, signal);
      if (this.key === key) fill(this.body, this.words(found));
    } catch (problem) {
      if (!signal.aborted && this.key === key) fill(this.body, trouble(problem));
    }
  }

  words(found) {
    if (found.column === null) return make("p", { class: "soft" }, "This step goes by no cursor: each run sees the whole source, so nothing can be missing between runs.");
    if (found.intervals.length === 0) return make("p", { class: "soft" }, "Nothing is loaded yet. The first run loads everything that there is.");
    const { gaps, through } = found;
    return [
      this.line(found),
      make("p", { class: "ledger-ends" }, make("span", {}, found.intervals[0].start === null ? "from the beginning" : placeWords(found.intervals[0].start)),
        through !== null && make("span", {}, `up to ${placeWords(through)} UTC`.replace(/ UTC$/, typeof through === "number" ? "" : " UTC"))),
      gaps.length === 0 ? make("p", {}, `Nothing is missing by ${found.column}.`) : [
        make("p", { class: "warned" }, `${counted(gaps.length, "gap")} by ${found.column}:`),
        make("ul", {}, gaps.slice(0, most).map(({ start, end }) => make("li", {}, `${placeWords(start)} up to ${placeWords(end)}`)),
          gaps.length > most && make("li", {}, `and ${counted(gaps.length - most, "other")}`)),
        make("p", {}, button(gaps.length === 1 ? "Fill the gap…" : "Fill the gaps…", this.onFill, { class: "main" }), make("span", { class: "soft" }, " first shows what that would do."))],
      found.overlaps.length > 0 && make("p", { class: "soft" }, `${counted(found.overlaps.length + found.overlaps_omitted, "interval")} loaded more than once, which does no harm.`),
    ];
  }

  line({ intervals, through }) {
    const places = intervals.map(({ start, end }) => [onLine(start), onLine(end)]);
    const known = places.flat().filter((place) => place !== null);
    const [low, high] = [Math.min(...known), Math.max(...known, onLine(through) ?? -Infinity)];
    // The beginning of all lies a tenth of the line before the first place that is known.
    const begin = places.some(([start]) => start === null) ? low - (high - low || 1) / 10 : low;
    const share = (place) => `${((place - begin) / (high - begin || 1) * 100).toFixed(2)}%`;
    return make("div", { class: "ledger-line", "aria-hidden": "true" }, places.map(([start, end]) =>
      make("span", { css: { "--from": share(start ?? begin), "--long": `${(((end ?? high) - (start ?? begin)) / (high - begin || 1) * 100).toFixed(2)}%` } })));
  }
}
