// Words for figures and times, in the reader's own language and zone.

const whole = new Intl.NumberFormat();
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayAndClock = new Intl.DateTimeFormat(undefined, {
  day: "numeric", month: "short", hour: "2-digit", minute: "2-digit",
});
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** A whole number with its separators. */
export const number = (value) => whole.format(value);

/** `1 row`, `2 rows`. */
export const counted = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

/** A text in which characters that hide or turn others round are spelt out. */
export const visible = (text) =>
  text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g,
    (hidden) => `\\u${hidden.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** A duration in seconds as people say it. */
export function duration(seconds) {
  if (!Number.isFinite(seconds) || seconds < 0) return "";
  if (seconds < 0.0095) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 59.95) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds) % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** How long ago, or when it is longer than some hours: the time itself. */
export function ago(date, now = Date.now()) {
  const seconds = Math.round((date.getTime() - now) / 1000);
  const past = Math.abs(seconds);
  if (past < 5) return "just now";
  if (past < 60) return relative.format(Math.trunc(seconds / 5) * 5, "second");
  if (past < 3600) return relative.format(Math.trunc(seconds / 60), "minute");
  if (past < 6 * 3600) return relative.format(Math.trunc(seconds / 3600), "hour");
  return dayAndClock.format(date);
}

/** The time of day, to the second. */
export const timeOfDay = (date) => clock.format(date);

/** Shows an instant in a `time` element: relative or local in sight, UTC when pointed at. */
export function showTime(element, text, { prefix = "" } = {}) {
  const date = text ? new Date(text) : null;
  const isKnown = date !== null && !Number.isNaN(date.getTime());
  const words = isKnown ? prefix + ago(date) : "";
  if (element.textContent !== words) element.textContent = words;
  if (!isKnown) {
    element.removeAttribute("datetime");
    element.removeAttribute("title");
    return;
  }
  const title = `${full.format(date)} here\n${date.toISOString().replace("T", " ").replace(/\.\d+Z$/, "")} UTC`;
  if (element.title !== title) element.title = title;
  if (element.dateTime !== text) element.dateTime = text;
}
