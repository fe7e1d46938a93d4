// The status page: asks the server while somebody looks, and shows what it says.

import * as client from "./client.js";
import { Card } from "./card.js";
import { counted, timeOfDay } from "./format.js";

const calm = 5000;
const busy = 1000;
const longest = 30_000;
const filterFrom = 7;

const at = (id) => document.getElementById(id);
const cards = new Map();
let failures = 0;
let timer = 0;
let isAsking = false;
let heardAt = null;
let historyKey = "";

/** Tells a screen reader. */
function announce(text) { at("announcer").textContent = text; }

function groupBy(items, key) {
  const groups = new Map();
  for (const item of items) {
    const name = key(item);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(item);
  }
  return groups;
}

async function refresh() {
  const pipelines = await client.pipelines();
  const list = at("pipelines");
  const names = new Set(pipelines.map((pipeline) => pipeline.name));
  for (const [name, card] of cards) {
    if (!names.has(name)) { card.element.remove(); cards.delete(name); }
  }
  pipelines.sort((left, right) => left.name.localeCompare(right.name));
  for (const [place, pipeline] of pipelines.entries()) {
    let card = cards.get(pipeline.name);
    if (!card) {
      card = new Card(pipeline.name, { onTrigger: trigger, onCancel: cancel });
      cards.set(pipeline.name, card);
    }
    if (list.children[place] !== card.element) list.insertBefore(card.element, list.children[place] ?? null);
    card.showDocument(pipeline);
    card.showWatermarks(new Map((pipeline.watermarks ?? []).map((mark) => [mark.step, mark])));
    card.showRun(pipeline.last_run ?? null);
  }
  list.removeAttribute("aria-busy");
  at("empty").hidden = pipelines.length > 0;
  at("filter").hidden = pipelines.length < filterFrom;
  applyFilter();
  summarize();
  await refreshHistory();
}

/** Reads the newest runs again when one has come or ended. */
async function refreshHistory() {
  const key = [...cards.values()].map((card) => `${card.run?.id}${card.run?.state}`).join();
  if (key === historyKey || cards.size === 0) return;
  const runs = groupBy(await client.recentRuns(), (run) => run.pipeline);
  for (const [name, own] of runs) cards.get(name)?.showHistory(own);
  historyKey = key;
}

/** How all is, in one line and in the title. */
function summarize() {
  const tally = { failed: 0, active: 0, never: 0 };
  for (const card of cards.values()) {
    if (card.isActive) tally.active += 1;
    else if (card.run?.state === "failed") tally.failed += 1;
    else if (!card.run) tally.never += 1;
  }
  const parts = [];
  if (tally.failed) parts.push([`${tally.failed} failed`, "bad"]);
  if (tally.active) parts.push([`${tally.active} running`, ""]);
  if (tally.never) parts.push([`${tally.never} not run yet`, ""]);
  const total = cards.size;
  let text = total === 0 ? "Ready for the first pipeline" : counted(total, "pipeline");
  if (total > 0 && parts.length === 0) text += total === 1 ? ", in order" : ", all in order";
  const pieces = [document.createTextNode(text)];
  for (const [index, [words, tone]] of parts.entries()) {
    pieces.push(document.createTextNode(index === 0 ? ": " : ", "));
    const piece = document.createElement("span");
    piece.textContent = words;
    piece.className = tone;
    pieces.push(piece);
  }
  const summary = at("summary");
  const whole = pieces.map((piece) => piece.textContent).join("");
  if (summary.textContent !== whole) summary.replaceChildren(...pieces);
  document.title = tally.failed ? `${tally.failed} failed · Strandline` : "Strandline";
}

function applyFilter() {
  const text = at("filter").hidden ? "" : at("filter-text").value.trim().toLowerCase();
  let shown = 0;
  for (const card of cards.values()) {
    card.element.hidden = text !== "" && !card.name.toLowerCase().includes(text);
    if (!card.element.hidden) shown += 1;
  }
  at("no-match").hidden = shown > 0 || cards.size === 0;
}

/** Starts a run and follows it to its end. */
async function trigger(card) {
  card.showRefusal(null);
  card.showAsking(true);
  announce(`${card.name}: asked for a run`);
  try {
    const run = await client.trigger(card.name);
    card.isAsking = false;
    card.showRun(run);
    summarize();
    await follow(card, run);
  } catch (problem) {
    card.showAsking(false);
    card.showRefusal(problem);
    announce(`${card.name}: ${problem.message} ${problem.hint}`);
  }
}

async function follow(card, run) {
  let pause = 60;
  let misses = 0;
  while (run.state === "queued" || run.state === "running") {
    await new Promise((done) => setTimeout(done, pause));
    pause = Math.min(pause * 1.5, busy);
    try {
      run = await client.run(run.id);
      misses = 0;
    } catch (problem) {
      // The regular round goes on looking when the server stays away.
      misses += 1;
      if (!problem.isOffline || misses > 5) return;
      continue;
    }
    card.showRun(run);
  }
  const error = run.error?.message ?? "";
  announce(`${card.name}: ${run.state}. ${error}`);
  soon();
}

async function cancel(card, id) {
  try {
    const run = await client.cancel(id);
    if (run?.id) card.showRun(run);
    announce(`${card.name}: asked for its end`);
  } catch (problem) {
    card.showRefusal(problem);
    announce(`${card.name}: ${problem.message}`);
  }
  soon();
}

/** One round, then the time of the next: often while something runs, rarely while the server is away. */
async function round() {
  clearTimeout(timer);
  if (isAsking || document.visibilityState === "hidden") return;
  isAsking = true;
  const notice = at("notice");
  try {
    await refresh();
    failures = 0;
    heardAt = new Date();
    notice.hidden = true;
  } catch (problem) {
    if (!(problem instanceof client.Problem)) console.error(problem);
    failures += 1;
    const known = problem instanceof client.Problem ? problem : { message: "This page met a fault.", hint: "Load it again." };
    const text = `${known.message} ${known.hint}`.trim();
    // One miss may be a restart; say it when it lasts.
    if (failures > 1 || cards.size === 0) {
      if (notice.textContent !== text) notice.textContent = text;
      notice.hidden = false;
    }
  }
  isAsking = false;
  showClock();
  const isBusy = [...cards.values()].some((card) => card.isActive);
  const pause = failures ? Math.min(busy * 2 ** failures, longest) : isBusy ? busy : calm;
  timer = setTimeout(round, pause);
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(round, 0);
}

function showClock() {
  const text = failures && heardAt ? `Last heard at ${timeOfDay(heardAt)}` : heardAt ? `As of ${timeOfDay(heardAt)}` : "";
  if (at("clock").textContent !== text) at("clock").textContent = text;
}

at("empty-commands").textContent = [
  `curl -X PUT ${location.origin}/v1/connections/shop -d '{ type: sqlite, path: shop.db }'`,
  `curl -X PUT ${location.origin}/v1/connections/warehouse -d '{ type: sqlite, path: warehouse.db }'`,
  "",
  `curl -X PUT ${location.origin}/v1/pipelines/orders --data-binary @- <<'YAML'`,
  "steps:",
  "  - name: orders",
  "    source: { connection: shop, table: orders }",
  "    destination: { connection: warehouse, table: orders }",
  "    strategy: timestamp",
  "    cursor: updated_at",
  "    primary_key: [id]",
  "YAML",
].join("\n");

at("filter-text").addEventListener("input", applyFilter);
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") soon(); });
setInterval(() => {
  if (document.visibilityState === "visible") for (const card of cards.values()) card.tick();
}, 1000);
round();
