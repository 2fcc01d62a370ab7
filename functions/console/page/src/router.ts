// Every view is an address: `#/runs/<id>?node=<node>`.
import { computed, signal } from "@preact/signals";

const hash = signal(location.hash);
addEventListener("hashchange", () => (hash.value = location.hash));

export const route = computed(() => {
  const [path = "", query = ""] = hash.value.replace(/^#\/?/, "").split("?");
  return { path: path.split("/").filter(Boolean).map(decoded), query: new URLSearchParams(query) };
});

type Query = Record<string, string | null | undefined>;

/** The address of a view. */
export function to(path: (string | number)[], query: Query = {}) {
  const given = Object.entries(query).filter(([, value]) => value) as [string, string][];
  const tail = given.length ? `?${new URLSearchParams(given)}` : "";
  return `#/${path.map((part) => encodeURIComponent(part)).join("/")}${tail}`;
}

export function go(path: (string | number)[], query: Query = {}) {
  location.hash = to(path, query);
}

/** Changes the query of the address that is shown, without a step in the history. */
export function refine(query: Query) {
  const now = Object.fromEntries(route.value.query);
  history.replaceState(null, "", to(route.value.path, { ...now, ...query }));
  hash.value = location.hash;
}

function decoded(part: string) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
