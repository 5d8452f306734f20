"""Time of a refused sign-in: for a name that exists, and for names that nobody has.

    .venv/bin/python bench/login_timing.py [--pairs 100]

Pairs in alternating order against a server of its own. Nothing is told by time while the ratio of
the medians stays within a tenth of 1.
"""

import argparse
import re
import secrets
import statistics
import time

import httpx2
from server import running

LOGIN = "/web/login"
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
# More than are tried: what is measured is the refusal, not the lock.
ATTEMPTS = 1000


def refusal(client: httpx2.Client, token: str, name: str) -> float:
    """Milliseconds until the answer."""
    form = {"csrfmiddlewaretoken": token, "username": name, "password": secrets.token_hex()}
    began = time.perf_counter()
    reply = client.post(LOGIN, data=form)
    spent = (time.perf_counter() - began) * 1000
    if reply.status_code != 200:
        raise RuntimeError(f"{name}: {reply.status_code}")
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=100)
    pairs = parser.parse_args().pairs
    known: list[float] = []
    unknown: list[float] = []
    settings = {"ALICE_BACKEND": "mock", "ALICE_LOGIN_ATTEMPTS": str(ATTEMPTS)}
    with running(**settings) as server, httpx2.Client(base_url=server.url, timeout=60) as client:
        found = TOKEN.search(client.get(LOGIN).text)
        if found is None:
            raise RuntimeError("the sign-in page carries no token")
        token = found[1]
        refusal(client, token, "bench")
        for number in range(min(pairs, ATTEMPTS // 2 - 1)):
            turns = [("bench", known), (f"nobody-{secrets.token_hex(4)}", unknown)]
            for name, times in turns if number % 2 else reversed(turns):
                times.append(refusal(client, token, name))
    middle, other = statistics.median(known), statistics.median(unknown)
    print(f"{len(known)} pairs: known {middle:.1f} ms, unknown {other:.1f} ms")
    print(f"ratio of the medians: {middle / other:.3f} (within 0.9 and 1.1: nothing to tell)")


if __name__ == "__main__":
    main()
