// The page of one picture: asks before deleting, and leafs with the arrow keys.

import { element } from "./page.js";

const form = element("#delete");
const sure = element("#sure");

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  sure.returnValue = "keep";
  sure.showModal();
});

sure?.addEventListener("close", () => {
  // submit() asks no handler again.
  if (sure.returnValue === "delete") form.submit();
});

document.addEventListener("keydown", (event) => {
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
  if (!plain || event.target.closest("input, textarea, dialog")) return;
  const way = { ArrowLeft: "#newer", ArrowRight: "#older" }[event.key];
  if (way) element(way)?.click();
});
