// Downloads: the list it was served with, drawn anew whenever one of them changes.

import { Refusal, call, element, holdFocus, say, size, stamp } from "./page.js";
import { listen } from "./socket.js";

const MOVING = new Set(["queued", "downloading", "verifying"]);

function time(seconds) {
  if (seconds < 60) return `${seconds} s left`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min left`;
  return `${(seconds / 3600).toFixed(1)} h left`;
}

function standOf({ status, downloadedSize, totalSize, speed, etaSeconds }) {
  const words = [status[0].toUpperCase() + status.slice(1)];
  if (totalSize && status !== "completed") words.push(`${size(downloadedSize)} of ${size(totalSize)}`);
  else if (downloadedSize) words.push(size(downloadedSize));
  if (status === "downloading" && speed) words.push(`${size(speed)}/s`);
  if (etaSeconds !== null) words.push(time(etaSeconds));
  return words.join(" · ");
}

function write(row, selector, text) {
  const target = element(selector, row);
  if (target.textContent !== text) target.textContent = text;
}

function make({ id }) {
  const row = stamp("t-download");
  row.dataset.key = id;
  for (const form of row.querySelectorAll("[data-deed]")) {
    form.action = `/web/models/downloads/${id}/${form.dataset.deed}`;
  }
  return row;
}

function fill(row, task) {
  row.dataset.status = task.status;
  write(row, ".download-name", task.name);
  write(row, ".download-source", task.sourceTitle);
  write(row, ".download-stand", standOf(task));
  const words = element(".download-words", row);
  write(row, ".download-words", task.error ?? task.note ?? "");
  words.hidden = !words.textContent;
  words.classList.toggle("error", task.error !== null);
  const model = element(".download-model", row);
  model.hidden = task.modelPage === null;
  if (!model.hidden) {
    model.href = task.modelPage;
    model.setAttribute("aria-label", `${model.textContent}: ${task.model}`);
  }
  const bar = element(".download-bar", row);
  bar.hidden = !MOVING.has(task.status);
  bar.value = task.progress;
  for (const form of row.querySelectorAll("[data-deed]")) {
    form.hidden = !form.dataset.states.split(" ").includes(task.status);
    const button = element("button", form);
    button.setAttribute("aria-label", `${button.textContent}: ${task.name}`);
  }
}

function draw({ downloads }) {
  const list = element("#downloads");
  const present = new Map([...list.children].map((child) => [child.dataset.key, child]));
  const rows = downloads.map((task) => {
    const row = present.get(task.id) ?? make(task);
    fill(row, task);
    return row;
  });
  for (const child of [...list.children]) if (!rows.includes(child)) child.remove();
  rows.forEach((row, index) => {
    if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
  });
  list.hidden = !rows.length;
  element("#downloads-none").hidden = rows.length > 0;
}

// What of a row can be pressed now: the button that was pressed goes with the state it belongs to.
function deedOf(row) {
  return element("a.download-model:not([hidden]), form:not([hidden]) button", row);
}

const REQUESTS = {
  cancel: (id) => ["POST", `/v1/models/download/${id}/cancel`],
  resume: (id) => ["POST", `/v1/models/download/${id}/resume`],
  forget: (id) => ["DELETE", `/v1/models/download/${id}`],
};

element("#downloads").addEventListener("submit", async (event) => {
  const deed = event.target.dataset.deed;
  const row = event.target.closest(".download");
  event.preventDefault();
  // Not disabled meanwhile: that would take the focus away.
  if (row.dataset.asking) return;
  row.dataset.asking = deed;
  try {
    await call(...REQUESTS[deed](row.dataset.key));
  } catch (problem) {
    if (!(problem instanceof Refusal)) throw problem;
    say(problem.message);
  } finally {
    delete row.dataset.asking;
  }
});

listen("/ws/downloads", {
  hear: (board) => holdFocus(element("#downloads"), deedOf, element("#what"), () => draw(board)),
  ended: (code) => say(code === 4401 ? "You are signed out." : "This page is no longer live."),
});
