// Finding models elsewhere: both catalogues' popular ones at once, narrowed while one types.

import { Refusal, call, element, size, stamp } from "./page.js";

const form = element("#search");
const list = element("#finds");
const dialog = element("#find");
const A_PAGE = 36;
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

// What is known of each catalogue: its finds in order, and the question they answer.
const shelves = Object.fromEntries(
  [...document.querySelectorAll("[data-source]")].map(({ dataset }) => [
    dataset.source,
    { source: dataset.source, title: dataset.title, finds: new Map(), page: 0, asked: 0 },
  ]),
);
let shelf = shelves[element("[data-source][aria-pressed=true]").dataset.source];
let opened = null;

function wanted() {
  const types = element("#kind").value.split(" ").filter(Boolean);
  return {
    query: element("#q").value.trim(),
    types,
    nsfw: element("#nsfw").checked,
    offline: element("#offline").checked,
  };
}

// --- Asking

async function ask(from, { fresh }) {
  // Only CivitAI knows types; in the other one they are told apart here.
  const { types, ...question } = fresh ? wanted() : from.question;
  const narrowed = from.source === "civitai" && types.length ? { types } : {};
  const turn = (from.asked += 1);
  from.question = { types, ...question };
  from.busy = true;
  draw();
  try {
    const page = fresh ? 1 : from.page + 1;
    const body = { ...question, ...narrowed, page, limit: A_PAGE };
    const told = await call("POST", `/v1/models/search/${from.source}`, body);
    // Somebody typed on meanwhile: the newer answer counts.
    if (turn !== from.asked) return;
    if (fresh) from.finds.clear();
    for (const find of told.data) from.finds.set(find.id, find);
    Object.assign(from, { page, hasMore: told.hasMore, note: told.note, problem: "" });
  } catch (problem) {
    if (!(problem instanceof Refusal)) throw problem;
    if (turn !== from.asked) return;
    if (fresh) from.finds.clear();
    Object.assign(from, { problem: problem.message, hasMore: !fresh, note: null });
  } finally {
    if (turn === from.asked) from.busy = false;
    draw();
  }
}

function askBoth() {
  for (const each of Object.values(shelves)) ask(each, { fresh: true });
}

// --- Drawing

function allowed(find) {
  const { types, nsfw } = wanted();
  return (nsfw || !find.nsfw) && (!types.length || types.includes(find.type));
}

// A catalogue finds by words that it does not show: its own answer is narrowed by new words only.
function named(find) {
  const { query } = wanted();
  if (query === shelf.question?.query) return true;
  const words = [find.name, find.author, find.baseModel, ...find.tags].join(" ").toLowerCase();
  return query.toLowerCase().split(/\s+/).every((word) => words.includes(word));
}

function draw() {
  const known = [...shelf.finds.values()];
  const answered = known.filter((find) => allowed(find) && named(find));
  const present = new Map([...list.children].map((card) => [card.dataset.key, card]));
  list.replaceChildren(...answered.map((find) => present.get(key(find)) ?? make(find)));
  list.setAttribute("aria-busy", String(Boolean(shelf.busy)));
  element("#more").hidden = !shelf.hasMore || Boolean(shelf.busy);
  element("#note").hidden = !(shelf.note || shelf.problem);
  element("#note").textContent = shelf.problem || shelf.note || "";
  element("#note").classList.toggle("notice-error", Boolean(shelf.problem));
  element("#nothing").hidden = Boolean(shelf.busy) || answered.length > 0 || Boolean(shelf.problem);
  element("#nothing-why").textContent = known.length
    ? `None of the ${known.length} that are here. Press Enter to ask all of ${shelf.title}.`
    : `${shelf.title} has no such model. Try fewer or other words.`;
  element("#stand").textContent = stand(answered.length, known.length);
}

function stand(shown, known) {
  if (shelf.busy) return `Asking ${shelf.title} …`;
  if (shelf.problem) return "";
  const of = shown === known ? `${known}` : `${shown} of ${known}`;
  const what = shelf.question?.query ? `for “${shelf.question.query}”` : "of the most popular";
  return `${of} ${what}${shelf.hasMore ? ", there are more" : ""}`;
}

function key(find) {
  return `${find.source} ${find.id}`;
}

function make(find) {
  const card = stamp("t-find", {
    ".find-letter": [...find.name][0] ?? "?",
    ".find-open": find.name,
    ".find-facts": facts(find).join(" · "),
  });
  card.dataset.key = key(find);
  const badges = [find.type === "Other" ? "" : find.type, find.baseModel, find.nsfw ? "Adult" : ""];
  for (const text of badges.filter(Boolean)) {
    element(".find-badges", card).append(stamp("t-badge", { "": text }));
  }
  if (find.previewUrl) hang(element(".find-picture", card), find.previewUrl);
  element(".find-open", card).addEventListener("click", () => open(find));
  return card;
}

