// The graph of a pipeline's steps, drawn: what comes first stands at the left.

import { draw, make } from "./elements.js";
import { visible } from "./format.js";
import { toneOf, wordOf } from "./states.js";

const wide = 164;
const high = 44;
const across = 56;
const down = 16;
const thin = 10;
const longest = 19;

/** What a step depends on, as a list. */
export const upstreamOf = (step) => [step.depends_on ?? []].flat();

/** The columns in which steps stand: each to the right of all that it depends on. */
function layers(steps) {
  const byName = new Map(steps.map((step) => [step.name, step]));
  const depth = new Map();
  const depthOf = (name, way) => {
    if (depth.has(name)) return depth.get(name);
    if (!byName.has(name) || way.has(name)) return -1;
    const before = upstreamOf(byName.get(name)).map((upstream) => depthOf(upstream, new Set(way).add(name)));
    const own = Math.max(-1, ...before) + 1;
    depth.set(name, own);
    return own;
  };
  const columns = [];
  for (const { name } of steps) (columns[depthOf(name, new Set())] ??= []).push(name);
  return columns;
}

/**
 * Fills columns with slots: one for each step, and a thin one wherever a line passes by a column, so that no line runs under a
 * box. A slot knows the slots that lines come to it from.
 */
function slotsOf(steps) {
  const columns = layers(steps).map((names) => names.map((name) => ({ name, high, from: [] })));
  const byName = new Map(columns.flatMap((column, depth) => column.map((slot) => [slot.name, { slot, depth }])));
  for (const step of steps) {
    const { slot, depth } = byName.get(step.name);
    for (const upstream of upstreamOf(step)) {
      const before = byName.get(upstream);
      if (!before || before.depth >= depth) continue;
      let last = before.slot;
      for (let column = before.depth + 1; column < depth; column += 1) {
        const passing = { name: null, high: thin, from: [last] };
        columns[column].push(passing);
        last = passing;
      }
      slot.from.push(last);
    }
  }
  return columns;
}

/** Orders each column by where the lines to it come from, so that few cross, and says where each slot stands. */
function arrange(columns) {
  const tall = (column) => column.reduce((sum, slot) => sum + slot.high + down, -down);
  const height = Math.max(...columns.map(tall));
  for (const [place, column] of columns.entries()) {
    const middle = ({ from }) => from.length > 0 ? from.reduce((sum, slot) => sum + slot.y + slot.high / 2, 0) / from.length : Infinity;
    const middles = new Map(column.map((slot) => [slot, middle(slot)]));
    column.sort((left, right) => (middles.get(left) === middles.get(right) ? 0 : middles.get(left) - middles.get(right)));
    let y = 1 + (height - tall(column)) / 2;
    for (const slot of column) {
      Object.assign(slot, { x: 1 + place * (wide + across), y });
      y += slot.high + down;
    }
  }
  return { width: columns.length * (wide + across) - across + 2, height: height + 2 };
}

/** Draws steps; `stateOf` gives the state of a step by its name, and `wordsOf` a second line for its box. */
export function graph(steps, stateOf, wordsOf) {
  const columns = slotsOf(steps);
  const size = arrange(columns);
  const slots = columns.flat();
  const at = new Map(slots.filter(({ name }) => name !== null).map((slot) => [slot.name, slot]));
  const words = steps.map((step) => {
    const before = upstreamOf(step);
    return `${step.name} (${wordOf(stateOf(step.name)).toLowerCase()}${before.length > 0 ? `, after ${before.join(" and ")}` : ""})`;
  });
  const picture = draw("svg", {
    class: "graph", width: size.width, height: size.height, viewBox: `0 0 ${size.width} ${size.height}`, role: "img",
    "aria-label": `Steps: ${words.join("; ")}`,
  }, slots.map((slot) => [
    slot.from.map((before) => edge(before, slot)),
    slot.name === null && draw("path", { class: "edge", d: `M${slot.x} ${slot.y + slot.high / 2}h${wide}` }),
  ]), steps.map((step) => node(step, at.get(step.name), stateOf(step.name), wordsOf(step))));
  return make("div", { class: "graph-frame", tabindex: "0", role: "group", "aria-label": "Graph of the steps" }, picture);
}

function edge(from, to) {
  const [x, y, u, v] = [from.x + wide, from.y + from.high / 2, to.x, to.y + to.high / 2];
  const bend = across / 2;
  return draw("path", { class: "edge", d: `M${x} ${y}C${x + bend} ${y} ${u - bend} ${v} ${u} ${v}` });
}

function node(step, { x, y }, state, words) {
  const name = visible(step.name);
  return draw("g", { class: "node", data: { tone: toneOf(state), state }, transform: `translate(${x} ${y})` },
    draw("title", {}, `${step.name}: ${wordOf(state)}`),
    draw("rect", { class: "box", width: wide, height: high, rx: 8 }),
    draw("rect", { class: "flag", width: 4, height: high - 16, x: 8, y: 8, rx: 2 }),
    draw("text", { class: "node-name", x: 20, y: 18 }, name.length > longest ? `${name.slice(0, longest - 1)}…` : name),
    draw("text", { class: "node-words", x: 20, y: 34 }, words));
}
