// The newest runs of the pipelines that are in sight: asked for when a row comes into view, and again when a run has ended.

import { missed } from "../again.js";
import * as client from "../client.js";

const runsShown = 30;
const atOnce = 4;

export class Histories {
  constructor(onRuns, signal) {
    this.onRuns = onRuns;
    this.signal = signal;
    this.inSight = new Map();
    this.known = new Set();
    this.waiting = new Set();
    this.busy = 0;
    this.rowOf = new WeakMap();
    this.observer = new IntersectionObserver((entries) => entries.forEach((entry) => this.see(entry)), { rootMargin: "200px" });
  }

  /** Asks for the runs of a row when it comes into view. */
  watch(row) {
    this.rowOf.set(row.element, row);
    this.observer.observe(row.element);
  }

  /** Lets a row go. */
  forget(row) {
    this.observer.unobserve(row.element);
    this.inSight.delete(row.name);
    this.known.delete(row.name);
    this.waiting.delete(row.name);
  }

  /** The rows in view. */
  visible() { return this.inSight.values(); }

  /** Asks again for the runs of a pipeline, now or when it comes into view. */
  renew(name) {
    this.known.delete(name);
    if (this.inSight.has(name)) this.want(name);
  }

  /** Ends all asking. */
  end() { this.observer.disconnect(); }

  see({ target, isIntersecting }) {
    const row = this.rowOf.get(target);
    if (!isIntersecting) {
      this.inSight.delete(row.name);
      this.waiting.delete(row.name);
      return;
    }
    this.inSight.set(row.name, row);
    row.tick();
    if (!this.known.has(row.name)) this.want(row.name);
  }

  want(name) {
    this.waiting.add(name);
    this.next();
  }

  async next() {
    if (this.busy >= atOnce || this.waiting.size === 0 || this.signal.aborted) return;
    const [name] = this.waiting;
    this.waiting.delete(name);
    this.known.add(name);
    this.busy += 1;
    try {
      this.onRuns(name, await client.runsOf(name, runsShown, this.signal));
    } catch (problem) {
      // It is asked for again when the row comes into view again or a run ends.
      this.known.delete(name);
      missed(problem, this.signal);
    } finally {
      this.busy -= 1;
      this.next();
    }
  }
}
