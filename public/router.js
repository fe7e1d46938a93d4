// Which page stands for which address. Addresses live behind the `#`, so that the server knows of one page only.

/**
 * Makes a router over `routes`: pairs of a pattern such as `/pipelines/:pipeline` and what loads the page's module. `show` is
 * called with the page and its parameters whenever another address is meant.
 */
export class Router {
  constructor(routes, show) {
    this.routes = routes.map(([pattern, load]) => ({ parts: pattern.split("/").slice(1), load }));
    this.show = show;
    addEventListener("hashchange", () => this.go());
  }

  /** Goes where the address points. */
  go() {
    const [way, query = ""] = location.hash.replace(/^#/, "").split("?");
    const parts = (way || "/").split("/").slice(1).map(decoded);
    for (const route of this.routes) {
      const params = match(route.parts, parts);
      if (params) return this.show(route.load, params, new URLSearchParams(query));
    }
    return this.show(null, {}, new URLSearchParams(query));
  }
}

/** Writes what is chosen on a page into its address, without going anywhere. */
export function keepInAddress(query) {
  const [way] = location.hash.replace(/^#/, "").split("?");
  const pairs = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const text = pairs.length > 0 ? `?${new URLSearchParams(pairs)}` : "";
  history.replaceState(null, "", `#${way || "/"}${text}`);
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function match(pattern, parts) {
  if (pattern.length !== parts.length) return null;
  const params = {};
  for (const [place, part] of pattern.entries()) {
    if (part.startsWith(":")) {
      if (parts[place] === "") return null;
      params[part.slice(1)] = parts[place];
    } else if (part !== parts[place]) return null;
  }
  return params;
}
