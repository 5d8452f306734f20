// The pages for staff: a form with data-confirm asks before it is sent.

import { element } from "./page.js";

document.addEventListener("submit", (event) => {
  const form = event.target;
  const dialog = form.dataset.confirm && element(form.dataset.confirm);
  if (!dialog || form.dataset.sure) return;
  event.preventDefault();
  for (const part of dialog.querySelectorAll("[data-about]")) part.textContent = form.dataset.about;
  const closed = () => {
    if (dialog.returnValue !== "yes") return;
    for (const field of dialog.querySelectorAll("[name]")) {
      const kept = document.createElement("input");
      Object.assign(kept, { type: "hidden", name: field.name, value: field.value });
      form.append(kept);
    }
    form.dataset.sure = "yes";
    form.requestSubmit(event.submitter);
  };
  dialog.returnValue = "";
  dialog.addEventListener("close", closed, { once: true });
  dialog.showModal();
});
