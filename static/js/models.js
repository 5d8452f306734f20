// The pages of models: buttons that act without leaving the list, and states that keep up.

import { element } from "./page.js";
import { setUpSwapping } from "./swap.js";

const EVERY = 10_000;

// While somebody types, chooses or reads with the keyboard nothing may move below the hands.
function busy(part) {
  return document.hidden || part.contains(document.activeElement) || element("dialog[open]");
}

async function look() {
  const part = element("[data-live]");
  if (!part || busy(part)) return;
  const reply = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!reply?.ok || reply.redirected) return;
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  const fresh = page.getElementById(part.id);
  if (fresh && bare(fresh) !== bare(part) && !busy(part)) part.replaceWith(fresh);
}

// Tokens against forgery differ each time.
function bare(part) {
  const copy = part.cloneNode(true);
  for (const token of copy.querySelectorAll("[name=csrfmiddlewaretoken]")) token.remove();
  return copy.innerHTML;
}

setUpSwapping(() => {});
if (element("[data-live]")) setInterval(look, EVERY);
