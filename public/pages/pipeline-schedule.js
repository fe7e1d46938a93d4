// Pausing and resuming a schedule, after saying what that does.

import * as client from "../client.js";
import { open } from "../dialog.js";
import { make } from "../elements.js";
import { counted } from "../format.js";

/** Asks whether to hold the schedule; answers null when not. */
export const askToPause = ({ name }) => open({
  title: `Pause the schedule of ${name}?`,
  body: ["No tick starts a run until it is resumed. Runs that wait or are in hand go on, backfills too, and runs can still be started by hand.",
    "The data grows older meanwhile, and freshness says so."],
  action: "Pause the schedule",
  task: () => client.pause(name),
});

/** Asks how to let the schedule go on; answers null when it stays as it is. */
export function askToResume({ name, schedule_status: { missed_ticks: missed } }) {
  const choice = (value, label, help, checked) => make("label", { class: "choice" },
    make("input", { type: "radio", name: "missed", value, checked }), make("span", {}, make("strong", {}, label), make("span", { class: "help" }, help)));
  return open({
    title: `Resume the schedule of ${name}?`,
    body: missed > 0 ? [
      `${counted(missed, "tick")} ${missed === 1 ? "was" : "were"} missed while it was paused.`,
      make("fieldset", { class: "choices" }, make("legend", {}, "What becomes of them"),
        choice("coalesce", "One run for all of them", "starts at once, and reads everything since the watermark", true),
        choice("skip", "None", "the next run is that of the next tick; it reads everything since the watermark too", false)),
    ] : ["Its ticks start runs again. None was missed."],
    action: "Resume the schedule",
    task: (data) => client.resume(name, data.get("missed") ?? "coalesce"),
  });
}
