"""How long a large gallery takes: python -m bench.large_gallery [pictures] [sqlite|postgresql].

Without an engine both are measured; PostgreSQL is started for it, in a folder of its own.
"""

import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench import engines

USERS = 1000
REPEATS = 20
# A whole gallery of one person, beside the thousand small ones.
SHARE_OF_ONE = 0.2

# Whole requests, of programs and of browsers.
READ = (
    "/v1/gallery",
    "/v1/gallery?search=zeppelin",
    "/v1/gallery?search=zq",
    "/v1/gallery?search=zq&offset=10000",
    "/v1/gallery?size=768x512",
    "/v1/gallery/tags",
    "/web/gallery",
    "/web/gallery?q=zeppelin",
    "/web/gallery?q=zq",
    "/web/gallery?tag=common",
)
READ_BY_STAFF = ("/v1/gallery/stats", "/admin/")

NUMBERS_SQLITE = """WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n
    WHERE i < {rows} - 1)"""
NUMBERS_POSTGRESQL = "WITH n(i) AS (SELECT generate_series(0, {rows} - 1))"
# Every prompt says "landscape", one in a thousand "zeppelin", ten in all "quagga"; who owns a
# picture, its model, tags and shares follow from a number scattered over them.
IMAGES = """{numbers}, m AS (SELECT i, (i % 100003) * 7919 % 100003 AS r FROM n)
INSERT INTO gallery_image (id, owner_id, created_at, state, file, thumbnail, sha256, size_bytes,
    width, height, prompt, negative_prompt, model, seed, recipe, generation_ms, is_public,
    public_until, visibility_version, favourite, keep)
SELECT {id}, CASE WHEN r % 10 < 2 THEN {one} ELSE {first} + r % {users} END, {created}, 'stored',
    i || '.png', i || '.webp', 'd8f4a1', 400000, CASE WHEN (r / 5) % 4 = 0 THEN 768 ELSE 512 END, 512,
    'a serene mountain landscape at sunset, in the style of an old master, number ' || i
        || CASE WHEN (r / 3) % 1000 = 7 THEN ', a zeppelin' ELSE '' END
        || CASE WHEN i % ({rows} / 10) = 3 THEN ', a quagga' ELSE '' END,
    'blurry, low quality', 'sd/model-' || (r % 7), i, '{recipe}', 1500, {public},
    CASE WHEN r % 5 < 3 THEN {until} END, 0, {favourite}, {no}
FROM m"""
TAGS = """INSERT INTO gallery_tag (image_id, owner_id, name)
SELECT id, owner_id, 'common' FROM gallery_image WHERE seed % 3 = 0
UNION ALL SELECT id, owner_id, 'tag ' || (seed % 200) FROM gallery_image WHERE seed % 2 = 0
UNION ALL SELECT id, owner_id, 'rare' FROM gallery_image WHERE seed % 20000 = 11"""
RECIPE = (
    '{"prompt": "a serene mountain landscape at sunset, in the style of an old master",'
    ' "negative_prompt": "blurry, low quality", "num_inference_steps": 20, "guidance_scale": 7.5,'
    ' "scheduler": "euler_a", "scheduler_label": "Euler a", "clip_skip": 0, "extra": {}}'
)


def words(vendor: str, rows: int, first: int, one: int) -> dict[str, Any]:
    """What differs between the engines in the statement above."""
    common = {"rows": rows, "first": first, "one": one, "users": USERS, "recipe": RECIPE}
    if vendor == "sqlite":
        stamp = "strftime('%Y-%m-%d %H:%M:%S', 'now', {})"
        return common | {
            "numbers": NUMBERS_SQLITE.format(rows=rows),
            "id": "lower(hex(randomblob(16)))",
            "created": stamp.format("'-' || i || ' seconds'"),
            "until": stamp.format("(r % 199 - 99) || ' hours'"),
            "public": "(r / 7) % 20 = 5",
            "favourite": "(r / 11) % 25 = 6",
            "no": "0",
        }
    return common | {
        "numbers": NUMBERS_POSTGRESQL.format(rows=rows),
        "id": "gen_random_uuid()",
        "created": "now() - i * interval '1 second'",
        "until": "now() + (r % 199 - 99) * interval '1 hour'",
        "public": "(r / 7) % 20 = 5",
        "favourite": "(r / 11) % 25 = 6",
        "no": "false",
    }


def fill(rows: int) -> None:
    """5 % of the pictures shared, 60 % of those with an expiry; 4 % favourites; 0.8 tags each."""
    from django.db import connection

    from accounts.models import User
    from gallery import text_index

    people = User.objects.bulk_create([User(username=f"user{i}") for i in range(USERS)])
    one = User.objects.create(username="collector")
    User.objects.create(username="boss", is_staff=True)
    with connection.cursor() as cursor:
        made = words(connection.vendor, rows, people[0].pk, one.pk)
        # Filling a whole index at once is much quicker.
        text_index.remove(connection)
        cursor.execute(IMAGES.format(**made).replace("%", "%%"), [])
        cursor.execute(TAGS.replace("%", "%%"), [])
        text_index.begin(connection)
        text_index.fill()
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE")


