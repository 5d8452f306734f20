// The pages for staff: a form with data-confirm="#dialog" asks before it is sent. The dialog's
// slots are filled from the form's data-*, and its own fields are sent along.

import { element } from "./page.js";

document.addEventListener("submit", (event) => {
  const form = event.target;
  const dialog = form.dataset.confirm && element(form.dataset.confirm);
  if (!dialog || form.dataset.sure) return;
  event.preventDefault();
  for (const slot of dialog.querySelectorAll("[data-slot]")) {
    slot.textContent = form.dataset[slot.dataset.slot];
  }
  dialog.returnValue = "";
  dialog.onclose = () => {
    if (dialog.returnValue === "yes") send(form, dialog);
  };
  dialog.showModal();
});

function send(form, dialog) {
  for (const field of dialog.querySelectorAll("[name]")) {
    const sent = document.createElement("input");
    Object.assign(sent, { type: "hidden", name: field.name, value: field.value });
    form.append(sent);
  }
  form.dataset.sure = "yes";
  form.requestSubmit();
}
