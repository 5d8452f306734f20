// The page of one picture: its parts change in place, it asks before deleting, arrows leaf.

import { Refusal, call, element, say } from "./page.js";
import { setUpSwapping } from "./swap.js";

const HOUR = 3_600_000;
const WHEN = { weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit", timeZoneName: "short" };

// The link leads to a page that asks the same.
element("#delete")?.addEventListener("click", (event) => {
  event.preventDefault();
  element("#sure").showModal();
});

document.addEventListener("keydown", (event) => {
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
  if (!plain || event.target.closest("input, textarea, select, dialog")) return;
  const way = { ArrowLeft: "#newer", ArrowRight: "#older", f: "[name=favourite]", k: "[name=keep]" }[event.key];
  if (way) element(way)?.click();
});

// --- Sharing ------------------------------------------------------------------------------------

function sayWhen() {
  const hours = element("#hours");
  const end = new Date(Date.now() + hours.value * HOUR);
  element("#ends").textContent = hours.validity.valid
    ? `Until ${end.toLocaleString(undefined, WHEN)}; then it is private again.`
    : "1 to 168 hours.";
}

function drawSharing() {
  if (!element("#hours")) return;
  element("#presets").hidden = false;
  for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
  sayWhen();
}

document.addEventListener("input", (event) => {
  if (event.target.id === "hours") sayWhen();
});
document.addEventListener("click", (event) => {
  const { hours } = event.target.closest("[data-hours]")?.dataset ?? {};
  if (!hours) return;
  element("#hours").value = hours;
  sayWhen();
});

// --- Making it again ----------------------------------------------------------------------------

async function again(button) {
  button.disabled = true;
  try {
    await call("POST", button.dataset.address);
    location.assign(button.dataset.then);
  } catch (problem) {
    if (!(problem instanceof Refusal)) throw problem;
    say(problem.message);
    button.disabled = false;
  }
}

const rerun = element("#rerun");
rerun.hidden = false;
rerun.addEventListener("click", () => again(rerun));
setUpSwapping(drawSharing);
drawSharing();
