// The wall's pictures: the next page when one scrolls there, another wall when the filters change.

import { element } from "./page.js";
import { announce, counted, prints } from "./prints.js";

const AHEAD = "900px";
const TYPING = 300;
// What changes while somebody types; the field itself must stay.
const AROUND = ["results", "chips", "chosen", "clear", "folded"];
const ALL = ["results", "filters-box"];

let watcher = null;
let running = null;
let told = () => {};
let address = location.search;

async function read(where, signal) {
  const reply = await fetch(where, { headers: { Accept: "text/html" }, signal });
  if (!reply.ok || new URL(reply.url).pathname !== location.pathname) throw new Error("no wall");
  return new DOMParser().parseFromString(await reply.text(), "text/html");
}

export async function nextPage() {
  const link = element("#older");
  if (!link || link.dataset.loading) return false;
  link.dataset.loading = "yes";
  try {
    const wall = element("#wall");
    const page = await read(link.href);
    // A filter changed meanwhile: this page belongs to a wall that is gone.
    if (!wall.isConnected) return false;
    const known = new Set(prints().map((print) => print.dataset.id));
    const fresh = [...page.querySelectorAll("#wall > .print")].filter((p) => !known.has(p.dataset.id));
    wall.append(...fresh);
    const leaves = element(".leaves", page);
    if (leaves) element(".leaves").replaceWith(leaves);
    else element(".leaves").remove();
    refresh();
    return fresh.length > 0;
  } catch {
    // The link stays: one can still follow it.
    delete link.dataset.loading;
    return false;
  }
}

export function refresh() {
  watcher?.disconnect();
  element("#wall")?.toggleAttribute("data-live", true);
  element("#apply")?.setAttribute("hidden", "");
  for (const image of document.querySelectorAll("#wall img")) {
    if (image.complete) drawn(image);
  }
  const link = element("#older");
  if (link) {
    watcher = new IntersectionObserver((seen) => {
      if (seen.some((entry) => entry.isIntersecting)) nextPage();
    }, { rootMargin: AHEAD });
    watcher.observe(link);
  }
  told();
}

function drawn(image) {
  const broken = image.naturalWidth === 0;
  image.closest(".print").setAttribute("data-drawn", broken ? "broken" : "yes");
}

async function swap(where, ids) {
  running?.abort();
  running = new AbortController();
  element("#results").setAttribute("aria-busy", "true");
  try {
    const page = await read(where, running.signal);
    for (const id of ids) replace(id, page);
    refresh();
    announce(found(prints().length, Boolean(element("#older"))));
  } catch (problem) {
    if (problem.name === "AbortError") return;
    location.assign(where);
  }
}

function found(count, more) {
  if (count) return `${counted(count)}${more ? " or more" : ""}`;
  return more ? "Nothing found so far; there are older pictures." : "No picture matches.";
}

function replace(id, page) {
  const [old, fresh] = [document.getElementById(id), page.getElementById(id)];
  if (!old || !fresh) return location.reload();
  const held = old.contains(document.activeElement) ? document.activeElement.id : "";
  old.replaceWith(fresh);
  if (held) document.getElementById(held)?.focus();
}

// Shows the wall of an address, with the address in the browser's own line.
function go(where, { change = "pushState", parts = ALL } = {}) {
  history[change](null, "", where);
  address = location.search;
  return swap(where, parts);
}

function asked(form) {
  const words = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value) words.append(name, value);
  const query = words.toString();
  return location.pathname + (query ? `?${query}` : "");
}

// Back and forward; true when they lead to another wall.
export function follow() {
  if (location.search === address) return false;
  address = location.search;
  swap(location.pathname + location.search, ALL);
  return true;
}

export function setUpResults(changed) {
  told = changed;
  let timer = 0;
  document.addEventListener("input", (event) => {
    if (!event.target.matches("#q")) return;
    clearTimeout(timer);
    timer = setTimeout(() => go(asked(event.target.form), { change: "replaceState", parts: AROUND }), TYPING);
  });
  document.addEventListener("change", (event) => {
    const form = event.target.form;
    if (form?.id !== "filters" || event.target.matches("#q")) return;
    // The folded part stays open while one still chooses in it.
    go(asked(form), { parts: AROUND });
  });
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "filters") return;
    event.preventDefault();
    clearTimeout(timer);
    go(asked(event.target));
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-filter]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
  // Loading and failing do not bubble, but they can be caught on their way down.
  for (const kind of ["load", "error"]) {
    document.addEventListener(kind, (event) => {
      if (event.target.matches?.("#wall img")) drawn(event.target);
    }, true);
  }
  refresh();
}
