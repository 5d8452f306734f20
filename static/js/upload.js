// Sending a model in parts: it goes on after a pause, a lost line or another visit.

import { Refusal, call, element, stamp } from "./page.js";

const UPLOADS = "/v1/models/uploads";
const WAITS = [1, 2, 4, 8, 15, 30];
// The largest that fits the whole file counts.
const UNITS = [[1e9, "GB"], [1e6, "MB"], [1e3, "KB"], [1, "bytes"]];
const list = element("#uploads");
const chooser = element("#upload-file");
// Sent again after a wait: nothing is wrong with what was sent.
const PASSING = new Set(["unreachable", "upload_busy"]);
// What came is thrown away: the file itself is wrong, and sending it on would change nothing.
const HOPELESS = new Set(["unsupported_model_format", "hash_mismatch"]);

function seconds(count) {
  return new Promise((done) => setTimeout(done, count * 1000));
}

// One upload on the page. `file` is missing until it is chosen again.
class Sending {
  constructor(state, file = null) {
    this.state = state;
    this.file = file;
    this.paused = !file;
    this.row = stamp("t-upload", { ".sending-name": state.filename });
    this.on(".sending-pause", () => this.pause());
    this.on(".sending-resume", () => this.resume());
    this.on(".sending-drop", () => this.drop());
    element("progress", this.row).setAttribute("aria-label", `Progress of ${state.filename}`);
    list.prepend(this.row);
    this.draw();
  }

  on(selector, act) {
    element(selector, this.row).addEventListener("click", act);
  }

  draw(words = "", wrong = false) {
    const { receivedBytes, sizeBytes } = this.state;
    element("progress", this.row).value = receivedBytes / sizeBytes;
    const [unit, name] = UNITS.find(([least]) => sizeBytes >= least);
    const done = `${(receivedBytes / unit).toFixed(1)} of ${(sizeBytes / unit).toFixed(1)} ${name}`;
    const stand = element(".sending-stand", this.row);
    stand.toggleAttribute("data-wrong", wrong);
    stand.textContent = [done, words || (this.paused ? "paused" : "")].filter(Boolean).join(", ");
    element(".sending-pause", this.row).hidden = this.paused || Boolean(this.checking);
    element(".sending-resume", this.row).hidden = !this.paused;
  }

  pause() {
    this.paused = true;
    this.draw();
  }

  resume() {
    if (!this.file) {
      chooser.click();
      return;
    }
    this.paused = false;
    this.send();
  }

  // False where the server knows nothing of it any more.
  async goOn(file) {
    try {
      this.state = await call("GET", `${UPLOADS}/${this.state.id}`);
    } catch (problem) {
      if (problem.code !== "not_found") throw problem;
      sendings.delete(this.state.id);
      this.row.remove();
      return false;
    }
    this.file = file;
    this.resume();
    return true;
  }

  async drop() {
    this.paused = true;
    this.dropped = true;
    // A part that is on its way holds the file: soon it does not.
    for (const wait of WAITS) {
      try {
        await call("DELETE", `${UPLOADS}/${this.state.id}`);
        break;
      } catch (problem) {
        if (!(problem instanceof Refusal)) throw problem;
        if (!PASSING.has(problem.code)) break;
        await seconds(wait);
      }
    }
    this.row.remove();
  }

  async send() {
    try {
      this.draw();
      while (!this.paused && this.state.receivedBytes < this.state.sizeBytes) {
        this.state = await this.part();
        this.draw();
      }
      if (!this.paused) await this.complete();
    } catch (problem) {
      if (!(problem instanceof Refusal)) throw problem;
      if (this.dropped) return;
      this.paused = true;
      this.draw(problem.message, true);
    }
  }

  // Asked again after a wait, as long as nothing is wrong but the line or the moment.
  async patiently(ask) {
    for (const wait of WAITS) {
      try {
        return await ask();
      } catch (problem) {
        if (!PASSING.has(problem.code)) throw problem;
        this.draw(`the line is lost, trying again in ${wait} s`);
        await seconds(wait);
      }
    }
    return ask();
  }

  async part() {
    const { id, receivedBytes: from, partBytes } = this.state;
    const bytes = this.file.slice(from, from + partBytes);
    try {
      return await this.patiently(() => call("PUT", `${UPLOADS}/${id}?offset=${from}`, bytes));
    } catch (problem) {
      if (problem.code !== "wrong_offset") throw problem;
      return call("GET", `${UPLOADS}/${id}`);
    }
  }

  async complete() {
    this.checking = true;
    element(".sending-drop", this.row).hidden = true;
    this.draw("the server checks it …");
    try {
      this.done(await this.patiently(() => call("POST", `${UPLOADS}/${this.state.id}/complete`)));
    } catch (problem) {
      if (!(problem instanceof Refusal)) throw problem;
      this.checking = false;
      element(".sending-drop", this.row).hidden = false;
      if (!HOPELESS.has(problem.code)) throw problem;
      this.over(problem.message, true);
    }
  }

  done({ model, modelPage, state, detail, sha256 }) {
    const usable = state === "ready" ? `It is here as ${model}` : `It is here, but ${detail || "is no model we know"}`;
    this.over(`complete. ${usable}. SHA-256 ${sha256}`);
    const open = element(".sending-model", this.row);
    open.hidden = modelPage === null;
    if (modelPage) open.href = modelPage;
  }

  // Nothing can be done about it any more: the server has let go of it.
  over(words, wrong = false) {
    this.draw(words, wrong);
    sendings.delete(this.state.id);
    for (const button of this.row.querySelectorAll("button")) button.remove();
    if (!wrong) return;
    const remove = stamp("t-remove");
    remove.addEventListener("click", () => this.row.remove());
    element(".actions", this.row).append(remove);
  }
}

const sendings = new Map();

function keep(sending) {
  sendings.set(sending.state.id, sending);
  return sending;
}

// The same file chosen again goes on; any other one is new.
async function choose(file) {
  element("#upload-problem").textContent = "";
  const name = file.name.normalize("NFC");
  const known = [...sendings.values()].find(
    ({ state, dropped }) => !dropped && state.filename === name && state.sizeBytes === file.size,
  );
  if (known && (!known.paused || (await known.goOn(file)))) return;
  const state = await call("POST", UPLOADS, { filename: name, sizeBytes: file.size });
  keep(new Sending(state, file)).send();
}

chooser.addEventListener("change", async () => {
  const [file] = chooser.files;
  chooser.value = "";
  if (!file) return;
  try {
    await choose(file);
  } catch (problem) {
    if (!(problem instanceof Refusal)) throw problem;
    element("#upload-problem").textContent = problem.message;
  }
});

async function recall() {
  const { data } = await call("GET", UPLOADS);
  for (const state of data.reverse()) {
    keep(new Sending(state)).draw("choose the file again to go on");
  }
}

recall().catch((problem) => {
  if (!(problem instanceof Refusal)) throw problem;
  element("#upload-problem").textContent = problem.message;
});
