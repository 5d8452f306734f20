// The workbench: fill the form, send the order, watch each picture develop.

import { Refusal, call, element, say, stamp } from "./page.js";
import { listen } from "./socket.js";
import { order, setUpForm, setValue, showProblem } from "./order.js";

const easel = element("#easel");
const works = new Map();
let shown = null;

const TITLE = document.title;
const ENDED = new Set(["succeeded", "failed", "cancelled"]);

function begin(id, { prompt = "", width = 512, height = 512, adjustments = [] } = {}) {
  const work = {
    id, prompt, adjustments, width, ratio: width / height, state: "queued", step: 0, steps: 0, images: [],
  };
  works.set(id, work);
  work.tile = stamp("t-frame");
  element(".frame", work.tile).addEventListener("click", () => show(work));
  element("#strip").prepend(work.tile);
  listen(`/ws/jobs/${id}`, {
    hear: (message) => hear(work, message),
    ended: (code) => lost(work, code),
    poll: () => poll(work),
  });
  return work;
}

function hear(work, message) {
  const { type, ...news } = message;
  // Steps and previews come in any order; neither may lead back behind what is known.
  if (ENDED.has(work.state)) return;
  if (type === "preview") {
    work.preview = `data:image/webp;base64,${news.preview}`;
    delete news.preview;
  }
  Object.assign(work, news, { id: work.id });
  work.state = type === "queued" || ENDED.has(type) ? type : "running";
  if (ENDED.has(type)) announce(ending(work));
  draw(work);
}

function lost(work, code) {
  if (ENDED.has(work.state)) return;
  const reason = code === 4401 ? "You are signed out." : "This job can no longer be watched.";
  Object.assign(work, { state: "failed", code: "", message: reason });
  draw(work);
}

// Where no websocket gets through, the job's row says the same.
async function poll(work) {
  const row = await call("GET", `/v1/jobs/${work.id}`);
  const type = row.status === "running" ? "progress" : row.status;
  // The step keeps the browser from showing an earlier preview again.
  if (row.preview_url) work.preview = `/v1/jobs/${work.id}/preview?step=${row.step}`;
  hear(work, {
    type,
    step: row.step,
    steps: row.steps,
    eta_seconds: row.eta_seconds,
    position: row.queue_position,
    adjustments: row.adjustments,
    code: row.error?.code,
    message: row.error?.message,
    images: (row.images ?? []).map(fromRow),
  });
  return ENDED.has(row.status);
}

function fromRow({ id, width, height, seed }) {
  const page = `/web/gallery/${id}`;
  return {
    id, width, height, seed, page, picture: `${page}/picture.png`, thumbnail: `${page}/thumbnail.webp`,
  };
}

// --- Drawing ------------------------------------------------------------------------------------

function show(work) {
  shown = work;
  easel.replaceChildren();
  delete easel.dataset.many;
  for (const other of works.values()) {
    element(".frame", other.tile).setAttribute("aria-pressed", String(other === work));
  }
  draw(work);
}

function draw(work) {
  drawTile(work);
  if (work !== shown) return;
  drawStand(work);
  if (work.state === "succeeded") drawResults(work);
  else if (work.state === "failed" || work.state === "cancelled") drawTrouble(work);
  else drawLatent(work);
}

function drawTile(work) {
  const frame = element(".frame", work.tile);
  const bar = element("progress", frame);
  frame.dataset.state = work.state;
  frame.setAttribute("aria-label", `${work.prompt || "Picture"}, ${work.state}`);
  bar.value = work.steps ? work.step / work.steps : 0;
  bar.hidden = ENDED.has(work.state);
  const source = work.images[0]?.thumbnail ?? work.preview;
  if (!source) return;
  const image = element("img", frame) ?? frame.insertBefore(new Image(), bar);
  image.alt = "";
  image.src = source;
  if (work.images.length > 1 && !element(".frame-count", frame)) {
    const count = document.createElement("span");
    count.className = "frame-count";
    count.textContent = work.images.length;
    frame.append(count);
  }
}

function drawStand(work) {
  const open = !ENDED.has(work.state);
  const done = work.steps ? work.step / work.steps : 0;
  const held = element("#developing").contains(document.activeElement);
  element("#developing").hidden = !open;
  if (held && !open) element("#stage-title").focus();
  element("#bar").value = done;
  document.title = open && done ? `${Math.round(100 * done)} % · ALICE` : TITLE;
  element("#stand").textContent = stand(work);
  element("#cancel").ariaDisabled = work.cancelling ? "true" : null;
  const adjusted = element("#adjusted");
  adjusted.hidden = !work.adjustments?.length;
  adjusted.textContent = (work.adjustments ?? [])
    .map(({ field, from, to, reason }) => `${field}: ${from} became ${to || "nothing"}, ${reason}.`)
    .join(" ");
}

