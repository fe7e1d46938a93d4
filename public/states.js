// The states of things, in words and tones. A tone is one of good, warn, bad, busy and idle.

const known = {
  // Freshness.
  fresh: ["Fresh", "good"], warn: ["Warning", "warn"], stale: ["Stale", "bad"], unknown: ["Unknown", "idle"],
  // Runs, steps, partitions, backfills and audits.
  success: ["Success", "good"], failed: ["Failed", "bad"], running: ["Running", "busy"], queued: ["Queued", "idle"],
  pending: ["Waiting", "idle"], skipped: ["Skipped", "idle"], cancelled: ["Cancelled", "idle"], paused: ["Paused", "warn"],
  awaiting_publish: ["Awaits publishing", "warn"], rolled_back: ["Rolled back", "idle"],
  never: ["Not run yet", "idle"],
};

/** The word for a state. */
export const wordOf = (state) => known[state]?.[0] ?? String(state);
/** The tone of a state. */
export const toneOf = (state) => known[state]?.[1] ?? "idle";
/** Whether a run, a backfill or an audit in this state is still to come or at work. */
export const isActive = (state) => state === "queued" || state === "running";

/** The sums of what the steps of a run did. */
export function sums(run) {
  const total = { read: 0, inserted: 0, updated: 0, unchanged: 0, deleted: 0 };
  for (const step of run?.steps ?? []) {
    for (const key of Object.keys(total)) total[key] += step[`rows_${key}`] ?? 0;
  }
  return total;
}
