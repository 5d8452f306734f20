// Forms that answer with this page again: sent without leaving it, and only what changed is drawn.

import { Refusal, element, say } from "./page.js";

async function send(form, submitter) {
  const body = new FormData(form, submitter);
  let reply;
  try {
    reply = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" } });
  } catch {
    throw new Refusal("The server does not answer.", "unreachable");
  }
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  if (!reply.ok) {
    const why = element(".message, .error, .notice-error", page);
    throw new Refusal(why?.textContent.trim() ?? `The server answered ${reply.status}.`);
  }
  // Led elsewhere, to the login for one: there this page has no part to take.
  if (new URL(reply.url).pathname !== location.pathname) location.assign(reply.url);
  return page;
}

function replace(id, page) {
  const [old, fresh] = [document.getElementById(id), page.getElementById(id)];
  if (!old || !fresh) return;
  const held = old.contains(document.activeElement) ? document.activeElement : null;
  old.replaceWith(fresh);
  if (held) refocus(fresh, held);
}

// The same control, else the part: focus that is lost starts at the top of the page again.
function refocus(part, held) {
  const twin = held.id
    ? document.getElementById(held.id)
    : held.name && part.querySelector(`[name="${CSS.escape(held.name)}"]`);
  (twin || part).focus();
}

function told(page) {
  const words = [...page.querySelectorAll(".notices .notice")].map((notice) => notice.textContent);
  if (words.length) say(words.join(" "));
}

// `drawn` is called after each change.
export function setUpSwapping(drawn) {
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (event.defaultPrevented || !form.dataset.swap) return;
    event.preventDefault();
    try {
      const page = await send(form, event.submitter);
      for (const id of form.dataset.swap.split(" ")) replace(id, page);
      told(page);
      drawn();
    } catch (problem) {
      if (!(problem instanceof Refusal)) throw problem;
      say(problem.message);
    }
  });
}
