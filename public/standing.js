// How a pipeline stands, for the overview: one word, how bad that is, since when, and why.

import { now } from "./clock.js";
import { age, dateOf, moment, sentence } from "./format.js";
import { isActive, toneOf, wordOf } from "./states.js";

// Worst first. What has failed but is not late comes after what is late.
const ranks = { stale: 0, failed: 1, warn: 2, unknown: 3, never: 4, cancelled: 5, none: 6, fresh: 7 };

/**
 * The standing of a pipeline as the server tells of it. `status` is one of its freshness where it has limits; `key` sorts it
 * into a group: one of `ranks`.
 */
export function standingOf(pipeline) {
  const freshness = pipeline.freshness_status ?? null;
  const run = pipeline.last_run ?? null;
  const hasLimits = freshness?.has_limits === true;
  const isFailing = run?.state === "failed" || (isActive(run?.state) && Boolean(run?.error));
  let key = hasLimits ? freshness.status : run === null ? "never" : "none";
  if (isFailing && key !== "stale") key = "failed";
  else if (key === "none" && run.state === "cancelled") key = "cancelled";
  const word = hasLimits ? wordOf(freshness.status) : isFailing ? wordOf("failed") : run === null ? wordOf("never")
    : run.state === "cancelled" ? wordOf("cancelled") : "No limits";
  const tone = hasLimits ? toneOf(freshness.status) : isFailing ? "bad" : "idle";
  return {
    key, word, tone, hasLimits, isFailing, rank: ranks[key], isActive: isActive(run?.state), freshness,
    since: hasLimits ? dateOf(freshness.since) : null, reason: reasonOf(freshness, run, hasLimits, isFailing),
  };
}

function reasonOf(freshness, run, hasLimits, isFailing) {
  const parts = [];
  if (hasLimits && freshness.status !== "fresh") parts.push(sentence(freshness.reason));
  // The server's reason may hold the failure already.
  const message = run?.error?.message ?? "";
  if (isFailing && !(parts[0] ?? "").includes(message)) parts.push(`Last run failed: ${sentence(message)}`);
  return parts.join(" ");
}

/** How old the data is now, in seconds, by what the server said at `heardAt`; null when nobody knows. */
export function ageNow(freshness, heardAt) {
  const lag = freshness?.lag_seconds ?? null;
  return lag === null ? null : Math.max(0, lag + (now() - heardAt) / 1000);
}

/** Whether data has passed a limit since the server judged it, which by its own clock it now judges otherwise. */
export function hasPassedLimit({ standing, heardAt }) {
  const { freshness, hasLimits } = standing;
  if (!hasLimits || freshness.status === "stale" || freshness.status === "unknown") return false;
  if (dateOf(freshness.deadline_at)?.getTime() < now()) return true;
  const [warn, error] = [freshness.warn_after_seconds ?? Infinity, freshness.error_after_seconds ?? Infinity];
  return ageNow(freshness, heardAt) > (freshness.status === "warn" ? error : Math.min(warn, error));
}

/** The limits of a pipeline in words: `warns at 30 min, stale at 2 h, due by 06:00`. */
export function limitWords({ warn_after_seconds: warn, error_after_seconds: error, deadline_at: deadline }) {
  const due = dateOf(deadline);
  return [warn && `warns at ${age(warn)}`, error && `stale at ${age(error)}`, due && `newer data due by ${moment(due)}`].filter(Boolean).join(", ");
}

const collator = new Intl.Collator();

/** By name. */
export const byName = (left, right) => collator.compare(left.name, right.name);

/** Worst first: what is late by most, then by name. */
export function byWorst(left, right) {
  if (left.standing.rank !== right.standing.rank) return left.standing.rank - right.standing.rank;
  const one = left.standing.since?.getTime() ?? Infinity;
  const two = right.standing.since?.getTime() ?? Infinity;
  return one !== two ? one - two : byName(left, right);
}

/** Since when something is late, in words: `since 14:02 (2 h 5 min)`. */
export const sinceWords = (since) =>
  since ? `since ${moment(since)} (${age((now() - since.getTime()) / 1000)})` : "";
