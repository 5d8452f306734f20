// What every page does: the theme, the account menu, copying, short notices.

const root = document.documentElement;

export function element(selector, within = document) {
  return within.querySelector(selector);
}

export function say(text) {
  const toast = element("#toast");
  // Above an open dialog, not behind it.
  ([...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body).append(toast);
  toast.textContent = text;
  toast.toggleAttribute("data-shown", true);
  clearTimeout(say.timer);
  // Long enough to read it: a second for a dozen letters.
  const shown = Math.max(4000, 80 * text.length);
  say.timer = setTimeout(() => toast.removeAttribute("data-shown"), shown);
}

const IN_OUR_WORDS = {
  invalid_api_key: "Your session has ended. Sign in again to go on.",
  csrf_failed: "This page is out of date. Load it again and try once more.",
};

const SIZES = [[1e9, "GB"], [1e6, "MB"], [1e3, "KB"]];

// Bytes as the server writes them, by thousands: 1.5 GB.
export function size(bytes) {
  const [unit, name] = SIZES.find(([least]) => bytes >= least) ?? [1, "bytes"];
  return `${Number((bytes / unit).toFixed(unit === 1 ? 0 : 1)).toLocaleString("en")} ${name}`;
}

// A template's first element, filled: {selector: text} and {selector: {attribute: value}}.
export function stamp(id, values = {}) {
  const copy = document.getElementById(id).content.firstElementChild.cloneNode(true);
  for (const [selector, value] of Object.entries(values)) {
    const target = selector === "" ? copy : element(selector, copy);
    if (typeof value === "object") {
      for (const [name, text] of Object.entries(value)) target.setAttribute(name, text);
    } else {
      target.textContent = value;
    }
  }
  return copy;
}

// Makes a change to a list. A focus that it takes away goes to `deedOf` the row that is there now,
// or to `otherwise`: a focus that is lost starts at the top of the page again.
export function holdFocus(list, deedOf, otherwise, change) {
  const held = document.activeElement;
  const rows = [...list.children];
  const at = rows.findIndex((row) => row.contains(held));
  change();
  if (at < 0) return;
  const row = rows[at].isConnected ? rows[at] : list.children[at] ?? list.lastElementChild;
  // A row that moves to another place loses it as well.
  const next = held.isConnected && held.checkVisibility() ? held : (row && deedOf(row)) ?? otherwise;
  if (document.activeElement !== next) next.focus();
}

// `body`: JSON, or a Blob that is sent as it is.
export async function call(method, address, body) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRFToken"] = element("meta[name=csrf-token]").content;
  const raw = body instanceof Blob;
  if (body !== undefined) headers["Content-Type"] = raw ? "application/octet-stream" : "application/json";
  let reply;
  try {
    reply = await fetch(address, { method, headers, body: raw ? body : JSON.stringify(body) });
  } catch {
    throw new Refusal("The server does not answer.", "unreachable");
  }
  const told = await reply.json().catch(() => ({}));
  if (reply.ok) return told;
  const { code, param, message } = told.error ?? {};
  const words = IN_OUR_WORDS[code] ?? message ?? `The server answered ${reply.status}.`;
  throw new Refusal(words, code, param);
}

export class Refusal extends Error {
  constructor(message, code = "", param = "") {
    super(message);
    this.code = code;
    this.param = param;
  }
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // No clipboard on plain http: a selection can still be copied.
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  say("Copied.");
}

function isDark() {
  const chosen = root.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function setUpTheme() {
  const button = element("#theme");
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    root.dataset.theme = theme;
    const ground = getComputedStyle(document.body).backgroundColor;
    for (const meta of document.querySelectorAll("meta[name=theme-color]")) meta.content = ground;
    // A cookie, so that the server draws the next page right from the start.
    document.cookie = `alice_theme=${theme}; path=/; max-age=31536000; samesite=lax`;
  });
}

function openMenus() {
  return document.querySelectorAll("details.menu[open]");
}

function setUpMenus() {
  document.addEventListener("click", (event) => {
    for (const menu of openMenus()) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  // Whoever tabs on must not have an open menu lie over what comes next.
  document.addEventListener("focusin", (event) => {
    for (const menu of openMenus()) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of openMenus()) {
      const inside = menu.contains(document.activeElement);
      menu.open = false;
      // Escape did its work: it must not clear a selection or close a dialog as well.
      event.preventDefault();
      if (inside) element("summary", menu).focus();
    }
  });
}

function setUpCopying() {
  // Shown only now: a button that cannot do anything yet should not be there to press.
  for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(element(button.dataset.copy).value);
  });
}

// Where the sections of a page do not all fit, the one that is open is in sight.
function showSection() {
  const sections = element(".sections");
  const here = sections && element("[aria-current]", sections);
  if (!here) return;
  const middle = here.offsetLeft - sections.offsetLeft + here.offsetWidth / 2;
  sections.scrollLeft = middle - sections.clientWidth / 2;
}

setUpTheme();
setUpMenus();
setUpCopying();
showSection();
