// Reading again what a page shows.

import { Problem } from "./client.js";

/** Throws what is no refusal, unless the page was left: that the server is away is told by whoever listens to it. */
export function missed(problem, signal) {
  if (!(problem instanceof Problem) && !signal.aborted) throw problem;
}

/** Makes a function that does `task` soon, after `pause` milliseconds; what asks for it meanwhile is served with it. */
export function soon(task, pause, signal) {
  let timer;
  return () => {
    timer ??= setTimeout(async () => {
      try {
        if (!signal.aborted) await task();
      } catch (problem) {
        missed(problem, signal);
      } finally {
        timer = undefined;
      }
    }, pause);
  };
}
