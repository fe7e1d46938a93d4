// What a server without pipelines shows: how to make the first.

import { make } from "../elements.js";

/** Says what to do, with commands that work as they stand. */
export function emptyState() {
  const commands = [
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
  return make("section", { class: "empty panel", hidden: true },
    make("h2", {}, "No pipelines yet"),
    make("p", {}, "A pipeline says which table to read, how to tell what changed, and where the rows go. ",
      "Say where your data lies, then what to load:"),
    make("pre", { tabindex: "0", "aria-label": "Commands to make two connections and a pipeline" },
      make("code", { id: "empty-commands" }, commands)),
    make("p", {}, "Or start the server with ", make("code", {}, "--config-dir"), " and a folder of YAML files. Every operation is in ",
      make("a", { href: "/openapi.yaml" }, "openapi.yaml"), "."));
}
