// What the values of cursors mean in time.

import { cursorText } from "./format.js";

const perSecond = { unix_seconds: 1, unix_millis: 1e3, unix_micros: 1e6 };

/** The instant that a value of a step's cursor stands for, in milliseconds; null when it is no time. */
export function instantOf(step, value) {
  if (value === null || value === undefined || step?.strategy === "sequence" || step?.strategy === "cdc") return null;
  const format = typeof step?.cursor === "object" ? step.cursor?.format : undefined;
  if (perSecond[format]) return Number(value) / perSecond[format] * 1000;
  if (typeof value !== "string" || !/^\d{4}-\d\d-\d\d/.test(value)) return null;
  const text = value.replace(" ", "T");
  // No offset means UTC.
  const at = Date.parse(/T.*(Z|[+-]\d\d:?\d\d)$/i.test(text) || !text.includes("T") ? text : `${text}Z`);
  return Number.isNaN(at) ? null : at;
}

/** Whether a step's cursor holds numbers. */
export const isNumeric = (step, value) =>
  typeof value === "number" || ["sequence", "cdc"].includes(step?.strategy) || Boolean(perSecond[step?.cursor?.format]);

/** A value as a person typed it, as JSON: digits stay the digits that they are where the cursor holds numbers. */
export function typedValue(step, current, typed) {
  const text = typed.trim();
  if (isNumeric(step, current) && /^-?\d+$/.test(text)) return text;
  if (/^\{.*\}$/s.test(text)) {
    try {
      return JSON.stringify(JSON.parse(text));
    } catch {
      // A text that only looks like one.
    }
  }
  return JSON.stringify(text);
}

/** A value of a cursor, or a word where there is none. */
export const shownValue = (value, without = "none yet") => cursorText(value) ?? without;
