// A ground to draw on: axes, lines of a grid, and room that follows the width of the page.

import { draw, make } from "./elements.js";
import { axisWords, few } from "./format.js";

const margin = { top: 12, right: 10, bottom: 24, left: 44 };

/** Round numbers from 0 to `most`, about `count` of them. */
function roundSteps(most, count = 4) {
  const raw = Math.max(most, 1) / count;
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = Math.max(1, [1, 2, 5, 10].find((factor) => factor * size >= raw) * size);
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, place) => place * step);
}

/** An axis of numbers from 0 on. */
export const numberAxis = (most) => ({ low: 0, high: Math.max(1, most), steps: roundSteps(most), words: few });

/** An axis of instants. */
export function timeAxis(low, high, count = 4) {
  const end = high > low ? high : low + 60_000;
  const steps = Array.from({ length: count }, (_, place) => low + (end - low) * place / (count - 1));
  const words = axisWords(low, end);
  return { low, high: end, steps, words: (at) => words.format(new Date(at)) };
}

/**
 * A plot `high` pixels high, as wide as there is room for. `paint` is called with `{ x, y, width, height, base }`, where `x`
 * and `y` turn values into places, and answers the marks; `label` says in words what is to be seen.
 */
export class Plot {
  constructor({ label, high = 200, left = margin.left }) {
    this.high = high;
    this.left = left;
    this.element = make("div", { class: "plot" });
    this.label = label;
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.element);
  }

  /** Shows marks on two axes; `x` may be left out. */
  show({ label = this.label, x, y, paint }) {
    Object.assign(this, { label, x, y, paint });
    this.drawnWidth = 0;
    this.draw();
  }

  draw() {
    const wide = Math.round(this.element.clientWidth);
    if (!this.paint || wide < 60 || wide === this.drawnWidth) return;
    this.drawnWidth = wide;
    const width = wide - this.left - margin.right;
    const height = this.high - margin.top - margin.bottom;
    const scale = ({ low, high }, from, to) => (value) => from + (value - low) / (high - low) * (to - from);
    const area = {
      x: this.x && scale(this.x, this.left, this.left + width), y: scale(this.y, margin.top + height, margin.top),
      left: this.left, width, height, top: margin.top, base: margin.top + height,
    };
    this.element.replaceChildren(draw("svg", { width: wide, height: this.high, viewBox: `0 0 ${wide} ${this.high}`, role: "img", "aria-label": this.label },
      this.y.steps.map((step) => [
        draw("line", { class: "grid", x1: this.left, x2: this.left + width, y1: area.y(step), y2: area.y(step) }),
        draw("text", { class: "axis", x: this.left - 6, y: area.y(step) + 4, "text-anchor": "end" }, this.y.words(step)),
      ]),
      this.x && this.ticksAcross(area),
      this.paint(area)));
  }

  ticksAcross(area) {
    // As many as fit beside each other.
    const every = Math.max(1, Math.ceil(this.x.steps.length * 80 / Math.max(80, area.width)));
    const last = this.x.steps.length - 1;
    return this.x.steps.map((step, place) => place % every === 0 && draw("text", {
      class: "axis", x: area.x(step), y: area.base + 17, "text-anchor": place === 0 ? "start" : place === last ? "end" : "middle",
    }, this.x.words(step)));
  }
}
