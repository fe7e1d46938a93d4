// Speaks to the server. What it answers otherwise than with 2xx becomes a Problem.

/** A refusal in the server's own words, or what kept it from answering. */
export class Problem extends Error {
  constructor({ detail, hint = "", parts = [], status = 0, isOffline = false }) {
    super(detail);
    this.hint = hint;
    this.parts = parts;
    this.status = status;
    this.isOffline = isOffline;
  }
}

/** Reads JSON and keeps whole numbers that a double cannot hold as the digits that were sent. */
export function readJSON(text) {
  return JSON.parse(text, (_, value, context) =>
    typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) && context?.source
      ? context.source
      : value);
}

async function ask(path, options = {}) {
  let response, text;
  try {
    response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(40_000), ...options });
    text = await response.text();
  } catch {
    throw new Problem({
      detail: "The server does not answer.",
      hint: "This page tries again by itself. Is `strandline serve` still running?", isOffline: true,
    });
  }
  let body = null;
  try {
    body = text === "" ? null : readJSON(text);
  } catch {
    body = null;
  }
  if (response.ok) return body;
  const parts = Array.isArray(body?.errors) ? body.errors : [];
  throw new Problem({
    detail: body?.detail ?? `The server answered ${response.status}.`,
    hint: body?.hint ?? "", status: response.status,
    parts: parts.length > 1 ? parts.map((part) => [part.detail, part.hint].filter(Boolean).join(" ")) : [],
  });
}

/** Every item of a list, page after page, up to `most`. */
async function all(noun, path, most) {
  const items = [];
  let cursor = "";
  do {
    const more = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
    const page = await ask(`${path}${path.includes("?") ? "&" : "?"}limit=${Math.min(most, 200)}${more}`);
    items.push(...(page?.[noun] ?? []));
    cursor = page?.next_cursor ?? "";
  } while (cursor && items.length < most);
  return items;
}

const segment = encodeURIComponent;

/** The pipelines, each with its last run and watermarks. */
export const pipelines = () => all("pipelines", "/v1/pipelines", 1000);
/** The newest runs of all pipelines, newest first. */
export const recentRuns = () => all("runs", "/v1/runs", 200);
/** One run. */
export const run = (id) => ask(`/v1/runs/${segment(id)}`);
/** Asks for a run that is to be over before long; a repeat of the same request starts nothing twice. */
export const trigger = (pipeline) =>
  ask(`/v1/pipelines/${segment(pipeline)}/runs`, { method: "POST", headers: { "Idempotency-Key": randomKey() } });
/** Asks for the end of a run. */
export const cancel = (id) => ask(`/v1/runs/${segment(id)}/cancel`, { method: "POST" });

function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
