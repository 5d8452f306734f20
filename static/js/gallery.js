// The wall of prints: one picture after another by keys, and everything a key can do.

import { element } from "./page.js";
import { isMine, linkOf, prints, setUpAsking } from "./prints.js";
import * as lightbox from "./lightbox.js";
import { follow, setUpResults } from "./results.js";
import {
  act, beginRange, extend, guarded, refresh, selectAll, selectNone, selected, selecting, setUpSelection,
  toggle,
} from "./selection.js";

const ID = /^#([0-9a-f-]{36})$/;

// --- One print at a time is the current one -----------------------------------------------------

function current() {
  return document.activeElement?.closest?.("#wall > .print") ?? null;
}

// Only the current print is a stop for the tabulator: a wall of thousands has one.
function makeCurrent(print) {
  for (const other of prints()) {
    linkOf(other).tabIndex = other === print ? 0 : -1;
    other.toggleAttribute("data-current", other === print);
  }
}

function focus(print) {
  makeCurrent(print);
  linkOf(print).focus();
  print.scrollIntoView({ block: "nearest" });
}

function drawn() {
  const all = prints();
  for (const box of document.querySelectorAll("#wall .print-check")) box.tabIndex = -1;
  makeCurrent(current() ?? element("#wall > [data-current]") ?? all[0]);
  refresh();
}

// --- Moving -------------------------------------------------------------------------------------

function beside(print, step) {
  const all = prints();
  return all[Math.min(all.length - 1, Math.max(0, all.indexOf(print) + step))];
}

// Rows have prints of different widths: the nearest one of the next row, by its middle.
function above(print, way) {
  const here = print.getBoundingClientRect();
  const middle = (box) => box.left + box.width / 2;
  const rows = prints()
    .map((other) => [other, other.getBoundingClientRect()])
    .filter(([, box]) => (way < 0 ? box.bottom <= here.top + 1 : box.top >= here.bottom - 1));
  const edge = way < 0 ? Math.max(...rows.map(([, b]) => b.top)) : Math.min(...rows.map(([, b]) => b.top));
  const row = rows.filter(([, box]) => Math.abs(box.top - edge) < 2);
  const far = ([, box]) => Math.abs(middle(box) - middle(here));
  return row.sort((a, b) => far(a) - far(b))[0]?.[0];
}

const MOVES = {
  ArrowLeft: (print) => beside(print, -1),
  ArrowRight: (print) => beside(print, 1),
  ArrowUp: (print) => above(print, -1),
  ArrowDown: (print) => above(print, 1),
  Home: () => prints()[0],
  End: () => prints().at(-1),
};

function move(event, print) {
  const next = MOVES[event.key](print);
  if (!next) return;
  if (event.shiftKey) {
    beginRange(print);
    extend(next);
  }
  focus(next);
}

// --- Keys ---------------------------------------------------------------------------------------

const DEEDS = {
  " ": toggle,
  f: (print) => guarded(() => act("favourite", print)),
  k: (print) => guarded(() => act("keep", print)),
  Delete: (print) => (isMine(print) || selected().length) && guarded(() => act("delete", print)),
};

const EVERYWHERE = {
  "/": () => element("#q")?.select(),
  "?": () => element("#keys").showModal(),
  c: () => selected().length === 2 && element("#compare").click(),
  Escape: () => selecting() && selectNone(),
};

function press(event) {
  const { key, target } = event;
  if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (target.matches("input:not(.print-check), textarea, select")) return;
  if ((event.ctrlKey || event.metaKey) && key === "a" && prints().length) {
    event.preventDefault();
    return selectAll();
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const print = current();
  // With no print in hand the arrows take up the first, unless another part of the page uses them.
  const begin = !print && key.startsWith("Arrow") && target === document.body && prints()[0];
  if (begin) {
    event.preventDefault();
    return focus(begin);
  }
  const work = (print && (MOVES[key] ? () => move(event, print) : DEEDS[key])) || EVERYWHERE[key];
  if (!work) return;
  event.preventDefault();
  work(print);
}

// --- The mouse ----------------------------------------------------------------------------------

function click(event) {
  const link = event.target.closest("#wall .print-link");
  if (!link || event.ctrlKey || event.metaKey || event.button) return;
  event.preventDefault();
  const print = link.closest(".print");
  makeCurrent(print);
  if (event.shiftKey) {
    beginRange(print);
    extend(print);
  } else if (selecting()) {
    toggle(print);
  } else {
    lightbox.open(print.dataset.id);
  }
}

// --- The address --------------------------------------------------------------------------------

function arrive() {
  const [, id] = ID.exec(location.hash) ?? [];
  if (id) lightbox.open(id, { push: false });
  else lightbox.close({ pop: false });
}

if (element("#results")) {
  setUpAsking();
  setUpSelection();
  setUpResults(drawn);
  lightbox.setUpLightbox((print) => {
    if (print) makeCurrent(print);
    refresh();
  });
  element("#show-keys").hidden = false;
  element("#show-keys").addEventListener("click", () => element("#keys").showModal());
  document.addEventListener("keydown", press);
  document.addEventListener("click", click);
  addEventListener("popstate", () => {
    if (!follow()) arrive();
  });
  arrive();
}
