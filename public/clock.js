// The time as the server has it, and the beat by which pages bring their ages up to date.

let offset = 0;

/** Takes note of the time that an answer of the server bears; a difference within its rounding is none. */
export function heardServerTime(text) {
  const server = Date.parse(text ?? "");
  if (Number.isNaN(server)) return;
  const difference = server + 500 - Date.now();
  offset = Math.abs(difference) > 2000 ? difference : 0;
}

/** Now, in milliseconds since 1970, by the server's clock. */
export const now = () => Date.now() + offset;

/** Calls `handler` once a second while somebody looks, until `signal` is aborted. */
export function everySecond(handler, signal) {
  const timer = setInterval(() => { if (document.visibilityState === "visible") handler(); }, 1000);
  signal.addEventListener("abort", () => clearInterval(timer));
}
