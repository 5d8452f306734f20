"""How long an upgrade holds up who writes: python -m bench.upgrade [pictures] [sqlite|postgresql].

A database as the first version made it, filled, is migrated step by step while another process
changes a picture and a job twenty times a second; then the chores finish what migrations began.
Without an engine both are measured; PostgreSQL is started for it, in a folder of its own. What was
computed says on a busy machine how long a step would take on a quiet one.
"""

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from bench import engines
from bench.large_gallery import IMAGES, TAGS, USERS, cpu_ms, words

EVERY = 0.05
# As the first version had them; the libraries' own tables are made before.
FIRST = {"gallery": "0001", "generation": "0001"}
OURS = {"accounts", "aliceproject", "gallery", "generation", "modelhub"}
WITH_TAGS = {"gallery": "0002"}
JOBS = """INSERT INTO generation_job (id, owner_id, client_job_id, dialect, kind, model, status,
    requested, spec, adjustments, previews, priority, fair_tag, cost, attempts, lease_owner,
    cancel_requested, step, steps, revision, error_code, error_message, timings, created_at)
SELECT id, owner_id, '', 'native', 'image', model, 'succeeded', recipe, recipe, '[]', {no}, 0, 0, 1,
    1, '', {no}, 20, 20, 40, '', '', '{{}}', created_at FROM gallery_image"""
TOUCHES = (
    "UPDATE gallery_image SET visibility_version = visibility_version + 1 WHERE id = %s",
    "UPDATE generation_job SET revision = revision + 1 WHERE id = %s",
    "UPDATE gallery_tag SET name = 'touched' WHERE image_id = %s AND name IN ('common', 'touched')",
)


def write(key: Any, orders: Connection) -> None:
    """In a process of its own: every write, by when it began and how long it waited, in seconds."""
    import django

    django.setup()
    from django.db import OperationalError, ProgrammingError, connection

    waited: list[tuple[float, float]] = []
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA busy_timeout = 600000")
        while not orders.poll(EVERY):
            for touch in TOUCHES:
                begin = time.time()
                try:
                    cursor.execute(touch, [key])
                except (OperationalError, ProgrammingError) as problem:
                    # There are no tags yet.
                    if "gallery_tag" not in str(problem):
                        raise
                waited.append((begin, time.time() - begin))
    orders.send(waited)


def fill(rows: int) -> Any:
    """Pictures and as many jobs; the id of one of both."""
    from django.db import connection

    with connection.cursor() as cursor:
        people = ", ".join(
            f"({number}, 'user{number}', '', '', '', '', {{no}}, {{no}}, {{yes}}, {{now}})"
            for number in range(1, USERS + 2)
        )
        now = "CURRENT_TIMESTAMP"
        yes, no = ("1", "0") if connection.vendor == "sqlite" else ("true", "false")
        cursor.execute(
            "INSERT INTO accounts_user (id, username, password, first_name, last_name, email,"
            " is_staff, is_superuser, is_active, date_joined) VALUES "
            + people.format(yes=yes, no=no, now=now)
        )
        made = words(connection.vendor, rows, 1, USERS + 1)
        of_the_first = IMAGES.replace(", keep)", ")").replace(", {no}\nFROM m", "\nFROM m")
        cursor.execute(of_the_first.format(**made).replace("%", "%%"), [])
        cursor.execute(JOBS.format(no=no))
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE")
        # One with a tag, once there are some.
        cursor.execute("SELECT id FROM gallery_image WHERE seed = 3")
        return cursor.fetchone()[0]


def steps(targets: dict[str, str]) -> list[tuple[str, Callable[[], Any]]]:
    """Every migration up to `targets`, or up to the last of each app, in order."""
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    nodes = executor.loader.graph.leaf_nodes()
    wanted = [
        (app, executor.loader.get_migration_by_prefix(app, targets[app]).name)
        if app in targets
        else (app, name)
        for app, name in nodes
        if not targets or app in targets
    ]
    return [
        (
            f"{m.app_label} {m.name}",
            lambda m=m: call_command("migrate", m.app_label, m.name, verbosity=0),
        )
        for m, _ in executor.migration_plan(wanted)
    ]


def measure(rows: int) -> None:
    """In a process of its own, whose settings name the database."""
    import django
    from django.db import connection

    django.setup()
    for name, work in steps(FIRST) + steps({}):
        if name.partition(" ")[0] not in OURS or name.endswith("0001_initial"):
            work()
    key = fill(rows)
    print(f"{rows} pictures and jobs on {connection.vendor}", flush=True)
    print(f"{'step':48} {'took s':>8} {'cpu s':>8} {'longest wait s':>15}", flush=True)
    _watched(key, steps(WITH_TAGS))
    with connection.cursor() as cursor:
        tags = TAGS.replace("image_id, owner_id, name", "image_id, name").replace(" owner_id,", "")
        cursor.execute(tags.replace("%", "%%"), [])
    from gallery import left_over, tag_owners, text_index

    _watched(key, steps({}))
    if left_over.pending():
        chores = {"chore: owners of tags": tag_owners.fill, "chore: text index": text_index.fill}
        _watched(key, list(chores.items()))


def _watched(key: Any, work: list[tuple[str, Callable[[], Any]]]) -> None:
    ours, theirs = multiprocessing.Pipe()
    writer = multiprocessing.get_context("spawn").Process(target=write, args=(key, theirs))
    writer.start()
    time.sleep(3)
    spans = []
    for name, step in work:
        begin, used = time.time(), cpu_ms()
        step()
        spans.append((name, begin, time.time(), (cpu_ms() - used) / 1000))
        # A wait belongs to the step that it began in.
        time.sleep(2 * EVERY)
    ours.send("enough")
    waited = ours.recv()
    writer.join()
    for name, begin, end, cpu in spans:
        within = [wait for start, wait in waited if start < end and start + wait > begin]
        print(f"{name:48} {end - begin:8.1f} {cpu:8.1f} {max(within, default=0):15.2f}", flush=True)


if __name__ == "__main__":
    engines.main("bench.upgrade", measure)
