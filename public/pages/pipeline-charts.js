// Two pictures of a pipeline: its watermark's way against the clock, and the rows that its runs changed.

import * as client from "../client.js";
import { runWords, scaleEnd } from "../chart.js";
import { now } from "../clock.js";
import { instantOf, isNumeric } from "../cursors.js";
import { draw, fill, make, path } from "../elements.js";
import { age, counted, few, number } from "../format.js";
import { numberAxis, Plot, timeAxis } from "../plot.js";
import { isActive, sums } from "../states.js";

const changesShown = 300;
const runsShown = 30;
const kinds = [["inserted", "inserted"], ["updated", "updated"], ["deleted", "deleted"]];

/** Where the watermark of a step stood at which time; the gap to the clock is how far behind it was. */
export class WatermarkChart {
  constructor(name, signal) {
    this.name = name;
    this.signal = signal;
    this.plot = new Plot({ label: "", high: 220, left: 78 });
    this.choice = make("select", { "aria-label": "Step", on: { change: () => this.load(this.pipeline) } });
    this.words = make("p", { class: "soft small" });
    this.element = make("section", { class: "panel chart" },
      make("div", { class: "panel-head" }, make("h2", {}, "Watermark against the clock"), this.choice), this.plot.element, this.words);
  }

  /** Reads the history of the step that is chosen, and shows it. */
  async load(pipeline) {
    this.pipeline = pipeline;
    const steps = pipeline.steps.filter((step) => step.cursor);
    this.element.hidden = steps.length === 0;
    if (steps.length === 0) return;
    const names = steps.map((step) => step.name);
    if (names.join() !== this.names) {
      this.names = names.join();
      fill(this.choice, names.map((name) => make("option", { value: name }, name)));
      this.choice.hidden = names.length < 2;
    }
    const step = steps.find((one) => one.name === this.choice.value) ?? steps[0];
    const history = await client.watermarkHistory(this.name, step.name, changesShown, this.signal);
    this.show(step, history.reverse());
  }

  show(step, history) {
    const numeric = isNumeric(step, history.at(-1)?.value) && instantOf(step, history.at(-1)?.value) === null;
    const points = history.map(({ updated_at: at, value }) => ({
      at: Date.parse(at), value: numeric ? (value === null ? null : Number(value)) : instantOf(step, value),
    }));
    const known = points.filter(({ value }) => value !== null);
    this.plot.element.hidden = known.length === 0;
    if (known.length === 0) return fill(this.words, history.length > 0 ? "The watermark's values are no times." : "No run has moved a watermark yet.");
    const end = now();
    const begin = points[0].at;
    const x = timeAxis(begin, end, 4);
    if (numeric) return this.showNumbers(step, points, known, x, end);
    const low = Math.min(...known.map(({ value }) => value), begin);
    const lag = (end - known.at(-1).value) / 1000;
    const words = `The watermark of ${step.name} is ${lag >= 0 ? `${age(lag)} behind the clock` : "ahead of the clock"}`;
    this.plot.show({
      label: words, x, y: timeAxis(low, end, 4),
      paint: (area) => {
        const line = stairs(points, area, end);
        const clock = `${area.x(begin)},${area.y(begin)} ${area.x(end)},${area.y(end)}`;
        return [
          ...line.map((piece) => draw("polygon", { class: "gap", points: `${piece} ${underClock(piece, area, begin, end)}` })),
          draw("polyline", { class: "clock-line", points: clock }),
          ...line.map((piece) => draw("polyline", { class: "mark-line", points: piece })),
        ];
      },
    });
    fill(this.words, swatch("mark", "watermark"), swatch("clock-key", "clock"), `${words}.`);
  }

  showNumbers(step, points, known, x, end) {
    const most = Math.max(...known.map(({ value }) => value));
    const low = Math.min(...known.map(({ value }) => value));
    const words = `The watermark of ${step.name} stands at ${number(known.at(-1).value)}`;
    this.plot.show({
      label: words, x, y: { ...numberAxis(most), low: Math.min(0, low) },
      paint: (area) => stairs(points, area, end).map((piece) => draw("polyline", { class: "mark-line", points: piece })),
    });
    fill(this.words, swatch("mark", "watermark"), `${words}; it counts and tells no time.`);
  }
}

