// What a backfill would do, before anything is done.

import { partitionWords, rangeWords } from "../backfills.js";
import { link, make, path, withTimes } from "../elements.js";
import { counted, cursorText, duration, few, number, sentence } from "../format.js";

const shown = 10;
const units = ["bytes", "kB", "MB", "GB", "TB"];

function size(bytes) {
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return power === 0 ? `${number(bytes)} bytes` : `${(bytes / 1000 ** power).toFixed(1)} ${units[power]}`;
}

const fact = (label, value, under) => make("div", {}, make("dt", {}, label), make("dd", {}, make("span", { class: "large-figure" }, value), under && make("span", { class: "under" }, under)));

/** The figures that matter most. */
const facts = (preview) => make("dl", { class: "facts" },
  fact("Partitions", number(preview.partition_count), preview.skipped > 0 && `${number(preview.skipped)} tried before are left out`),
  fact("Rows in the source", number(preview.rows_expected), preview.bytes_expected !== null && `about ${size(preview.bytes_expected)}`),
  fact("Rows in the destination", number(preview.destination_rows)),
  fact("Time", preview.seconds_expected === null ? "not known" : `about ${duration(preview.seconds_expected) || "0 s"}`, preview.seconds_basis),
  preview.undo && fact("Kept for a rollback", `up to ${counted(preview.undo.rows, "row")}`, `for ${preview.undo.keep}${preview.undo.bytes === null ? "" : `, about ${size(preview.undo.bytes)}`}`));

function notes(preview) {
  const { unplaced } = preview;
  const lost = unplaced.null + unplaced.unordered;
  return [
    preview.held_back.length > 0 && make("p", {}, "Held back until its end: ", preview.held_back.map((name, place) => [place > 0 && ", ", link(path("pipelines", name), name)]), "."),
    lost > 0 && make("p", { class: "warned" }, `No partition holds ${[unplaced.null > 0 && `${counted(unplaced.null, "row")} without a value`, unplaced.unordered > 0 && `${counted(unplaced.unordered, "row")} whose value has no place`].filter(Boolean).join(" and ")}`,
      unplaced.sample !== null && [", such as ", make("code", {}, cursorText(unplaced.sample))], "."),
    preview.warnings.map((warning) => make("p", { class: "warned" }, withTimes(sentence(warning.message)))),
    preview.full_scans.length > 0 && make("p", { class: "warned" }, `Each partition reads in full: ${preview.full_scans.join(", ")}.`),
    [["source", preview.source_indexes], ["destination", preview.destination_indexes]].map(([side, indexes]) =>
      indexes.map((index) => make("p", { class: "soft" }, `In the ${side} this index would help: `, make("code", {}, index)))),
  ];
}

function table(preview) {
  const most = Math.max(1, ...preview.partitions.flatMap((partition) => [partition.rows_expected, partition.destination_rows]));
  const line = (partition) => make("tr", {}, make("th", { scope: "row" }, partitionWords(partition, preview)),
    make("td", { class: "figure" }, number(partition.rows_expected)), make("td", { class: "figure" }, number(partition.destination_rows)),
    make("td", { class: "pair-cell" }, make("span", { class: "pair-bars", "aria-hidden": "true", data: { tone: partition.rows_expected === partition.destination_rows ? "good" : "warn" } },
      [partition.rows_expected, partition.destination_rows].map((rows) => make("span", { css: { "--share": `${(rows / most * 100).toFixed(1)}%` } })))));
  const rest = preview.partition_count - shown;
  const [first, last] = [preview.partitions.slice(0, shown), preview.last];
  return make("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "Partitions, in the order in which they would be loaded" }, make("table", { class: "table" },
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Partition"), make("th", { scope: "col", class: "figure" }, "Source"), make("th", { scope: "col", class: "figure" }, "Destination"), make("td"))),
    make("tbody", {}, first.map(line), rest > 1 && make("tr", {}, make("td", { colspan: "4", class: "soft" }, `… ${few(rest - 1)} more …`)), rest > 0 && last && line(last))));
}

/** The preview of a backfill. */
export const previewWords = (preview) => [
  make("p", {}, `Loads ${rangeWords(preview)} of `, make("strong", {}, preview.pipeline), `, step ${preview.step}, by ${preview.column}`,
    preview.timezone && ` in ${preview.timezone}`, `, into ${preview.destination.table} on ${preview.destination.connection}. Afterwards its rows of each partition are the source's.`),
  facts(preview), notes(preview), preview.partition_count > 0 && table(preview),
  preview.statements.length > 0 && make("details", {}, make("summary", {}, "Statements of the first partition"),
    make("pre", { tabindex: "0", "aria-label": "Statements" }, make("code", {}, preview.statements.join(";\n\n")))),
];
