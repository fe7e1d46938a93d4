// What happens on the server, as it happens: one stream of events for the whole page, taken up where it broke, with asking
// now and then where streams do not come through. While nobody looks, nothing is asked.

import { ask, problemOf, unanswered } from "./client.js";
import { heardServerTime } from "./clock.js";

const silence = 40_000;
const askingEvery = 5000;
const longestPause = 30_000;
const enoughMisses = 2;

const followers = new Set();
const watchers = new Set();
let last = null;
let round = null;
let misses = 0;
let heardAt = null;
let begun = () => {};

/**
 * Follows what happens until `signal` is aborted. `event` is called with each event; `refresh` when some may have been missed
 * and all should be read again: after a gap, and when the server is back.
 */
export function follow({ event = () => {}, refresh = () => {} }, signal) {
  const follower = { event, refresh };
  followers.add(follower);
  signal.addEventListener("abort", () => followers.delete(follower));
}

/** Calls `handler` with `{ isOffline, problem, heardAt, isStreaming }` whenever one of them changes. */
export function watchConnection(handler) {
  watchers.add(handler);
}

/** Begins to listen, and does so whenever somebody looks; answers when what happens from now on will be told. */
export function begin() {
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") listen();
    else round?.abort();
  });
  return new Promise((done) => {
    begun = done;
    if (document.visibilityState === "visible") listen();
    else done();
  });
}

function tell(status) {
  for (const watcher of watchers) watcher({ isOffline: false, problem: null, isStreaming: false, heardAt, ...status });
}

function heard(isStreaming) {
  const wasAway = misses >= enoughMisses;
  misses = 0;
  heardAt = new Date();
  tell({ isStreaming });
  begun();
  if (wasAway) refreshAll();
}

function refreshAll() {
  for (const { refresh } of [...followers]) refresh();
}

function pass(event) {
  if (typeof event.id === "number") last = event.id;
  if (event.kind === "gap") refreshAll();
  else for (const follower of [...followers]) follower.event(event);
}

/** Streams while that works; a stream that cannot be had, or that ends, is followed by a question and the next attempt. */
async function listen() {
  round?.abort();
  const mine = new AbortController();
  round = mine;
  const { signal } = mine;
  while (!signal.aborted) {
    let pause = 0;
    try {
      await stream(signal);
    } catch (problem) {
      if (signal.aborted) return;
      try {
        await catchUp(signal);
        heard(false);
        pause = askingEvery;
      } catch (second) {
        if (signal.aborted) return;
        misses += 1;
        // One miss may be a restart; it is told when it lasts.
        if (misses >= enoughMisses) tell({ isOffline: true, problem: second });
        begun();
        pause = Math.min(500 * 2 ** misses, longestPause);
      }
    }
    if (pause > 0) await wait(pause, signal);
  }
}

function wait(milliseconds, signal) {
  return new Promise((done) => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", () => { clearTimeout(timer); done(); }, { once: true });
  });
}

/** Reads what has happened since the last event, as pages of the log. */
async function catchUp(signal) {
  if (last === null) {
    const newest = await ask("/v1/events", { query: { limit: 1 }, signal });
    last = newest.last_event_id;
    refreshAll();
    return;
  }
  let cursor = "";
  do {
    const page = await ask("/v1/events", { query: { after: last, limit: 1000, cursor }, signal });
    page.events.forEach(pass);
    cursor = page.next_cursor ?? "";
  } while (cursor);
}

/** Listens to one stream until it breaks, which throws. */
async function stream(signal) {
  const patience = new AbortController();
  let timer = 0;
  const waitOn = () => {
    clearTimeout(timer);
    timer = setTimeout(() => patience.abort(), silence);
  };
  waitOn();
  try {
    const response = await fetch(last === null ? "/v1/events" : `/v1/events?after=${last}`, {
      cache: "no-store", headers: { Accept: "text/event-stream" }, signal: AbortSignal.any([signal, patience.signal]),
    });
    heardServerTime(response.headers.get("Date"));
    if (!response.ok) throw problemOf(response.status, await response.text());
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    while (true) {
      const { value, done } = await reader.read();
      if (done) throw unanswered(signal);
      waitOn();
      const pieces = (rest + value).split("\n\n");
      rest = pieces.pop();
      const events = pieces.map(readPiece).filter(Boolean);
      heard(true);
      events.forEach(pass);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** One event of the stream; null for a comment and for the number with which a stream begins. */
function readPiece(piece) {
  let data = "";
  for (const line of piece.split("\n")) {
    if (line.startsWith("data:")) data += line.slice(5).trimStart();
    else if (line.startsWith("id:") && last === null) last = Number(line.slice(3));
  }
  return data === "" ? null : JSON.parse(data);
}
