// The large view over the wall: one picture, its neighbours at hand, its details in a drawer.

import { Refusal, call, element, say } from "./page.js";
import { deed, isMine, linkOf, printOf, prints, sure, toggled } from "./prints.js";
import { nextPage } from "./results.js";

const SWIPE = 50;
const NEAR_THE_END = 3;
const LARGEST_BLOW_UP = 3;
const FULL = 2;
// Pages written by the server say UTC; here it is the reader's own zone, so it is named.
const WHEN = { dateStyle: "medium", timeStyle: "long" };

let changed = () => {};
let shown = null;
let drawerOpen = false;

const box = () => element("#lightbox");
const pane = () => element("#pane");
const picture = () => element("#lightbox-image");

function fromPrint(print) {
  const image = element("img", print);
  return {
    id: print.dataset.id,
    prompt: image.alt,
    width: Number(image.getAttribute("width")),
    height: Number(image.getAttribute("height")),
    mine: isMine(print),
    thumbnail: image.src,
  };
}

function addressOf(id) {
  return `/web/gallery/${id}`;
}

function fileOf(id) {
  return `${addressOf(id)}/picture.png`;
}

// --- Opening and closing ------------------------------------------------------------------------

export function isOpen() {
  return box().open;
}

// With a print of the wall, or with an id that may lie anywhere in the gallery.
export async function open(id, { push = true } = {}) {
  const print = printOf(id);
  const entry = print ? fromPrint(print) : await fetched(id);
  if (!entry) return;
  const change = push && !isOpen() ? "pushState" : "replaceState";
  if (push) history[change]({ lightbox: true }, "", `#${id}`);
  draw(entry);
  if (!isOpen()) {
    box().showModal();
    box().focus();
  }
}

async function fetched(id) {
  try {
    const item = await call("GET", `/v1/gallery/${id}`);
    return { ...item, mine: item.isOwner, thumbnail: `${addressOf(id)}/thumbnail.webp` };
  } catch (problem) {
    if (!(problem instanceof Refusal)) throw problem;
    history.replaceState(null, "", location.pathname + location.search);
    say("This picture is not here.");
    return null;
  }
}

export function close({ pop = true } = {}) {
  if (!isOpen()) return;
  const { id } = shown;
  shown = null;
  box().close();
  picture().removeAttribute("src");
  if (pop && history.state?.lightbox) history.back();
  else if (pop) history.replaceState(null, "", location.pathname + location.search);
  const print = printOf(id);
  changed(print);
  if (print) {
    linkOf(print).focus();
    print.scrollIntoView({ block: "nearest" });
  }
}

// --- Drawing ------------------------------------------------------------------------------------

function draw(entry) {
  shown = entry;
  fit();
  for (const image of [picture(), element("#lightbox-thumb")]) {
    image.style.setProperty("--ratio", entry.width / entry.height);
    image.style.setProperty("--natural", entry.width * LARGEST_BLOW_UP);
  }
  drawPicture(entry);
  element("#lightbox-title").textContent = entry.prompt;
  element("#lightbox-page").href = addressOf(entry.id);
  element("#lightbox-download").href = `${fileOf(entry.id)}?download`;
  element("#lightbox-reuse").href = `/web/generate?from=${entry.id}`;
  drawMarks();
  const around = neighbours();
  for (const way of ["newer", "older"]) {
    tool(way).disabled = !around[way];
    if (around[way]) new Image().src = fileOf(around[way].dataset.id);
  }
  element("#lightbox-said").textContent = entry.prompt;
  if (drawerOpen) fillDrawer();
  const all = prints();
  if (all.indexOf(printOf(entry.id)) >= all.length - NEAR_THE_END) nextPage().then(refreshWays);
}

// The thumbnail stands in for the picture until it is there.
function drawPicture(entry) {
  const thumb = element("#lightbox-thumb");
  thumb.src = entry.thumbnail;
  thumb.hidden = false;
  const image = picture();
  image.toggleAttribute("data-loading", true);
  image.alt = entry.prompt;
  image.src = fileOf(entry.id);
  const done = () => {
    if (shown?.id !== entry.id) return;
    thumb.hidden = true;
    image.removeAttribute("data-loading");
  };
  image.decode().then(done, done);
}

function drawMarks() {
  const print = printOf(shown.id);
  for (const name of ["favourite", "keep"]) {
    const on = print ? print.hasAttribute(`data-${name}`) : Boolean(shown[name]);
    tool(name).hidden = !shown.mine;
    tool(name).setAttribute("aria-pressed", String(on));
  }
}

function refreshWays() {
  if (!shown) return;
  const around = neighbours();
  for (const way of ["newer", "older"]) tool(way).disabled = !around[way];
}

function neighbours() {
  const all = prints();
  const at = all.indexOf(printOf(shown.id));
  return at < 0 ? {} : { newer: all[at - 1], older: all[at + 1] };
}

function tool(name) {
  return element(`[data-do="${name}"]`, box());
}

// --- The drawer ---------------------------------------------------------------------------------

async function fillDrawer() {
  const { id } = shown;
  const item = await call("GET", `/v1/gallery/${id}`).catch(() => null);
  if (shown?.id !== id || !item) return;
  const text = element("#drawer-text");
  text.replaceChildren(paragraph("drawer-prompt", item.prompt || "Untitled"));
  if (item.negativePrompt) text.append(paragraph("quiet small", `Without: ${item.negativePrompt}`));
  text.append(recipe(item));
  if (item.tags.length) text.append(paragraph("quiet small", item.tags.map((tag) => `#${tag}`).join("  ")));
}

