// Words for figures and times, in the reader's own language and zone.

import { now } from "./clock.js";

const whole = new Intl.NumberFormat();
const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const hourAndMinute = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const dayAndClock = new Intl.DateTimeFormat(undefined, {
  day: "numeric", month: "short", hour: "2-digit", minute: "2-digit",
});
const yearAndClock = new Intl.DateTimeFormat(undefined, {
  year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit",
});
const dayAndMonth = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const monthAndYear = new Intl.DateTimeFormat(undefined, { month: "short", year: "numeric" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** A whole number with its separators; digits that a number cannot hold stay as they are. */
export const number = (value) => typeof value === "number" ? whole.format(value) : String(value);

/** A number in few characters: `1.2M`. */
export const few = (value) => value < 10_000 ? whole.format(value) : short.format(value);

/** `1 row`, `2 rows`. */
export const counted = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

/** A text in which characters that hide or turn others round are spelt out. */
export const visible = (text) =>
  text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g,
    (hidden) => `\\u${hidden.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** A message as a sentence. */
export function sentence(text) {
  if (!text) return "";
  const begun = text[0].toUpperCase() + text.slice(1);
  return /[.!?:…]$/.test(begun) ? begun : `${begun}.`;
}

/** How long something took, in seconds, as people say it. */
export function duration(seconds) {
  if (!Number.isFinite(seconds) || seconds < 0) return "";
  if (seconds < 0.9995) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (seconds < 59.95) return `${seconds.toFixed(seconds < 9.95 ? 1 : 0)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds) % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** How old something is, in seconds, in its two largest units: `45 s`, `2 h 14 min`, `3 d 4 h`. */
export function age(seconds) {
  const units = [["y", 31_536_000], ["d", 86_400], ["h", 3600], ["min", 60], ["s", 1]];
  let rest = Math.max(0, Math.floor(seconds));
  const first = units.findIndex(([, size]) => rest >= size);
  if (first < 0) return "0 s";
  const words = [];
  for (const [word, size] of units.slice(first, first + (first < 3 ? 2 : 1))) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) words.push(`${number(count)} ${word}`);
  }
  return words.join(" ");
}

/** How long ago, or when it is longer than some hours: the time itself. */
export function ago(date, at = now()) {
  const seconds = Math.round((date.getTime() - at) / 1000);
  const past = Math.abs(seconds);
  if (past < 5) return seconds > 0 ? "now" : "just now";
  if (past < 60) return relative.format(Math.trunc(seconds / 5) * 5, "second");
  if (past < 3600) return relative.format(Math.trunc(seconds / 60), "minute");
  if (past < 6 * 3600) return relative.format(Math.trunc(seconds / 3600), "hour");
  return moment(date, at);
}

/** A time of today as its hour and minute (and second when `fine`), another with its day, one of another year with that too. */
export function moment(date, at = now(), { fine = false } = {}) {
  const today = new Date(at);
  if (date.toDateString() === today.toDateString()) return (fine ? clock : hourAndMinute).format(date);
  return (date.getFullYear() === today.getFullYear() ? dayAndClock : yearAndClock).format(date);
}

/** The words for instants on an axis: as exact as what lies between its ends asks for. */
export function axisWords(low, high) {
  const span = high - low;
  if (span < 300_000) return clock;
  if (span < 86_400_000 && new Date(low).toDateString() === new Date(high).toDateString()) return hourAndMinute;
  return span < 3 * 86_400_000 ? dayAndClock : span < 200 * 86_400_000 ? dayAndMonth : monthAndYear;
}

/** The time of day, to the second. */
export const timeOfDay = (date) => clock.format(date);

/** An instant in the reader's zone and in UTC, on two lines. */
export const bothZones = (date) =>
  `${full.format(date)} here\n${date.toISOString().replace("T", " ").replace(/\.\d+Z$/, "")} UTC`;

/** A date of an RFC 3339 text; null for anything else. */
export function dateOf(text) {
  if (typeof text !== "string" || text === "") return null;
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** The value of a cursor as a text; null when there is none. */
export function cursorText(value) {
  if (value === null || value === undefined) return null;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
