// The prints of a wall, and what is done with them through the API.

import { call, element, say } from "./page.js";

export function prints() {
  return [...document.querySelectorAll("#wall > .print")];
}

export function printOf(id) {
  return document.querySelector(`#wall > .print[data-id="${CSS.escape(id)}"]`);
}

export function linkOf(print) {
  return element(".print-link", print);
}

export function boxOf(print) {
  return element(".print-check", print);
}

export function isMine(print) {
  return print.dataset.owner === element("#results").dataset.me;
}

export function counted(number) {
  return number === 1 ? "1 picture" : `${number} pictures`;
}

export function announce(text) {
  element("#said").textContent = text;
}

// Which mark of a print each deed sets or takes away.
const MARKS = {
  share: ["shared", true], unshare: ["shared", false],
  favourite: ["favourite", true], unfavourite: ["favourite", false],
  keep: ["keep", true], unkeep: ["keep", false],
};
const DONE = {
  delete: "deleted", share: "shared", unshare: "private now", tag: "tagged",
  favourite: "marked as favourites", unfavourite: "no longer favourites",
  keep: "kept", unkeep: "no longer kept", untag: "without these tags",
};
const LARGEST = 200;

// The API takes so many at a time.
function parts(ids) {
  const count = Math.ceil(ids.length / LARGEST);
  return Array.from({ length: count }, (_, at) => ids.slice(at * LARGEST, (at + 1) * LARGEST));
}

// Does it, shows it on the prints, says what could not be done; resolves to the ids that are done.
export async function deed(action, ids, words = {}) {
  const outcomes = [];
  for (const part of parts(ids)) {
    const told = await call("POST", "/v1/gallery/bulk", { action, ids: part, ...words });
    outcomes.push(...told.data);
  }
  const done = outcomes.filter(({ status }) => status === "done").map(({ id }) => id);
  done.forEach((id) => show(action, printOf(id)));
  tell(action, outcomes, done.length);
  orEmpty();
  return done;
}

function show(action, print) {
  if (!print) return;
  if (action === "delete") print.remove();
  const [mark, on] = MARKS[action] ?? [];
  if (mark) print.toggleAttribute(`data-${mark}`, on);
}

// The server has words for a wall without prints.
export function orEmpty() {
  if (!prints().length && !element("#older")) location.reload();
}

function tell(action, outcomes, done) {
  const failed = outcomes.find(({ status }) => status !== "done");
  const parts = done ? [`${counted(done)} ${DONE[action]}.`] : [];
  if (failed) parts.push(`${counted(outcomes.length - done)} left as they were: ${failed.message}`);
  say(parts.join(" "));
}

// The deed, or its opposite where all of them have that mark already.
export function toggled(action, chosen) {
  const every = chosen.length > 0 && chosen.every((print) => print.hasAttribute(`data-${action}`));
  return every ? `un${action}` : action;
}

// Into an album, or into a new one of that name; resolves to the album's id.
export async function fileInto(album, name, ids) {
  const into = album || (await call("POST", "/v1/albums", { name })).id;
  for (const part of parts(ids)) await call("POST", `/v1/albums/${into}/images`, { ids: part });
  return into;
}

export async function takeOutOf(album, ids) {
  for (const part of parts(ids)) await call("DELETE", `/v1/albums/${album}/images`, { ids: part });
}

let answer = null;

// Asks with the page's own dialog; resolves to whether the answer was yes.
export function sure(question) {
  answer?.(false);
  const dialog = element("#sure");
  element("#sure-title").textContent = question;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    answer = resolve;
  });
}

// Told a moment later than it happened: the dialog may have been opened for another question.
export function setUpAsking() {
  const dialog = element("#sure");
  dialog.addEventListener("close", () => {
    if (dialog.open) return;
    answer?.(dialog.returnValue === "delete");
    answer = null;
  });
}
