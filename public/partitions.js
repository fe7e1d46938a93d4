// All partitions of a backfill, read slice by slice and kept in little room: there may be a hundred thousand of them.

import { partitionPage } from "./backfills.js";

/** The states of a partition, in the order in which they are shown. */
export const partitionStates = ["success", "running", "failed", "pending", "cancelled"];

const slice = 1000;
const columns = [
  "rows_expected", "rows_read", "rows_inserted", "rows_updated", "rows_unchanged", "rows_deleted", "rows_quarantined", "duration_seconds",
];
const reconciled = { unknown: 0, yes: 1, no: 2 };

/** The partitions of a backfill. */
export class Partitions {
  constructor(id, signal) {
    this.id = id;
    this.signal = signal;
    this.total = 0;
    this.isComplete = false;
    this.cursors = [];
    this.dirty = new Set();
  }

  /** Reads all of them; `told` is called with how many were read, after each slice. */
  async load(total, told) {
    if (total !== this.total) this.grow(total);
    let cursor = "";
    let count = 0;
    for (let page = 0; page * slice < total; page += 1) {
      this.cursors[page] = cursor;
      // What is told from now on may be newer than the answer, and is read again.
      this.dirty.delete(page);
      const answer = await this.read(cursor);
      count += answer.partitions.length;
      told?.(count);
      cursor = answer.next_cursor ?? "";
      if (!cursor) break;
    }
    this.isComplete = true;
  }

  grow(total) {
    this.total = total;
    this.starts = new Array(total);
    this.ends = new Array(total);
    this.states = new Uint8Array(total).fill(partitionStates.indexOf("pending"));
    this.reconciled = new Uint8Array(total);
    this.figures = Object.fromEntries([...columns, "source_rows", "shadow_rows", "missing", "extra"].map((name) => [name, new Float64Array(total).fill(NaN)]));
  }

  async read(cursor) {
    const answer = await partitionPage(this.id, { limit: slice, cursor }, this.signal);
    for (const partition of answer.partitions) this.take(partition);
    return answer;
  }

  /** Takes what an answer says of a partition. */
  take(partition) {
    const place = partition.number - 1;
    if (place < 0 || place >= this.total) return;
    this.starts[place] = partition.start;
    this.ends[place] = partition.end;
    this.states[place] = partitionStates.indexOf(partition.state);
    for (const name of columns) this.figures[name][place] = partition[name] ?? NaN;
    const found = partition.reconciliation;
    this.reconciled[place] = found ? found.reconciled ? reconciled.yes : reconciled.no : reconciled.unknown;
    for (const name of ["source_rows", "shadow_rows", "missing", "extra"]) this.figures[name][place] = found?.[name] ?? NaN;
  }

  /** Takes what an event says of a partition; what it does not say is read again later. */
  hear({ number, ...payload }) {
    const place = number - 1;
    if (!(place >= 0 && place < this.total)) return;
    this.states[place] = partitionStates.indexOf(payload.state);
    for (const name of columns) if (name in payload) this.figures[name][place] = payload[name];
    this.dirty.add(Math.floor(place / slice));
  }

  /** Takes which are in hand now; those that no longer are wait again, unless their end was told. */
  setRunning(numbers) {
    const running = partitionStates.indexOf("running");
    const now = new Set(numbers.map((number) => number - 1));
    const changed = [];
    this.running = (this.running ?? new Set());
    for (const place of this.running) {
      if (now.has(place) || this.states[place] !== running) continue;
      this.states[place] = partitionStates.indexOf("pending");
      this.dirty.add(Math.floor(place / slice));
      changed.push(place + 1);
    }
    for (const place of now) {
      if (place >= this.total || this.states[place] === running) continue;
      this.states[place] = running;
      changed.push(place + 1);
    }
    this.running = now;
    return changed;
  }

  /** Reads one of the slices again of which events told; answers whether there was one. */
  async refresh() {
    const [page] = this.dirty;
    if (page === undefined) return false;
    this.dirty.delete(page);
    await this.read(this.cursors[page] ?? "");
    return true;
  }

  /** One partition in full, as the server has it now. */
  async detail(number) {
    const page = Math.floor((number - 1) / slice);
    const answer = await this.read(this.cursors[page] ?? "");
    return answer.partitions.find((partition) => partition.number === number);
  }

  /** A partition as a row of figures. */
  row(number) {
    const place = number - 1;
    const figures = Object.fromEntries(Object.entries(this.figures).map(([name, values]) => [name, Number.isNaN(values[place]) ? null : values[place]]));
    return {
      number, start: this.starts[place], end: this.ends[place], state: partitionStates[this.states[place]],
      isReconciled: [null, true, false][this.reconciled[place]], ...figures,
    };
  }

  /** How many of those from one number to another are in each state. */
  tally(from, to) {
    const counts = [0, 0, 0, 0, 0];
    let unreconciled = 0;
    for (let place = from - 1; place < to; place += 1) {
      counts[this.states[place]] += 1;
      if (this.reconciled[place] === reconciled.no) unreconciled += 1;
    }
    return { counts: Object.fromEntries(partitionStates.map((state, index) => [state, counts[index]])), unreconciled };
  }

  /** Whether as many are in each state as a backfill says. */
  comesTo(said) {
    const { counts } = this.tally(1, this.total);
    return partitionStates.every((state) => counts[state] === said[state]);
  }

  /** The numbers, from one to another, that a filter lets through: a state, `unreconciled`, or all. */
  numbers(filter, from = 1, to = this.total) {
    const index = partitionStates.indexOf(filter);
    const found = [];
    for (let place = from - 1; place < to; place += 1) {
      if (filter === "" || (filter === "unreconciled" ? this.reconciled[place] === reconciled.no : this.states[place] === index)) found.push(place + 1);
    }
    return found;
  }
}
