// The frame around all pages: which one is open, whether the server answers, and what is told to screen readers.

import { Problem } from "./client.js";
import { fill, make, say, trouble } from "./elements.js";
import { sentence, timeOfDay } from "./format.js";
import * as live from "./live.js";
import { Router } from "./router.js";

// Each is a module with a `page`: `{ title, open(root, params, signal) }`.
const routes = [
  ["/", () => import("./pages/overview.js")],
  ["/pipelines/:pipeline", () => import("./pages/pipeline.js")],
  ["/runs", () => import("./pages/runs.js")],
  ["/backfills", () => import("./pages/backfills.js")],
  ["/backfills/new", () => import("./pages/backfill-new.js")],
  ["/backfills/:backfill", () => import("./pages/backfill.js")],
  ["/runs/:run", () => import("./pages/run.js")],
];

const at = (id) => document.getElementById(id);
let leave = new AbortController();
let isFirst = true;

/** Opens a page in the place of the one that is open; what that one had begun ends by its signal. */
async function show(load, params, query) {
  leave.abort();
  const mine = new AbortController();
  leave = mine;
  const root = make("div", { class: "page", "aria-busy": "true" });
  try {
    const { page } = load ? await load() : await import("./pages/missing.js");
    if (mine.signal.aborted) return;
    document.title = titled(page.title(params));
    for (const way of document.querySelectorAll(".nav a")) {
      if (way.getAttribute("href") === (page.section ?? "")) way.setAttribute("aria-current", "page");
      else way.removeAttribute("aria-current");
    }
    at("main").replaceChildren(root);
    await page.open(root, { ...params, query }, mine.signal);
  } catch (problem) {
    if (mine.signal.aborted) return;
    if (!(problem instanceof Problem)) console.error(problem);
    at("main").replaceChildren(root);
    fill(root, failed(problem));
    // A server that was away has come back, or what was missing may be there now.
    live.follow({ refresh: () => show(load, params, query) }, mine.signal);
  }
  root.removeAttribute("aria-busy");
  if (!isFirst && !mine.signal.aborted) arrive();
  isFirst = false;
}

/** Brings the reader to the top of a page that was gone to. */
function arrive() {
  scrollTo(0, 0);
  const heading = at("main").querySelector("h1");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus({ preventScroll: true });
}

function failed(problem) {
  const known = problem instanceof Problem ? problem : { message: "This page met a fault.", hint: "Load it again." };
  return [make("h1", {}, problem.status === 404 ? "There is no such thing" : "This cannot be shown"),
    trouble(known, { role: "alert" }), make("p", {}, make("a", { href: "#/" }, "To the overview"))];
}

const titled = (text) => text ? `${text} · Strandline` : "Strandline";

live.watchConnection(({ isOffline, problem, heardAt, isStreaming }) => {
  const notice = at("notice");
  notice.hidden = !isOffline;
  if (isOffline) say(notice, `${sentence(problem.message)} ${sentence(problem.hint)}`);
  const clock = at("clock");
  clock.dataset.state = isOffline ? "away" : isStreaming ? "live" : "asking";
  say(clock, isOffline && heardAt ? `Last heard at ${timeOfDay(heardAt)}` : isOffline ? "Not connected"
    : isStreaming ? "Live" : "Every 5 s");
});

at("skip").addEventListener("click", (event) => {
  event.preventDefault();
  at("main").focus();
});

await live.begin();
new Router(routes, show).go();
