// Small drawings of numbers. Each says in words what it shows.

import { draw, link, make, path } from "./elements.js";
import { bothZones, counted, duration, few, moment } from "./format.js";
import { isActive, sums, toneOf, wordOf } from "./states.js";

/** The rows that a run changed. */
export const changed = (run) => {
  const sum = sums(run);
  return sum.inserted + sum.updated + sum.deleted;
};

/** What a run was, in one line of words. */
export function runWords(run) {
  const when = new Date(run.started_at ?? run.created_at);
  const took = Number.isFinite(run.duration_seconds) ? `, took ${duration(run.duration_seconds)}` : "";
  const rows = isActive(run.state) ? "" : `, ${counted(changed(run), "row")} changed`;
  return `${wordOf(run.state)}, ${moment(when)}${took}${rows}`;
}

/**
 * The newest runs as ticks, the newest at the right: the colour is the state, the height how long it took. One stop of the
 * keyboard; the arrows go from run to run.
 */
export function strip(runs, places = 30) {
  const shown = runs.slice(0, places).reverse();
  // A root, so that one slow run does not flatten all the others.
  const longest = Math.sqrt(Math.max(0.001, ...shown.map((run) => run.duration_seconds ?? 0)));
  const ticks = shown.map((run, place) => {
    const share = Math.sqrt(run.duration_seconds ?? 0) / longest;
    return link(path("runs", run.id), "", {
      class: "tick", data: { tone: toneOf(run.state), state: run.state }, css: { "--height": `${Math.round(18 + 82 * share)}%` },
      "aria-label": runWords(run), title: `${runWords(run)}\n${bothZones(new Date(run.started_at ?? run.created_at))}`,
      tabindex: place === shown.length - 1 ? "0" : "-1",
    });
  });
  const tally = new Map();
  for (const run of shown) tally.set(run.state, (tally.get(run.state) ?? 0) + 1);
  const words = [...tally].map(([state, count]) => `${count} ${wordOf(state).toLowerCase()}`).join(", ");
  const element = make("div", {
    class: "strip", role: "group", css: { "--places": String(places), "--from": String(places - shown.length + 1) },
    "aria-label": shown.length > 0 ? `The last ${counted(shown.length, "run")}: ${words}` : "No runs yet",
  }, ticks);
  element.addEventListener("keydown", (event) => walk(event, element));
  return element;
}

function walk(event, element) {
  const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
  const ticks = [...element.children];
  const here = ticks.indexOf(document.activeElement);
  if (step === undefined || here < 0) return;
  event.preventDefault();
  const there = Math.max(0, Math.min(ticks.length - 1, here + step));
  ticks[here].tabIndex = -1;
  ticks[there].tabIndex = 0;
  ticks[there].focus();
}

/** Where a scale ends for values: one that is far greater than all others is cut, so that it does not flatten them. */
export function scaleEnd(values) {
  const [first = 0, second = 0] = [...values].sort((left, right) => right - left);
  return values.length > 2 && second > 0 && first > 4 * second ? second * 1.5 : first;
}

/** A line through values, oldest first, with `words` for who cannot see it. */
function sparkline(values, words, { width = 96, height = 24 } = {}) {
  const most = Math.max(1, scaleEnd(values));
  const inset = 2;
  const x = (place) => inset + place / Math.max(1, values.length - 1) * (width - 2 * inset);
  const y = (value) => height - inset - Math.min(1, value / most) * (height - 2 * inset);
  const points = values.map((value, place) => `${x(place).toFixed(1)},${y(value).toFixed(1)}`);
  const last = values.length - 1;
  return draw("svg", { class: "sparkline", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": words },
    draw("polygon", { class: "area", points: `${inset},${height} ${points.join(" ")} ${x(last).toFixed(1)},${height}` }),
    draw("polyline", { class: "line", points: points.join(" ") }),
    draw("circle", { class: "end", cx: x(last).toFixed(1), cy: y(values[last]).toFixed(1), r: 2 }));
}

/** The rows a run, of the newest runs that ended, as a line. */
export function rowsLine(runs) {
  const values = runs.filter((run) => !isActive(run.state)).slice(0, 30).map(changed).reverse();
  if (values.length < 2) return null;
  const most = Math.max(...values);
  return sparkline(values, `Rows changed by a run: ${few(values.at(-1))} by the last, at most ${few(most)}`);
}

/**
 * An age against its limits, as a bar that fills as time goes by. It ends a quarter past the last limit; what is older fills
 * it. Without limits there is no bar.
 */
export class AgeBar {
  constructor(name) {
    this.fill = make("span", { class: "age-fill" });
    this.element = make("div", { class: "age-bar", role: "meter", "aria-label": `Age of ${name}`, "aria-valuemin": "0" }, this.fill);
  }

  /** Shows an age in seconds, its limits in seconds, a tone and words. */
  show(age, { warn, error, tone, words }) {
    const { element } = this;
    const end = (error ?? warn) * 1.25;
    const share = (value) => `${Math.min(100, value / end * 100).toFixed(2)}%`;
    const limits = `${warn}/${error}`;
    if (limits !== this.limits) {
      this.limits = limits;
      const marks = [["warn", warn], ["error", error]].filter(([, value]) => value !== null && value !== undefined)
        .map(([kind, value]) => make("span", { class: `age-mark ${kind}`, css: { "--at": share(value) } }));
      element.replaceChildren(this.fill, ...marks);
      element.setAttribute("aria-valuemax", String(end));
    }
    this.fill.style.setProperty("--share", share(age));
    element.dataset.tone = tone;
    element.setAttribute("aria-valuenow", String(Math.round(Math.min(age, end))));
    element.setAttribute("aria-valuetext", words);
  }
}
