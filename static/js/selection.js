// Selecting prints, and the bar that acts on all of them at once.

import { Refusal, element, say } from "./page.js";
import {
  announce, boxOf, counted, deed, fileInto, isMine, linkOf, orEmpty, prints, sure, takeOutOf, toggled,
} from "./prints.js";

const TOGGLES = new Set(["favourite", "keep"]);
// These lead to another page or a file: the form itself does them.
const BY_FORM = new Set(["compare", "download"]);

let anchor = null;
let always = false;

export function selected() {
  return prints().filter((print) => boxOf(print).checked);
}

export function selecting() {
  return always || selected().length > 0;
}

export function toggle(print) {
  boxOf(print).checked = !boxOf(print).checked;
  anchor = print;
  refresh();
}

// Everything from the last one touched up to here, as the last one is.
export function extend(print) {
  const all = prints();
  const from = Math.max(0, all.indexOf(anchor));
  const to = all.indexOf(print);
  const on = anchor ? boxOf(anchor).checked : true;
  const [first, last] = from < to ? [from, to] : [to, from];
  for (const between of all.slice(first, last + 1)) boxOf(between).checked = on;
  refresh();
}

export function beginRange(print) {
  if (anchor && boxOf(anchor).checked) return;
  anchor = print;
  boxOf(print).checked = true;
}

export function selectAll() {
  for (const print of prints()) boxOf(print).checked = true;
  refresh();
}

export function selectNone() {
  for (const print of prints()) boxOf(print).checked = false;
  anchor = null;
  setAlways(false);
}

export function refresh() {
  const chosen = selected();
  const bar = element("#bulk");
  bar.toggleAttribute("data-open", chosen.length > 0);
  element("#results").toggleAttribute("data-selecting", selecting());
  element("#count").textContent = `${chosen.length} selected`;
  const mine = chosen.some(isMine);
  for (const button of bar.querySelectorAll("[data-owners], [value=favourite], [value=keep], [value=delete]")) {
    button.hidden = !mine;
  }
  element("#compare").hidden = chosen.length !== 2;
  if (!chosen.length) closeMenus();
}

function closeMenus() {
  for (const menu of document.querySelectorAll("#bulk details[open]")) {
    const inside = menu.contains(document.activeElement);
    menu.open = false;
    if (inside) element("summary", menu).focus();
  }
}

function setAlways(on) {
  always = on;
  element("#selecting").setAttribute("aria-pressed", String(on));
  refresh();
}

// What the page's keys and the bar's buttons do; without a selection, to `print` alone.
export async function act(action, print = null, words = {}) {
  const chosen = selected().length ? selected() : [print].filter(Boolean);
  if (!chosen.length) return;
  const name = TOGGLES.has(action) ? toggled(action, chosen) : action;
  if (name === "delete" && !(await sure(`Delete ${counted(chosen.length)}?`))) return;
  const neighbour = next(chosen);
  await deed(name, chosen.map((one) => one.dataset.id), words);
  refresh();
  if (name === "delete" && neighbour) linkOf(neighbour).focus();
}

// Where the eye goes when these are gone.
function next(chosen) {
  const all = prints();
  const last = all.indexOf(chosen.at(-1));
  const left = (print) => !chosen.includes(print);
  return all.slice(last).find(left) ?? all.slice(0, last).reverse().find(left);
}

async function submit(action, form) {
  const sent = new FormData(form);
  if (action === "album") return file(sent);
  if (action === "unalbum") return takeOut(sent);
  const words = {};
  if (action === "share") words.expiresInHours = Number(sent.get("hours"));
  if (action === "tag" || action === "untag") {
    words.tags = sent.get("tags").split(",").map((tag) => tag.trim()).filter(Boolean);
  }
  await act(action, null, words);
  closeMenus();
}

async function file(sent) {
  const name = sent.get("new_album").trim();
  const album = name ? "" : sent.get("to_album");
  if (!name && !album) throw new Refusal("Which album? Choose one or name a new one.");
  const ids = selected().map((print) => print.dataset.id);
  const into = await fileInto(album, name, ids);
  const choice = element("#bulk-album");
  if (name && choice) choice.prepend(new Option(name, into, true, true));
  element("#bulk-new-album").value = "";
  const title = name || choice.selectedOptions[0].textContent;
  say(`${counted(ids.length)} in “${title}”.`);
  closeMenus();
}

async function takeOut(sent) {
  const chosen = selected();
  const ids = chosen.map((print) => print.dataset.id);
  await takeOutOf(sent.get("album"), ids);
  for (const print of chosen) print.remove();
  refresh();
  orEmpty();
  say(`${counted(ids.length)} taken out.`);
}

export async function guarded(work) {
  try {
    await work();
  } catch (problem) {
    if (!(problem instanceof Refusal)) throw problem;
    say(problem.message);
  }
}

export function setUpSelection() {
  element("#bulk").toggleAttribute("data-live", true);
  for (const id of ["selecting", "select-none"]) element(`#${id}`).hidden = false;
  element("#selecting").addEventListener("click", () => (always ? selectNone() : setAlways(true)));
  element("#select-none").addEventListener("click", () => {
    selectNone();
    // The bar with this button is gone; the wall is where one goes on.
    const print = element("#wall > [data-current]");
    if (print) linkOf(print).focus({ preventScroll: true });
    announce("Nothing is selected.");
  });
  element("#bulk").addEventListener("submit", (event) => {
    const action = event.submitter?.value ?? "";
    if (BY_FORM.has(action)) return;
    event.preventDefault();
    guarded(() => submit(action, event.target));
  });
  // Enter in a field means the button beside it, not the first one of the form.
  element("#bulk").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("input")) return;
    event.preventDefault();
    element(".button-main", event.target.closest("details"))?.click();
  });
  document.addEventListener("click", (event) => {
    const box = event.target.closest(".print-check");
    if (!box) return;
    const print = box.closest(".print");
    if (event.shiftKey && anchor) extend(print);
    else anchor = print;
    refresh();
  });
  refresh();
}
