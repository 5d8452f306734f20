// A websocket that comes back by itself, and polling where websockets do not get through.

const FIRST_WAIT = 500;
const LONGEST_WAIT = 8000;
const POLL_AFTER_FAILURES = 2;
const POLL_EVERY = 1500;
// Codes the server closes with when coming back would change nothing.
const FINAL = new Set([1000, 4401, 4403, 4404]);

// Calls `hear(message)` for each message and `ended(code)` once, when it is over for good.
// `poll()`, where given, is asked for the present state while the socket cannot be opened; it
// resolves to true when there is nothing left to wait for.
export function listen(path, { hear, ended = () => {}, poll = null }) {
  let socket = null;
  let failures = 0;
  let timer = 0;
  let over = false;

  function finish(code) {
    if (over) return;
    over = true;
    clearTimeout(timer);
    ended(code);
  }

  function open() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(`${scheme}//${location.host}${path}`);
    socket.addEventListener("message", (event) => {
      failures = 0;
      hear(JSON.parse(event.data));
    });
    socket.addEventListener("close", (event) => {
      if (over) return;
      if (FINAL.has(event.code)) return finish(event.code);
      failures += 1;
      retry();
    });
  }

  async function retry() {
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** failures);
    if (poll && failures >= POLL_AFTER_FAILURES) {
      const done = await poll().catch(() => false);
      if (over) return;
      if (done) return finish(1000);
    }
    timer = setTimeout(open, poll ? Math.min(wait, POLL_EVERY) : wait);
  }

  open();
  return {
    close() {
      over = true;
      clearTimeout(timer);
      socket.close();
    },
  };
}
