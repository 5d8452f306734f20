// Two pictures in one frame: a wipe or a blend, moved by a slider that the arrow keys move too.

import { element } from "./page.js";

const pair = element("#pair");
const amount = element("#amount");

function draw() {
  // A wipe uncovers the left picture from its own side; a blend is all of the picture whose end it is at.
  const left = pair.dataset.way === "blend" ? 100 - amount.value : Number(amount.value);
  pair.style.setProperty("--amount", `${amount.value}%`);
  pair.style.setProperty("--share", left / 100);
  amount.setAttribute("aria-valuetext", `${left} % left`);
}

function choose(way) {
  pair.dataset.way = way;
  element("#dial").hidden = way === "sides";
  draw();
}

// On the picture itself the wipe follows the pointer.
function follow(event) {
  if (pair.dataset.way === "sides" || !event.buttons) return;
  const frame = pair.getBoundingClientRect();
  amount.value = Math.round((100 * (event.clientX - frame.left)) / frame.width);
  draw();
}

if (pair) {
  element("#ways").hidden = false;
  element("#ways").addEventListener("change", (event) => choose(event.target.value));
  choose(element("#ways input:checked").value);
  amount.addEventListener("input", draw);
  pair.addEventListener("pointerdown", follow);
  pair.addEventListener("pointermove", follow);
}
