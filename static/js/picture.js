// The page of one picture: asks before deleting, and leafs with the arrow keys.

import { element } from "./page.js";

// The link leads to a page that asks the same.
element("#delete")?.addEventListener("click", (event) => {
  event.preventDefault();
  element("#sure").showModal();
});

document.addEventListener("keydown", (event) => {
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
  if (!plain || event.target.closest("input, textarea, dialog")) return;
  const way = { ArrowLeft: "#newer", ArrowRight: "#older" }[event.key];
  if (way) element(way)?.click();
});
