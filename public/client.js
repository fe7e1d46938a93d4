// Speaks to the server. What it answers otherwise than with 2xx becomes a Problem.

import { heardServerTime } from "./clock.js";

/** A refusal in the server's own words, or what kept it from answering. */
export class Problem extends Error {
  constructor({ detail, hint = "", parts = [], faults = [], status = 0, code = "", isOffline = false }) {
    super(detail);
    this.hint = hint;
    this.parts = parts;
    this.faults = faults;
    this.status = status;
    this.code = code;
    this.isOffline = isOffline;
  }
}

/** Reads JSON and keeps whole numbers that a double cannot hold as the digits that were sent. */
function readJSON(text) {
  return JSON.parse(text, (_, value, context) =>
    typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) && context?.source
      ? context.source
      : value);
}

/** The problem that an answer is, from its status and text. */
export function problemOf(status, text) {
  let body = null;
  try {
    body = readJSON(text);
  } catch {
    // Not ours: something between the page and the server has answered.
  }
  const parts = Array.isArray(body?.errors) ? body.errors : [];
  // What each field of the request is told: all of them, or the one that the problem is about.
  const faults = (parts.length > 0 ? parts : [{ ...body }]).filter(({ field }) => field)
    .map(({ field, detail, hint }) => ({ field, message: detail, hint: hint ?? "" }));
  return new Problem({
    detail: body?.detail ?? `The server answered ${status}.`, hint: body?.hint ?? "", faults, status, code: body?.code ?? "",
    parts: parts.length > 1 ? parts.map((part) => [part.detail, part.hint].filter(Boolean).join(" ")) : [],
  });
}

/** What a request that got no answer comes to; throws what `signal` was aborted with instead. */
export function unanswered(signal) {
  signal?.throwIfAborted();
  return new Problem({
    detail: "The server does not answer.",
    hint: "This page tries again by itself. Is `strandline serve` still running?", isOffline: true,
  });
}

/**
 * Asks the server and answers what it says as JSON. `body` is sent as JSON, or `text` as it is; `query` is added to the path,
 * `signal` gives up. A change is sent with a key, so that a repeat of the same request does nothing twice, and with `tag` only
 * goes through when what it changes still has that tag.
 */
export const ask = async (path, options) => (await askTagged(path, options)).body;

/** Asks in the same way, and answers the `body` with the `tag` that it bears. */
async function askTagged(path, { method = "GET", body, text: raw, query = {}, tag, signal } = {}) {
  const headers = {};
  if (tag) headers["If-Match"] = tag;
  if (method !== "GET") headers["Idempotency-Key"] = randomKey();
  const sent = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  if (sent !== undefined) headers["Content-Type"] = "application/json";
  const pairs = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const address = pairs.length > 0 ? `${path}?${new URLSearchParams(pairs)}` : path;
  const patience = AbortSignal.timeout(40_000);
  let response, text;
  try {
    response = await fetch(address, {
      method, headers, cache: "no-store", body: sent,
      signal: signal ? AbortSignal.any([signal, patience]) : patience,
    });
    text = await response.text();
  } catch {
    throw unanswered(signal);
  }
  heardServerTime(response.headers.get("Date"));
  if (!response.ok) throw problemOf(response.status, text);
  try {
    return { body: text === "" ? null : readJSON(text), tag: response.headers.get("ETag") };
  } catch {
    throw new Problem({ detail: "The server's answer cannot be read.", status: response.status });
  }
}

/** Every item of a list, page after page, up to `most`. */
export async function all(noun, path, { query = {}, most = 1000, signal } = {}) {
  const items = [];
  let cursor = "";
  do {
    const page = await ask(path, { query: { ...query, limit: Math.min(most - items.length, 1000), cursor }, signal });
    items.push(...(page?.[noun] ?? []));
    cursor = page?.next_cursor ?? "";
  } while (cursor && items.length < most);
  return items;
}

const segment = encodeURIComponent;
const ofPipeline = (name, more = "") => `/v1/pipelines/${segment(name)}${more}`;
const watermarkPath = (name, step) => ofPipeline(name, `/watermarks/${segment(step)}`);

/** The pipelines, each with its last run and watermarks. */
export const pipelines = (signal) => all("pipelines", "/v1/pipelines", { most: 20_000, signal });
/** One pipeline. */
export const pipeline = (name, signal) => ask(ofPipeline(name), { signal });
/** The newest runs of a pipeline, newest first. */
export const runsOf = (name, most, signal) => all("runs", "/v1/runs", { query: { pipeline: name }, most, signal });
/** One run. */
export const run = (id, signal) => ask(`/v1/runs/${segment(id)}`, { signal });
/** What has happened to a run, oldest first. */
export const runEvents = (id, signal) => all("events", `/v1/runs/${segment(id)}/events`, { query: { after: 0 }, most: 5000, signal });
/** Asks for another run of the steps that did not succeed in one. */
export const retry = (id) => ask(`/v1/runs/${segment(id)}/retry`, { method: "POST" });
/** Puts back what a run changed, or only says what that would do. */
export const rollBack = (id, isPreview) =>
  ask(`/v1/runs/${segment(id)}/rollback`, { method: "POST", query: { dry_run: isPreview ? "true" : "" } });
/** Asks for a run; `options` as the server takes them. */
export const trigger = (name, options) => ask(ofPipeline(name, "/runs"), { method: "POST", body: options });
/** Asks for the end of a run. */
export const cancel = (id) => ask(`/v1/runs/${segment(id)}/cancel`, { method: "POST" });
/** A page of the newest runs, from `cursor` on; `query` says which: `{ pipeline, state }`. */
export const runPage = (query, limit, cursor, signal) => ask("/v1/runs", { query: { ...query, limit, cursor }, signal });
/** What the next run would do. */
export const plan = (name, signal) => ask(ofPipeline(name, "/plan"), { method: "POST", signal });
/** Holds the schedule of a pipeline. */
export const pause = (name) => ask(ofPipeline(name, "/pause"), { method: "POST" });
/** Lets a schedule go on; `onResume` says what becomes of missed ticks: `coalesce` or `skip`. */
export const resume = (name, onResume) => ask(ofPipeline(name, "/resume"), { method: "POST", body: { on_resume: onResume } });
/** The changes of a watermark, newest first. */
export const watermarkHistory = (name, step, most, signal) =>
  all("watermarks", `${watermarkPath(name, step)}/history`, { most, signal });
/** The watermark of a step with its tag. */
export const watermark = (name, step, signal) => askTagged(watermarkPath(name, step), { signal });
/** Sets a watermark, or only says what that would do; `text` is the body. */
export const setWatermark = (name, step, text, tag, isPreview) =>
  ask(watermarkPath(name, step), { method: "PUT", text, tag, query: { dry_run: isPreview ? "true" : "" } });
/** The newest audits of a pipeline, newest first. */
export const audits = (name, most, signal) => all("audits", "/v1/audits", { query: { pipeline: name }, most, signal });
/** Asks for an audit. */
export const startAudit = (name, request) => ask(ofPipeline(name, "/audits"), { method: "POST", body: request });
/** Asks for the end of an audit. */
export const cancelAudit = (id) => ask(`/v1/audits/${segment(id)}/cancel`, { method: "POST" });
/** Puts back what an audit has mended. */
export const rollBackAudit = (id) => ask(`/v1/audits/${segment(id)}/rollback`, { method: "POST" });
/** The changes of a pipeline's freshness, newest first. */
export const freshnessHistory = (name, most, signal) =>
  all("changes", `/v1/freshness/${segment(name)}/history`, { most, signal });

function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