function stand({ state, step, steps, position, eta_seconds: left, cancelling }) {
  if (cancelling) return "Cancelling";
  if (state === "queued") return position ? `Waiting, ${position} ahead` : "Next in line";
  if (!step) return "Starting";
  const time = left === null || left === undefined ? "" : `, about ${duration(left)} left`;
  return `Step ${step} of ${steps}${time}`;
}

function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return `${Math.round(seconds / 60)} min`;
}

function drawLatent(work) {
  let latent = element(".latent", easel);
  if (!latent) {
    latent = stamp("t-latent");
    easel.replaceChildren(latent);
  }
  latent.style.setProperty("--ratio", work.ratio);
  latent.style.setProperty("--natural", work.width);
  if (!work.preview) return;
  const image = element(".latent-image", latent);
  image.src = work.preview;
  image.hidden = false;
}

async function drawResults(work) {
  const results = work.images.map((image) => result(work, image));
  // The preview stays until the picture can take its place without a blink.
  await Promise.allSettled(results.map((figure) => element("img", figure).decode()));
  if (work !== shown) return;
  easel.toggleAttribute("data-many", results.length > 1);
  const columns = Math.ceil(Math.sqrt(results.length));
  easel.style.setProperty("--columns", columns);
  easel.style.setProperty("--rows", Math.ceil(results.length / columns));
  easel.replaceChildren(...results);
  if (!results.length) {
    easel.replaceChildren(trouble("Deleted", "The pictures of this job were deleted.", "", "deleted"));
  }
}

function result(work, { page, picture, seed, width, height }) {
  const figure = stamp("t-result", {
    ".result-link": { href: page },
    ".result-image": { src: picture, alt: work.prompt || "The finished picture", width, height },
    ".result-seed": `Seed ${seed}`,
    ".result-download": { href: `${picture}?download` },
    ".result-open": { href: page },
  });
  element(".result-image", figure).style.setProperty("--ratio", width / height);
  element(".result-image", figure).style.setProperty("--natural", width);
  element(".result-seed", figure).addEventListener("click", () => {
    setValue("seed", seed);
    say("The form uses this seed now.");
  });
  return figure;
}

function drawTrouble(work) {
  const cancelled = work.state === "cancelled";
  const title = cancelled ? "Cancelled" : "The picture could not be made";
  const text = cancelled ? "This job was stopped; nothing was kept." : work.message;
  easel.replaceChildren(trouble(title, text ?? "", cancelled ? "" : work.code, work.state));
}

function trouble(title, text, code, state) {
  return stamp("t-trouble", {
    "": { "data-state": state },
    ".trouble-title": title,
    ".trouble-text": text,
    ".trouble-code": code ?? "",
  });
}

function announce(text) {
  element("#announce").textContent = text;
}

function ending({ state, images, message }) {
  if (state === "succeeded") return images.length === 1 ? "The picture is ready." : "The pictures are ready.";
  return state === "failed" ? `The picture could not be made. ${message}` : "Cancelled.";
}

// --- Acting -------------------------------------------------------------------------------------

async function create() {
  const wanted = order();
  const button = element(".button-create");
  const held = document.activeElement === button;
  button.disabled = true;
  showProblem(null);
  try {
    const receipt = await call("POST", "/v1/jobs", { ...wanted, previews: true });
    show(begin(receipt.id, { ...wanted, adjustments: receipt.adjustments }));
    announce("The order is placed.");
    if (matchMedia("(max-width: 860px)").matches) easel.scrollIntoView({ block: "center" });
  } catch (problem) {
    if (!(problem instanceof Refusal)) throw problem;
    showProblem(problem);
  } finally {
    button.disabled = false;
    // Switched off, it lost the focus that a keyboard had on it.
    if (held && document.activeElement === document.body) button.focus({ preventScroll: true });
  }
}

async function cancel() {
  const work = shown;
  if (work.cancelling) return;
  work.cancelling = true;
  drawStand(work);
  try {
    await call("POST", `/v1/jobs/${work.id}/cancel`);
  } catch (problem) {
    if (!(problem instanceof Refusal)) throw problem;
    work.cancelling = false;
    drawStand(work);
    say(problem.message);
  }
}

function resume(ids) {
  for (const id of ids) {
    const work = begin(id);
    show(work);
    call("GET", `/v1/jobs/${id}`).then(({ effective = {}, adjustments = [] }) => {
      work.adjustments = adjustments;
      work.prompt = effective.prompt ?? "";
      work.width = effective.width ?? work.width;
      work.ratio = effective.width / effective.height || work.ratio;
      draw(work);
    }, () => {});
  }
}

const form = element("#order");
if (form) {
  setUpForm(form, create);
  element("#cancel").addEventListener("click", cancel);
  for (const idea of document.querySelectorAll(".idea")) {
    idea.addEventListener("click", () => {
      setValue("prompt", idea.textContent);
      element("#prompt").focus();
    });
  }
  resume(form.dataset.openJobs.split(" ").filter(Boolean));
}
