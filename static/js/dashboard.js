// The dashboard: draws the board it was served with, and each newer one it hears of.

import { Refusal, call, element, holdFocus, say, stamp } from "./page.js";
import { listen } from "./socket.js";

const GIBIBYTE = 2 ** 30;
const SHOWN_SIGNS = 80;

// Reuses what is there by key: focus and pictures stay where they are.
function lay(list, items, make, fill) {
  const present = new Map([...list.children].map((child) => [child.dataset.key, child]));
  const rows = items.map((item) => {
    const row = present.get(item.id) ?? make(item);
    row.dataset.key = item.id;
    fill(row, item);
    return row;
  });
  for (const child of [...list.children]) if (!rows.includes(child)) child.remove();
  rows.forEach((row, index) => {
    if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
  });
  element(`#${list.id}-none`).hidden = items.length > 0;
}

function write(within, selector, text) {
  const target = element(selector, within);
  if (target.textContent !== text) target.textContent = text;
}

function makeJob({ id, prompt }) {
  const row = stamp("t-job");
  const button = element(".job-cancel", row);
  button.setAttribute("aria-label", `Cancel: ${prompt.slice(0, SHOWN_SIGNS)}`);
  button.title = "Cancel";
  button.addEventListener("click", async () => {
    // Not disabled meanwhile: that would take the focus away.
    if (button.ariaDisabled) return;
    button.ariaDisabled = "true";
    try {
      await call("POST", `/v1/jobs/${id}/cancel`);
    } catch (problem) {
      if (!(problem instanceof Refusal)) throw problem;
      button.ariaDisabled = null;
      say(problem.message);
    }
  });
  return row;
}

function fillJob(row, job) {
  const running = job.status === "running";
  write(row, ".job-prompt", job.prompt);
  const whose = job.owner ? `${job.owner} · ` : "";
  write(row, ".job-stand", whose + standOf(job));
  const bar = element("progress", row);
  bar.hidden = !running;
  bar.value = job.steps ? job.step / job.steps : 0;
}

function standOf({ status, position, step, steps }) {
  if (status === "queued") return position ? `Waiting, ${position} ahead` : "Next in line";
  return step ? `Step ${step} of ${steps}` : "Starting";
}

function fillWorker(row, worker) {
  const dtype = worker.dtype && worker.dtype !== "none" ? `, ${worker.dtype}` : "";
  write(row, ".worker-name", `${worker.device} (${worker.backend}${dtype})`);
  write(row, ".worker-state", worker.busy ? "Working" : "Ready");
  row.dataset.busy = worker.busy;
  const warm = worker.models.length ? `Warm: ${worker.models.join(", ")}` : "No model in memory";
  write(row, ".worker-models", `${warm} · ${worker.host}`);
  element(".worker-memory", row).hidden = !worker.memory_total;
  if (!worker.memory_total) return;
  const used = (worker.memory_used / GIBIBYTE).toFixed(1);
  write(row, ".memory-stand", `${used} of ${(worker.memory_total / GIBIBYTE).toFixed(1)} GiB`);
  element(".memory", row).value = worker.memory_used / worker.memory_total;
}

function makePrint({ page, thumbnail, prompt, width, height }) {
  return stamp("t-print", {
    a: { href: page },
    img: { src: thumbnail, alt: prompt || "Untitled picture", width, height },
    ".print-caption span": prompt,
  });
}

function draw({ queue, jobs, workers, images }) {
  const stand = `${queue.running} running, ${queue.queued} waiting`;
  write(document, "#queue-stand", stand);
  const cancelOf = (row) => element(".job-cancel", row);
  holdFocus(element("#jobs"), cancelOf, element("#queue-title"), () => {
    lay(element("#jobs"), jobs, makeJob, fillJob);
  });
  const named = workers.map((worker) => ({ ...worker, id: `${worker.host} ${worker.device}` }));
  lay(element("#workers"), named, () => stamp("t-worker"), fillWorker);
  lay(element("#recent"), images, makePrint, () => {});
}

draw(JSON.parse(element("#board").textContent));
listen("/ws/dashboard", {
  hear: draw,
  ended: (code) => say(code === 4401 ? "You are signed out." : "The dashboard is no longer live."),
});
