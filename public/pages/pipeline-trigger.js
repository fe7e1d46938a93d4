// Starting a run with options: some steps only, from a step on, or everything anew.

import * as client from "../client.js";
import { field, open, stay, tick } from "../dialog.js";
import { make } from "../elements.js";

/** Asks with what options to run a pipeline; answers the run, or null when none was started. */
export function askForRun(pipeline) {
  const { name, steps } = pipeline;
  const which = make("select", { name: "which" }, make("option", { value: "" }, "All steps"),
    steps.length > 1 && [
      make("optgroup", { label: "From a step on, with all that depend on it" },
        steps.map((step) => make("option", { value: `from:${step.name}` }, `From ${step.name}`))),
      make("optgroup", { label: "One step alone" }, steps.map((step) => make("option", { value: `only:${step.name}` }, `Only ${step.name}`))),
    ]);
  const priority = make("select", { name: "priority" },
    [["", "As the pipeline says"], ["high", "High"], ["normal", "Normal"], ["low", "Low"]].map(([value, label]) => make("option", { value }, label)));
  let agreed = "";
  return open({
    title: `Run ${name}`,
    body: [
      field("Steps", which),
      tick("Full refresh", "full_refresh", { help: "Rebuilds the destination tables from the whole source, whatever the watermark says." }),
      tick("Allow to shrink", "allow_shrink", { help: "Lets this run remove more rows than max_shrink allows." }),
      pipeline.upstreams?.length > 0 && tick("Allow stale upstreams", "allow_stale_upstream", {
        help: "Runs although a pipeline before it has data older than max_upstream_age.",
      }),
      field("Priority", priority),
    ].filter(Boolean),
    action: "Run",
    task: async (data, { tell, rename }) => {
      const options = optionsOf(data);
      const key = JSON.stringify(options);
      if (options.full_refresh && key !== agreed) {
        agreed = key;
        tell(make("div", { class: "caution" }, make("p", {}, make("strong", {}, "This rebuilds every destination table of these steps.")),
          make("p", {}, "The rows that are there now are replaced by what the source holds now; rows that only the destination has are lost. ",
            "Readers see the old tables until the new ones are complete. Submit again to go on.")));
        rename("Rebuild the tables", true);
        return stay;
      }
      return client.trigger(name, options);
    },
  });
}

function optionsOf(data) {
  const [kind, step] = [data.get("which").slice(0, 4), data.get("which").slice(5)];
  const options = { full_refresh: data.has("full_refresh"), allow_shrink: data.has("allow_shrink") };
  if (kind === "from") options.from = step;
  if (kind === "only") options.steps = [step];
  if (data.has("allow_stale_upstream")) options.allow_stale_upstream = true;
  if (data.get("priority")) options.priority = data.get("priority");
  return options;
}