def cpu_ms() -> float:
    """What this process, and its own one of PostgreSQL's, have computed so far."""
    from django.db import connection

    used = time.process_time() * 1000
    if connection.vendor == "postgresql":
        pid = connection.connection.info.backend_pid
        used += int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6
    return used


def times(work: Callable[[], Any]) -> tuple[float, ...]:
    """Median and 95th percentile in milliseconds, and the same of what was computed meanwhile.

    The last two say on a busy machine what the first would be on a quiet one.
    """
    work()
    waited, computed = [], []
    for _ in range(REPEATS):
        begin, used = time.perf_counter(), cpu_ms()
        work()
        waited.append((time.perf_counter() - begin) * 1000)
        computed.append(cpu_ms() - used)
    return (*_middle_and_high(waited), *_middle_and_high(computed))


def _middle_and_high(found: list[float]) -> tuple[float, float]:
    return statistics.median(found), statistics.quantiles(found, n=20)[-1]


def answered(client: Any, path: str) -> None:
    reply = client.get(path)
    assert reply.status_code == 200, f"{path}: {reply.status_code}"


def cases(rows: int) -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """Who asks, what for, and the asking."""
    from django.test import Client
    from django.utils import timezone

    from accounts import keys
    from accounts.models import User
    from gallery import curating, queries, storage
    from gallery.places import Place
    from gallery.queries import Filter

    middle = timezone.now() - timedelta(seconds=rows // 2)
    deep = Place(middle, uuid.uuid4()).cursor()
    asked = {
        "first page": {},
        "deep page": {"cursor": deep},
        "own unshared": {"wanted": Filter(public=False)},
        "shared by others": {"wanted": Filter(others=True)},
        "one common tag": {"wanted": Filter(tags=("common",))},
        "common and rare tag": {"wanted": Filter(tags=("common", "rare"))},
        "model": {"wanted": Filter(model="sd/model-3")},
        "unknown model": {"wanted": Filter(model="sd/none")},
        "size": {"wanted": Filter(size=(768, 512))},
        "unknown size": {"wanted": Filter(size=(640, 512))},
        "model and size": {"wanted": Filter(model="sd/model-3", size=(768, 512))},
        "favourites": {"wanted": Filter(favourite=True)},
        "a day long ago": {"wanted": Filter(since=middle, until=middle + timedelta(days=1))},
        "search common": {"wanted": Filter(search="LandScape")},
        "search one in 1000": {"wanted": Filter(search="zeppelin")},
        "search ten in all": {"wanted": Filter(search="quagga")},
        "search a tag": {"wanted": Filter(search="rare")},
        "search none": {"wanted": Filter(search="xylophone")},
        "search two letters": {"wanted": Filter(search="zq")},
        "search deep": {"cursor": deep, "wanted": Filter(search="zeppelin")},
        "offset 10000": {"offset": 10_000},
    }
    for name in ("user7", "collector", "boss"):
        user = User.objects.get(username=name)
        scopes = ["read", "admin"] if user.is_staff else ["read"]
        client = Client(headers={"X-Api-Key": keys.mint(user, "bench", scopes)[1]})
        browser = Client()
        browser.force_login(user)
        for what, options in asked.items():
            yield name, what, lambda u=user, o=options: queries.page_of(u, **o)
        for path in [*READ, *(READ_BY_STAFF if user.is_staff else ())]:
            asker = client if path.startswith("/v1/") else browser
            yield name, path, lambda c=asker, p=path: answered(c, p)
        yield name, "count", lambda u=user: queries.count(u)
        yield name, "tags, counted", lambda u=user: curating.tag_counts(u)
    yield "-", "bytes used", storage.used_bytes


def measure(rows: int) -> None:
    """In a process of its own, whose settings name the database."""
    import django
    from django.core.management import call_command
    from django.db import connection

    django.setup()
    from aliceproject.management.commands.web import settle
    from gallery.models import Image

    call_command("migrate", verbosity=0)
    settle()
    begin = time.perf_counter()
    if not Image.objects.exists():
        fill(rows)
    took = time.perf_counter() - begin
    print(f"{rows} pictures on {connection.vendor}, filled in {took:.0f} s", flush=True)
    print(f"{'who':10} {'what':28} {'p50 ms':>8} {'p95 ms':>8} {'cpu p50':>8} {'cpu p95':>8}")
    for who, what, work in cases(rows):
        print(f"{who:10} {what:28} " + " ".join(f"{ms:8.1f}" for ms in times(work)), flush=True)


if __name__ == "__main__":
    engines.main("bench.large_gallery", measure)
