// The form of an order: each model's own values, presets of size, and what was typed last.

import { element } from "./page.js";

const KEPT = "alice-order";
const OWN_VALUES = ["width", "height", "num_inference_steps", "guidance_scale", "scheduler", "clip_skip"];
const NUMBERS = ["width", "height", "num_inference_steps", "guidance_scale", "n", "clip_skip"];

// What a model allows, by field: the dataset's names of its least and its most.
const LIMITS = {
  width: ["minSide", "maxSide"],
  height: ["minSide", "maxSide"],
  num_inference_steps: [null, "maxSteps"],
  n: [null, "maxImages"],
};

let form = null;
let ownNegative = "";

function field(name) {
  return form.elements.namedItem(name);
}

function chosen() {
  return field("model").selectedOptions[0].dataset;
}

export function setValue(name, value) {
  field(name).value = value;
  field(name).dispatchEvent(new Event("input", { bubbles: true }));
}

// The body of POST /v1/jobs. What is left blank stays unsaid, so that the server decides.
export function order() {
  const values = Object.fromEntries(new FormData(form));
  for (const name of NUMBERS) values[name] = Number(values[name]);
  if (values.seed === "") delete values.seed;
  else values.seed = Number(values.seed);
  if (chosen().negative === "no") delete values.negative_prompt;
  return values;
}

export function showProblem(problem) {
  for (const input of form.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-errormessage");
  }
  element("#order-error").textContent = problem?.message ?? "";
  const input = problem?.param ? field(problem.param) : null;
  if (!input) return;
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-errormessage", "order-error");
  input.closest("details")?.setAttribute("open", "");
  input.focus();
}

function takeOwnValues() {
  for (const name of OWN_VALUES) field(name).value = chosen()[name];
  takeOwnNegative();
  refresh();
}

// The model's own negative prompt, unless somebody wrote another.
function takeOwnNegative() {
  const typed = field("negative_prompt").value;
  if (typed === "" || typed === ownNegative) field("negative_prompt").value = chosen().negative_prompt;
  ownNegative = chosen().negative_prompt;
}

function fillBlanks() {
  for (const name of OWN_VALUES) {
    const given = field(name).tagName === "SELECT"
      ? field(name).querySelector("option[selected]")
      : field(name).value !== "";
    if (!given) field(name).value = chosen()[name];
  }
  // A recipe without a negative prompt says so.
  if (form.dataset.recipe) ownNegative = chosen().negative_prompt;
  else takeOwnNegative();
}

function limit() {
  for (const [name, [least, most]] of Object.entries(LIMITS)) {
    if (least) field(name).min = chosen()[least];
    field(name).max = chosen()[most];
  }
  const slider = element("[data-twin=num_inference_steps]", form);
  slider.max = chosen().maxSteps;
}

function shapes() {
  return [...form.querySelectorAll("[data-shape]")];
}

function sizeOf(button) {
  return chosen().sizes.split(" ")[button.dataset.shape].split("x");
}

// Everything on the page that follows from the values of the form.
function refresh() {
  limit();
  for (const button of shapes()) {
    const [width, height] = sizeOf(button);
    button.title = `${width} × ${height}`;
    const pressed = field("width").value === width && field("height").value === height;
    button.setAttribute("aria-pressed", String(pressed));
  }
  for (const slider of form.querySelectorAll("[data-twin]")) {
    slider.value = field(slider.dataset.twin).value;
  }
  const takesNegative = chosen().negative !== "no";
  field("negative_prompt").disabled = !takesNegative;
  element("#negative-none").hidden = takesNegative;
  const label = field("scheduler").selectedOptions[0]?.textContent;
  const steps = field("num_inference_steps").value;
  element("#sampling-now").textContent = `${steps} steps · ${field("guidance_scale").value} · ${label}`;
}

function keep() {
  sessionStorage.setItem(KEPT, JSON.stringify(Object.fromEntries(new FormData(form))));
}

function restore() {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
  const models = [...field("model").options].map((option) => option.value);
  if (!models.includes(kept.model)) return;
  for (const [name, value] of Object.entries(kept)) {
    if (field(name)) field(name).value = value;
  }
  ownNegative = chosen().negative_prompt;
}

function setUpInputs() {
  form.addEventListener("input", (event) => {
    const { twin } = event.target.dataset;
    if (twin) field(twin).value = event.target.value;
    if (event.target.name === "model") takeOwnValues();
    refresh();
    keep();
  });
  for (const button of shapes()) {
    button.addEventListener("click", () => {
      const [width, height] = sizeOf(button);
      field("width").value = width;
      setValue("height", height);
    });
  }
  element("#any-seed").addEventListener("click", () => setValue("seed", ""));
  element("#reset").addEventListener("click", () => {
    takeOwnValues();
    keep();
  });
}

export function setUpForm(found, submit) {
  form = found;
  fillBlanks();
  if (!form.dataset.prefilled) restore();
  setUpInputs();
  refresh();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  element(".button-create", form).disabled = false;
  // A field the browser refuses must be seen, and it may lie in the closed part.
  form.addEventListener("invalid", (event) => {
    event.target.closest("details")?.setAttribute("open", "");
  }, true);
}
