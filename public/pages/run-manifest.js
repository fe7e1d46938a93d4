// What a load read and ran, commit by commit.

import { make, time } from "../elements.js";
import { counted, cursorText, duration, number } from "../format.js";

const value = (cursor) => make("code", {}, cursorText(cursor));

/** Where a commit read: between which places of the cursor. */
function bounds({ cursor, lower, includes_lower, upper, includes_future, includes_null }) {
  return ["Read where ", make("code", {}, cursor),
    lower !== null && [includes_lower ? " is at least " : " is more than ", value(lower)],
    upper !== null && [lower !== null ? " and" : "", " is at most ", value(upper)],
    lower === null && upper === null && " has any value", includes_null && ", or has none", includes_future && ", and what is ahead of the clock", "."];
}

/** How rows lay about the bounds. */
function placed(rows) {
  const words = [
    `${counted(rows.inside, "row")} inside`, rows.below > 0 && `${number(rows.below)} below`, rows.above > 0 && `${number(rows.above)} above`,
    rows.null > 0 && `${number(rows.null)} without a value`, rows.unordered > 0 && `${number(rows.unordered)} without a place`,
    rows.future > 0 && `${number(rows.future)} ahead of the clock`,
  ].filter(Boolean).join(", ");
  return `${words}${rows.by_index ? "; an index passed over the others" : ""}.`;
}

const statement = ({ sql, shortened, parameters }, place) => make("div", { class: "statement" },
  make("pre", { tabindex: "0", "aria-label": `Statement ${place + 1}` }, make("code", {}, sql, shortened && "…")),
  parameters.length > 0 && make("ul", { class: "small soft" }, parameters.map((parameter, index) =>
    make("li", {}, `?${index + 1} = `, value(parameter.value), ` ${parameter.meaning}`))));

function commitWords(commit, { isFailed = false } = {}) {
  const changes = ["inserted", "updated", "unchanged", "deleted"].filter((change) => commit[`rows_${change}`] > 0)
    .map((change) => `${number(commit[`rows_${change}`])} ${change}`);
  return make("div", { class: "commit" },
    make("h3", {}, isFailed ? "Failed here, and was taken back" : `Commit ${commit.number}`,
      make("span", { class: "soft" }, commit.attempt > 1 && ` · attempt ${commit.attempt}`, " · ", time(commit.at, { clock: true }),
        ` · ${counted(commit.rows_read, "row")} read${changes.length > 0 ? `, ${changes.join(", ")}` : ""}`)),
    commit.bounds && make("p", {}, bounds(commit.bounds)),
    commit.cursor_rows && make("p", { class: "soft" }, placed(commit.cursor_rows)),
    commit.phases.length > 0 && make("p", { class: "soft small" }, commit.phases.map(({ name, seconds }) => `${name} ${duration(seconds)}`).join(" · ")),
    commit.statements.length > 0 ? commit.statements.map(statement) : make("p", { class: "soft small" }, "The statements are those of the commit before."));
}

/** The manifest of a load as a fold; nothing where there is none. */
export function manifestFold(manifest) {
  if (!manifest || (manifest.commits.length === 0 && !manifest.failed)) return null;
  const count = manifest.commits.length + manifest.commits_omitted;
  const first = manifest.commits.slice(0, 50);
  const last = manifest.commits.slice(50);
  return make("details", { class: "manifest", data: { fold: "manifest" } },
    make("summary", {}, "What it read and ran", make("span", { class: "soft" }, count > 0 ? ` · ${counted(count, "commit")}` : " before it failed")),
    manifest.failed && commitWords(manifest.failed, { isFailed: true }),
    first.map((commit) => commitWords(commit)),
    manifest.commits_omitted > 0 && make("p", { class: "soft" }, `${counted(manifest.commits_omitted, "commit")} between are left out here; the table _strandline_loads of the destination has them.`),
    last.map((commit) => commitWords(commit)));
}
