// Ranges that are loaded again: what the server is asked about them, and how their places are said.

import { all, ask } from "./client.js";
import { counted, number } from "./format.js";

const segment = encodeURIComponent;
const of = (id, more = "") => `/v1/backfills/${segment(id)}${more}`;
const trial = (isPreview) => ({ dry_run: isPreview ? "true" : "" });

/** A page of the backfills, newest first. */
export const backfillPage = (query, signal) => ask("/v1/backfills", { query, signal });
/** One backfill. */
export const backfill = (id, signal) => ask(of(id), { signal });
/** A page of its partitions in the order of the range. */
export const partitionPage = (id, query, signal) => ask(of(id, "/partitions"), { query, signal });
/** Its first events and its newest, oldest first; some may come twice. */
export async function backfillEvents(id, most, signal) {
  const [first, newest] = await Promise.all([
    ask(of(id, "/events"), { query: { after: 0, limit: 20 }, signal }), all("events", of(id, "/events"), { most, signal }),
  ]);
  return [...first.events, ...newest.reverse()];
}
/** Asks to `pause`, `resume`, `cancel` or `retry` it. */
export const change = (id, verb) => ask(of(id, `/${verb}`), { method: "POST" });
/** Publishes what it has staged, or only says what that would do. */
export const publish = (id, isPreview) => ask(of(id, "/publish"), { method: "POST", query: trial(isPreview) });
/** Puts back what it has changed, or only says what that would do. */
export const rollBack = (id, isPreview) => ask(of(id, "/rollback"), { method: "POST", query: trial(isPreview) });
/** Starts a backfill, or only says what it would do; `text` is the request. */
export const start = (text, isPreview, signal) => ask("/v1/backfills", { method: "POST", text, query: trial(isPreview), signal });
/** Which intervals of a step are loaded, and which are not. */
export const ledger = (pipeline, step, signal) => ask(`/v1/pipelines/${segment(pipeline)}/ledger/${segment(step)}`, { signal });

const formats = new Map();

/** The parts of an instant in a time zone; in UTC where the browser does not know the zone. */
function partsIn(date, timezone) {
  let format = formats.get(timezone);
  if (!format) {
    const options = { hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric" };
    try {
      format = new Intl.DateTimeFormat("en-US", { ...options, timeZone: timezone ?? "UTC" });
    } catch {
      format = new Intl.DateTimeFormat("en-US", { ...options, timeZone: "UTC" });
    }
    formats.set(timezone, format);
  }
  return Object.fromEntries(format.formatToParts(date).map(({ type, value }) => [type, Number(value)]));
}

/** A place of a range by the calendar of its time zone: `{ year, month, day, hour, minute }`; null for a number. */
export function placeParts(place, timezone) {
  if (typeof place !== "string") return null;
  const found = /^(\d{4,})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::\d\d(?:\.\d+)?)?)?(Z|[+-]\d\d:?\d\d)?$/i.exec(place);
  if (!found) return null;
  if (found[6]) return partsIn(new Date(place), timezone);
  const [year, month, day, hour = 0, minute = 0] = found.slice(1, 6).map((part) => part === undefined ? undefined : Number(part));
  return { year, month, day, hour, minute };
}

// Parts are a calendar's own, so they are put into words as if they were UTC.
const words = (options) => {
  const format = new Intl.DateTimeFormat(undefined, { ...options, timeZone: "UTC" });
  return ({ year, month, day, hour, minute }) => format.format(Date.UTC(year, month - 1, day, hour, minute));
};
const day = words({ day: "numeric", month: "short", year: "numeric" });
/** A month with its year. */
export const monthWords = words({ month: "short", year: "numeric" });
const hour = words({ day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
const clock = words({ hour: "2-digit", minute: "2-digit" });
const year = words({ year: "numeric" });

/** A place of a range in words, of the backfill's own time zone. */
export function placeWords(place, timezone) {
  const parts = placeParts(place, timezone);
  if (!parts) return typeof place === "number" ? number(place) : String(place);
  return parts.hour === 0 && parts.minute === 0 ? day(parts) : hour(parts);
}

const utc = ({ year, month, day, hour, minute }) => Date.UTC(year, month - 1, day, hour, minute);
const partsOf = (at) => {
  const date = new Date(at);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate(), hour: date.getUTCHours(), minute: date.getUTCMinutes() };
};
const isMidnight = (parts) => parts.hour === 0 && parts.minute === 0;

/** What lies from a start up to an end in words, with the last that belongs to it: a day, a month, `3 – 9 Mar`, an hour. */
export function partitionWords({ start, end }, { interval, timezone }) {
  const [from, to] = [placeParts(start, timezone), placeParts(end, timezone)];
  if (!from || !to) {
    if (typeof start !== "number" || typeof end !== "number") return `${placeWords(start)} up to ${placeWords(end)}`;
    return end - start === 1 ? number(start) : `${number(start)} – ${number(end - 1)}`;
  }
  const [startsAt, endsAt] = [utc(from), utc(to)];
  if (!isMidnight(from) || !isMidnight(to)) {
    const isOneDay = day(from) === day(partsOf(endsAt - 1));
    return `${hour(from)} – ${isOneDay ? clock(to) : placeWords(end, timezone)}`;
  }
  const last = partsOf(endsAt - 1);
  if (endsAt - startsAt <= 86_400_000) return day(from);
  const isWhole = from.day === 1 && to.day === 1;
  if (interval === "month" && isWhole && (to.year - from.year) * 12 + to.month - from.month === 1) return monthWords(from);
  if (interval === "year" && isWhole && from.month === 1 && to.month === 1 && to.year - from.year === 1) return year(from);
  return `${day(from)} – ${day(last)}`;
}

/** The range of a backfill in words; its end does not belong to it. */
export const rangeWords = (backfill) => `${placeWords(backfill.start, backfill.timezone)} up to ${placeWords(backfill.end, backfill.timezone)}`;

/** How wide its partitions are. */
export const intervalWords = (interval) => typeof interval === "number" ? counted(interval, "number") : String(interval);

/** Whether nothing of it will go on any more by itself or by a person. */
export const isOver = (state) => ["success", "failed", "cancelled", "rolled_back"].includes(state);
