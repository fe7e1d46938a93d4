// What happened, an entry of the event log a line.

import { cursorText, counted, number } from "./format.js";
import { make, time, withTimes } from "./elements.js";
import { toneOf, wordOf } from "./states.js";

const triggers = {
  api: "by hand", schedule: "by the schedule", upstream: "after the pipelines before it", retry: "as a retry", cli: "from the command line",
};

/** What started a run, in words. */
export const startedBy = (trigger) => triggers[trigger] ?? String(trigger);

const rowWords = (payload) => ["read", "inserted", "updated", "unchanged", "deleted"]
  .filter((change) => payload[`rows_${change}`] > 0).map((change) => `${number(payload[`rows_${change}`])} ${change}`);

const ended = (payload, what) => [`${what}: ${wordOf(payload.state).toLowerCase()}`, ...rowWords(payload)].join(", ");

const sayings = {
  run_queued: ({ payload }) => `Asked for ${startedBy(payload.trigger)}`,
  run_started: ({ payload }) => payload.attempt > 1 ? `Started, attempt ${payload.attempt}` : "Started",
  run_retrying: ({ payload }) => `Failed; tries again ${payload.retry_at ?? "soon"}`,
  run_released: () => "Laid aside, to be taken up again",
  run_recovered: () => "Taken up again after a restart",
  run_finished: ({ payload }) => `Ended: ${wordOf(payload.state).toLowerCase()}`,
  run_rolled_back: () => "Rolled back",
  step_finished: ({ step, payload }) => ended(payload, step),
  watermark_moved: ({ step, payload }) => [`${step}: the watermark has come to `, make("code", {}, cursorText(payload.value) ?? "none")],
  watermark_set: ({ step, payload }) => [`${step}: the watermark was set to `, make("code", {}, cursorText(payload.value) ?? "none")],
  watermark_removed: ({ step }) => `${step}: its watermark was removed`,
  ticks_joined: ({ payload }) => `Stands for ${counted(payload.ticks, "tick")} more`,
  backfill_queued: ({ payload }) => `Asked for, ${counted(payload.partitions, "partition")}`,
  backfill_started: () => "Started",
  backfill_paused: () => "Paused",
  backfill_resumed: () => "Resumed",
  backfill_retried: () => "Failed partitions are tried again",
  backfill_awaiting_publish: () => "All is staged, and waits to be published",
  backfill_finished: ({ payload }) => `Ended: ${wordOf(payload.state).toLowerCase()}, ${counted(payload.success, "partition")} of ${number(payload.partitions)}`,
  backfill_rolled_back: () => "Rolled back",
  partition_retrying: ({ payload }) => `Partition ${payload.number} from ${payload.start}: failed, attempt ${payload.attempt}; is tried again`,
  partition_released: ({ payload }) => `Partition ${payload.number} from ${payload.start}: laid aside`,
  partition_finished: ({ payload }) => ended(payload, `Partition ${payload.number} from ${payload.start}`),
};

function words(event) {
  const said = sayings[event.kind]?.(event) ?? event.kind.replaceAll("_", " ");
  return typeof said === "string" ? withTimes(said) : said;
}

/** What became of it, as a tone; nothing for what merely went on. */
const toneIn = ({ kind, payload }) => kind.endsWith("_retrying") ? "warn" : kind.endsWith("_finished") ? toneOf(payload.state) : null;

/** Entries of the event log, each told once and in order, of which the last is read out. */
export class Happenings {
  constructor(label) {
    this.last = 0;
    this.whys = new Set();
    this.list = make("ol", { class: "happenings", "aria-label": label });
    this.element = this.list;
  }

  /** Adds an entry, unless it is there. */
  add(event) {
    if (!event || typeof event.id !== "number" || event.id <= this.last || event.kind === "gap") return;
    this.last = event.id;
    // What fails as a whole has the message of the part that did, which was told a moment before.
    const told = event.payload?.error?.message;
    const message = this.whys.has(told) && event.kind !== "step_finished" ? null : told;
    this.whys.add(told);
    this.list.append(make("li", { data: { tone: toneIn(event) ?? "none", kind: event.kind } },
      time(event.at, { clock: true }),
      make("span", { class: "happening" }, words(event), message && make("span", { class: "why" }, message))));
  }
}