/** The way of a value as stairs: it stands until it is moved. A removal makes a gap. */
function stairs(points, area, end) {
  const pieces = [];
  let piece = [];
  let last = null;
  for (const { at, value } of points) {
    if (last !== null) piece.push(`${area.x(at).toFixed(1)},${area.y(last).toFixed(1)}`);
    if (value === null) {
      pieces.push(piece);
      piece = [];
    } else piece.push(`${area.x(at).toFixed(1)},${area.y(value).toFixed(1)}`);
    last = value;
  }
  if (last !== null) piece.push(`${area.x(end).toFixed(1)},${area.y(last).toFixed(1)}`);
  return [...pieces, piece].filter((one) => one.length > 0).map((one) => one.join(" "));
}

/** The clock's line back from the end of a piece to its beginning. */
function underClock(piece, area, begin, end) {
  const places = piece.split(" ");
  const [first, last] = [Number(places[0].split(",")[0]), Number(places.at(-1).split(",")[0])];
  const [from, to] = [area.x(begin), area.x(end)];
  const y = (place) => area.y(begin) + (place - from) / Math.max(1, to - from) * (area.y(end) - area.y(begin));
  return `${last.toFixed(1)},${y(last).toFixed(1)} ${first.toFixed(1)},${y(first).toFixed(1)}`;
}

/** The rows that the newest runs inserted, updated and deleted, stacked. */
export class RowsChart {
  constructor() {
    this.plot = new Plot({ label: "", high: 220 });
    this.words = make("p", { class: "soft small" });
    this.element = make("section", { class: "panel chart" }, make("div", { class: "panel-head" }, make("h2", {}, "Rows by run")), this.plot.element, this.words);
  }

  /** Shows runs, newest first. */
  show(runs) {
    const shown = runs.filter((run) => !isActive(run.state)).slice(0, runsShown).reverse();
    const key = shown.map(({ id }) => id).join();
    if (key === this.key) return;
    this.key = key;
    this.plot.element.hidden = shown.length === 0;
    if (shown.length === 0) return fill(this.words, "No run has ended yet.");
    const totals = shown.map(sums).map((sum) => ({ ...sum, all: sum.inserted + sum.updated + sum.deleted }));
    // One great first load is cut, and says so.
    const most = scaleEnd(totals.map(({ all }) => all));
    const whole = kinds.map(([kind, word]) => `${number(totals.reduce((sum, total) => sum + total[kind], 0))} ${word}`).join(", ");
    this.plot.show({
      label: `Rows changed by the last ${counted(shown.length, "run")}: ${whole}`, y: numberAxis(most),
      paint: (area) => shown.map((run, place) => bar(run, totals[place], place, shown.length, area, most)),
    });
    fill(this.words, kinds.map(([kind, word]) => swatch(kind, word)), `The last ${counted(shown.length, "run")}, the newest at the right.`);
  }
}

function bar(run, total, place, count, area, most) {
  const slot = area.width / runsShown;
  const x = area.left + (runsShown - count + place) * slot;
  const wide = Math.max(2, slot - 3);
  const isCut = total.all > most;
  const scale = isCut ? most / total.all : 1;
  let base = area.base;
  const parts = kinds.filter(([kind]) => total[kind] > 0).map(([kind]) => {
    const high = Math.max(1, area.base - area.y(total[kind] * scale));
    base -= high;
    return draw("rect", { class: `bar ${kind}`, x, y: base, width: wide, height: high });
  });
  // For a pointer only: the table of runs has the same ways for everybody.
  return draw("g", { class: "bar-way", data: { state: run.state }, on: { click: () => { location.hash = path("runs", run.id); } } },
    draw("title", {}, `${runWords(run)}: ${kinds.map(([kind, word]) => `${number(total[kind])} ${word}`).join(", ")}`),
    draw("rect", { class: "bar-ground", x: x - 1.5, y: area.top, width: slot, height: area.height }),
    parts,
    run.state === "failed" && draw("circle", { class: "bar-failed", cx: x + wide / 2, cy: area.base + 8, r: 3 }),
    isCut && [draw("path", { class: "bar-cut", d: `M${x - 2} ${area.top + 12}l${wide / 2 + 2} -5l${wide / 2 + 2} 5` }),
      draw("text", { class: "axis", x: x + wide + 4, y: area.top + 8 }, few(total.all))]);
}

const swatch = (kind, word) => make("span", { class: "key" }, make("span", { class: `swatch ${kind}`, "aria-hidden": "true" }), word);
