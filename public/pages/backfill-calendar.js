// The partitions of a backfill as a calendar: a cell for each, or for as many as belong together, coloured by what became of it.

import { cellsOf, cellWords } from "../calendar.js";
import { fill, make } from "../elements.js";
import { counted, number } from "../format.js";
import { partitionStates } from "../partitions.js";
import { wordOf } from "../states.js";

const moves = { ArrowLeft: () => -1, ArrowRight: () => 1, ArrowUp: (columns) => -columns, ArrowDown: (columns) => columns, Home: () => -Infinity, End: () => Infinity };

/** The state that a cell shows where it stands for several partitions: what needs a look comes first. */
function stateOf({ counts }) {
  for (const state of ["failed", "running"]) if (counts[state] > 0) return state;
  const whole = partitionStates.reduce((sum, state) => sum + counts[state], 0);
  for (const state of ["success", "cancelled"]) if (counts[state] === whole) return state;
  return "pending";
}

export class Calendar {
  constructor({ onChoose }) {
    this.onChoose = onChoose;
    this.element = make("div", { class: "calendar", role: "group", on: {
      click: (event) => { const cell = this.cellOf(event.target); if (cell) this.choose(cell); },
      keydown: (event) => this.walk(event),
    } });
  }

  /** Draws the cells of all partitions. */
  draw(partitions, backfill) {
    this.partitions = partitions;
    this.backfill = backfill;
    const { level, columns, groups } = cellsOf(partitions, backfill);
    this.cells = [];
    this.byNumber = new Int32Array(partitions.total + 1);
    this.columns = columns;
    const count = groups.reduce((sum, group) => sum + group.cells.length, 0);
    Object.assign(this.element.dataset, { level, size: count > 800 ? "small" : count > 120 ? "middle" : "large" });
    this.element.style.setProperty("--columns", String(columns));
    fill(this.element, groups.map((group) => make("div", { class: "cells-group" },
      group.title && make("p", { class: "cells-title" }, group.title), make("div", { class: "cells" }, group.cells.map((cell) => this.make(cell))))));
    if (this.cells[0]) this.cells[0].button.tabIndex = 0;
    this.say();
  }

  make(cell) {
    const place = this.cells.length;
    for (let number = cell.from; number <= cell.to; number += 1) this.byNumber[number] = place;
    const button = make("button", { type: "button", class: "cell", tabindex: "-1", data: { place: String(place) }, css: { "--column": String(cell.column + 1), "--row": String(cell.row + 1) } });
    const made = { ...cell, button, place, words: cellWords(this.partitions, cell, this.backfill) };
    this.cells.push(made);
    this.colour(made);
    return button;
  }

  colour(cell) {
    const tally = this.partitions.tally(cell.from, cell.to);
    const state = stateOf(tally);
    const size = cell.to - cell.from + 1;
    const isOff = tally.unreconciled > 0;
    const key = `${state}/${tally.counts.success}/${isOff}`;
    if (cell.key === key) return;
    cell.key = key;
    const { button } = cell;
    button.dataset.state = isOff ? "unreconciled" : state;
    button.style.setProperty("--done", `${Math.round(tally.counts.success / size * 100)}%`);
    const what = size === 1 ? wordOf(state).toLowerCase()
      : partitionStates.filter((one) => tally.counts[one] > 0).map((one) => `${number(tally.counts[one])} ${wordOf(one).toLowerCase()}`).join(", ");
    const label = `${cell.words}: ${what}${isOff ? ", not reconciled" : ""}`;
    button.setAttribute("aria-label", label);
    button.title = label;
  }

  /** Colours anew what stands for these partitions, or everything. */
  renew(numbers) {
    if (!this.cells) return;
    const places = numbers ? new Set(numbers.map((number) => this.byNumber[number])) : this.cells.keys();
    for (const place of places) this.colour(this.cells[place]);
    this.say();
  }

  say() {
    const { counts } = this.partitions.tally(1, this.partitions.total);
    const words = partitionStates.filter((state) => counts[state] > 0).map((state) => `${number(counts[state])} ${wordOf(state).toLowerCase()}`).join(", ");
    this.element.setAttribute("aria-label", `${counted(this.partitions.total, "partition")}: ${words}`);
  }

  cellOf(target) {
    const button = target.closest?.(".cell");
    return button ? this.cells[Number(button.dataset.place)] : null;
  }

  choose(cell) {
    this.stop(cell);
    this.mark(cell);
    this.onChoose(cell);
  }

  /** Marks the cell that is looked at; none without one. */
  mark(cell) {
    this.chosen?.button.removeAttribute("aria-current");
    this.chosen = cell;
    cell?.button.setAttribute("aria-current", "true");
  }

  stop(cell) {
    if (this.stopped) this.stopped.button.tabIndex = -1;
    else this.cells[0].button.tabIndex = -1;
    this.stopped = cell;
    cell.button.tabIndex = 0;
  }

  walk(event) {
    const here = this.cellOf(event.target);
    const move = moves[event.key];
    if (!here || !move) return;
    event.preventDefault();
    const there = this.cells[Math.max(0, Math.min(this.cells.length - 1, here.place + move(this.columns)))];
    this.stop(there);
    there.button.focus();
  }
}