function when(seconds) {
  return new Date(seconds * 1000).toLocaleString(undefined, WHEN);
}

function recipe(item) {
  const rows = {
    Model: item.model,
    Size: `${item.width} × ${item.height}`,
    Steps: item.steps,
    Guidance: item.guidanceScale,
    Scheduler: item.scheduler,
    Seed: item.seed,
    Made: when(item.createdAt),
    Shared: item.isPublic && item.expiresAt ? `until ${when(item.expiresAt)}` : null,
  };
  const list = document.createElement("dl");
  list.className = "recipe";
  for (const [label, value] of Object.entries(rows)) {
    if (value === null || value === undefined) continue;
    const row = document.createElement("div");
    const [term, told] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = label;
    told.textContent = value;
    told.className = "numeric";
    row.append(term, told);
    list.append(row);
  }
  return list;
}

function paragraph(style, words) {
  const made = document.createElement("p");
  made.className = style;
  made.dir = "auto";
  made.textContent = words;
  return made;
}

function toggleDrawer() {
  drawerOpen = !drawerOpen;
  element("#drawer").hidden = !drawerOpen;
  tool("details").setAttribute("aria-expanded", String(drawerOpen));
  if (drawerOpen) fillDrawer();
}

// --- Zoom ---------------------------------------------------------------------------------------

const zoomed = () => pane().hasAttribute("data-zoomed");

function fit() {
  pane().removeAttribute("data-zoomed");
  pane().tabIndex = -1;
  picture().style.removeProperty("--full");
  if (document.activeElement === pane()) box().focus();
  tool("zoom").setAttribute("aria-pressed", "false");
}

// To the picture's own pixels, or to twice of what fits where that is more; about the given point.
function zoom(x = 0.5, y = 0.5) {
  if (zoomed()) return fit();
  const fitted = picture().getBoundingClientRect().width;
  picture().style.setProperty("--full", `${Math.max(shown.width, FULL * fitted)}px`);
  pane().toggleAttribute("data-zoomed", true);
  // The arrow keys scroll what has the focus.
  pane().tabIndex = 0;
  pane().focus();
  tool("zoom").setAttribute("aria-pressed", "true");
  pane().scrollTo(
    x * pane().scrollWidth - pane().clientWidth / 2, y * pane().scrollHeight - pane().clientHeight / 2,
  );
}

// --- Acting -------------------------------------------------------------------------------------

async function mark(name) {
  const print = printOf(shown.id);
  const on = tool(name).getAttribute("aria-pressed") === "true";
  await deed(print ? toggled(name, [print]) : `${on ? "un" : ""}${name}`, [shown.id]);
  shown[name] = !on;
  drawMarks();
}

async function remove() {
  const { id } = shown;
  if (!shown.mine || !(await sure("Delete this picture?"))) return;
  const around = neighbours();
  await deed("delete", [id]);
  const after = around.older ?? around.newer;
  if (!after) return close();
  open(after.dataset.id);
}

function move(way) {
  const print = neighbours()[way];
  if (print) open(print.dataset.id);
}

const DEEDS = {
  favourite: () => shown.mine && mark("favourite"),
  keep: () => shown.mine && mark("keep"),
  zoom: () => zoom(),
  details: toggleDrawer,
  close: () => close(),
  newer: () => move("newer"),
  older: () => move("older"),
  delete: remove,
};
const KEYS = {
  ArrowLeft: "newer", ArrowRight: "older", f: "favourite", k: "keep", z: "zoom", i: "details",
  Delete: "delete",
};

async function act(name) {
  try {
    await DEEDS[name]();
  } catch (problem) {
    if (!(problem instanceof Refusal)) throw problem;
    say(problem.message);
  }
}

function press(event) {
  const name = KEYS[event.key];
  if (!name || event.ctrlKey || event.metaKey || event.altKey) return;
  // The arrows look around in what is larger than the window.
  if (zoomed() && event.key.startsWith("Arrow")) return;
  event.preventDefault();
  act(name);
}

function setUpPointer() {
  let start = null;
  pane().addEventListener("pointerdown", (event) => {
    start = { x: event.clientX, y: event.clientY, left: pane().scrollLeft, top: pane().scrollTop };
    if (zoomed() && event.pointerType === "mouse") pane().setPointerCapture(event.pointerId);
  });
  pane().addEventListener("pointermove", (event) => {
    if (!start || !zoomed() || event.pointerType !== "mouse") return;
    pane().scrollTo(start.left + start.x - event.clientX, start.top + start.y - event.clientY);
  });
  pane().addEventListener("pointerup", (event) => {
    if (!start) return;
    const [across, down] = [event.clientX - start.x, event.clientY - start.y];
    start = null;
    if (Math.hypot(across, down) < 8) return tapped(event);
    if (zoomed() || event.pointerType === "mouse") return;
    if (Math.abs(across) > Math.max(SWIPE, Math.abs(down))) move(across < 0 ? "older" : "newer");
    else if (down > 2 * SWIPE) close();
  });
  pane().addEventListener("pointercancel", () => {
    start = null;
  });
}

// On the picture: nearer or back. Beside it: out.
function tapped(event) {
  const edge = picture().getBoundingClientRect();
  const [x, y] = [(event.clientX - edge.left) / edge.width, (event.clientY - edge.top) / edge.height];
  if (x >= 0 && x <= 1 && y >= 0 && y <= 1) zoom(x, y);
  else close();
}

export function setUpLightbox(onChange) {
  changed = onChange;
  const dialog = box();
  dialog.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) act(button.dataset.do);
  });
  dialog.addEventListener("keydown", press);
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    close();
  });
  setUpPointer();
}