function hang(frame, address) {
  const picture = document.createElement("img");
  Object.assign(picture, { alt: "", loading: "lazy", decoding: "async", width: 320, height: 400 });
  // The letter behind it is what is left.
  picture.addEventListener("error", () => picture.remove());
  picture.src = address;
  frame.append(picture);
}

function facts({ author, downloads, rating }) {
  const stars = rating ? `${rating.toFixed(1)} of 5` : "";
  const fetched = downloads ? `${compact.format(downloads)} downloads` : "";
  return [author ? `by ${author}` : "", fetched, stars].filter(Boolean);
}

// --- One find

function open(find) {
  opened = find;
  element("[data-slot=name]", dialog).textContent = find.name;
  const told = [find.type, find.baseModel, ...facts(find)];
  element("[data-slot=facts]", dialog).textContent = told.filter(Boolean).join(" · ");
  const words = element("[data-slot=description]", dialog);
  words.textContent = find.description;
  words.hidden = !find.description;
  element("#find-tags").replaceChildren(...find.tags.map((tag) => stamp("t-tag", { "": tag })));
  element("#find-tags").hidden = !find.tags.length;
  choices("#version", find.versions.map((each) => `${each.name}${each.gated ? " (needs access)" : ""}`));
  element("#find-page").href = find.url;
  element("#find-page").textContent = `Read about it at ${shelves[find.source].title}`;
  tell("");
  chooseVersion();
  dialog.showModal();
}

function choices(id, texts, refused = []) {
  const options = texts.map((text, index) => {
    const option = new Option(text, String(index));
    option.disabled = refused.includes(index);
    return option;
  });
  element(id).replaceChildren(...options);
}

function version() {
  return opened.versions[element("#version").value];
}

function file() {
  return version()?.files[element("#file").value];
}

function chooseVersion() {
  const files = version()?.files ?? [];
  const texts = files.map((each) => `${each.name} · ${each.sizeBytes ? size(each.sizeBytes) : each.format}`);
  const refused = files.flatMap((each, index) => (each.downloadable ? [] : [index]));
  choices("#file", texts, refused);
  const first = files.findIndex((each) => each.downloadable);
  element("#file").value = String(Math.max(0, first));
  describe();
}

function describe() {
  const [chosen, of] = [file(), version()];
  const button = element("#find-download");
  button.disabled = !chosen?.downloadable;
  element("#file-hint").textContent = hint(chosen, of);
}

function hint(chosen, of) {
  if (!chosen) return "This version has no file.";
  if (!chosen.downloadable) return "This format can carry code, or it is nothing we can run.";
  if (chosen.installed) return `Already here, as ${chosen.installed}.`;
  if (of.gated) return "Its source hands it only to accounts that were given access; the server's token is used.";
  return chosen.sha256 ? `SHA-256 ${chosen.sha256}` : "";
}

function tell(text, wrong = false, link = "") {
  const told = element("#find-told");
  told.toggleAttribute("data-wrong", wrong);
  told.textContent = text;
  if (!link) return;
  const anchor = Object.assign(document.createElement("a"), { href: link, textContent: "See the downloads" });
  told.append(" ", anchor);
}

function reference() {
  if (opened.source === "civitai") {
    return { modelId: Number(opened.id), versionId: Number(version().id), fileId: Number(file().id) };
  }
  const single = file().id ? { file: file().id } : {};
  return { repoId: opened.id, revision: version().id, ...single };
}

async function download() {
  const button = element("#find-download");
  button.disabled = true;
  try {
    const task = await call("POST", `/v1/models/download/${opened.source}`, reference());
    tell(`${task.name || opened.name} is on its way.`, false, form.dataset.downloads);
  } catch (problem) {
    if (!(problem instanceof Refusal)) throw problem;
    button.disabled = false;
    tell(problem.message, true);
  }
}

// --- What people do

for (const button of document.querySelectorAll("[data-source]")) {
  button.addEventListener("click", () => {
    shelf = shelves[button.dataset.source];
    for (const each of document.querySelectorAll("[data-source]")) {
      each.setAttribute("aria-pressed", String(each === button));
    }
    draw();
  });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  askBoth();
});
element("#q").addEventListener("input", draw);
for (const id of ["#kind", "#nsfw", "#offline"]) element(id).addEventListener("change", askBoth);
element("#more").addEventListener("click", () => ask(shelf, { fresh: false }));
element("#version").addEventListener("change", chooseVersion);
element("#file").addEventListener("change", describe);
element("#find-download").addEventListener("click", download);
element("#find-close").addEventListener("click", () => dialog.close());

askBoth();
