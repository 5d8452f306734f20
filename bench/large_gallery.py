"""How long a page of a large gallery takes: python -m bench.large_gallery [rows]."""

import os
import random
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
USERS = 1000
REPEATS = 20


def median_ms(work: Callable[[], Any]) -> float:
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        work()
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


def fill() -> None:
    """5 % of the pictures shared, 60 % of those with an expiry, spread evenly over the users."""
    from django.utils import timezone

    from accounts.models import User
    from gallery.models import Image

    chance, now = random.Random(0), timezone.now()
    people = User.objects.bulk_create([User(username=f"user{i}") for i in range(USERS)])
    for start in range(0, ROWS, 20_000):
        Image.objects.bulk_create(
            [
                Image(
                    owner=people[index % USERS],
                    created_at=now - timedelta(seconds=index),
                    file=f"{index:09}.png",
                    sha256=uuid.uuid4().hex * 2,
                    size_bytes=400_000,
                    width=512,
                    height=512,
                    seed=index,
                    prompt="a serene mountain landscape at sunset " * 3,
                    recipe={"num_inference_steps": 20, "guidance_scale": 7.5},
                    is_public=(shared := chance.random() < 0.05),
                    public_until=now + timedelta(hours=chance.randint(-99, 99))
                    if shared and chance.random() < 0.6
                    else None,
                )
                for index in range(start, min(ROWS, start + 20_000))
            ]
        )


def measure() -> None:
    from django.utils import timezone

    from accounts.models import User
    from gallery import queries, storage
    from gallery.queries import Filter, Place

    user = User.objects.get(username="user7")
    boss = User(pk=0, username="boss", is_staff=True)
    deep = Place(timezone.now() - timedelta(seconds=ROWS // 2), uuid.uuid4()).cursor()
    own = Filter(public=False)
    for name, work in {
        "own and shared, first page": lambda: queries.page_of(user),
        "own and shared, deep page": lambda: queries.page_of(user, deep),
        "own unshared, first page": lambda: queries.page_of(user, wanted=own),
        "own unshared, deep page": lambda: queries.page_of(user, deep, wanted=own),
        "staff, first page": lambda: queries.page_of(boss),
        "staff, deep page": lambda: queries.page_of(boss, deep),
        "offset 10000": lambda: queries.page_of(user, offset=10_000),
        "count of own and shared": lambda: queries.count(user),
        "bytes used": storage.used_bytes,
    }.items():
        print(f"{name:30} {median_ms(work):8.2f} ms")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"ALICE_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "aliceproject.settings"}
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        fill()
        print(f"{ROWS} pictures of {USERS} users")
        measure()


if __name__ == "__main__":
    main()
