"""A usage row for everybody who has jobs or pictures already, a batch of people at a time.

What was ordered earlier on this day is not counted: no row says on which day's allowance it was.
"""

from typing import Any

from django.db import migrations
from django.db.models import Count, Q, Sum

BATCH = 500


def count(apps: Any, editor: Any) -> None:
    users = apps.get_model("accounts", "User").objects.using(editor.connection.alias)
    last = 0
    while batch := list(
        users.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]
    ):
        _count_batch(apps, editor.connection.alias, batch)
        last = batch[-1]


def _count_batch(apps: Any, alias: str, batch: list[int]) -> None:
    usage = apps.get_model("accounts", "Usage")
    rows = {user: usage(user_id=user) for user in batch}
    jobs = apps.get_model("generation", "Job").objects.using(alias).filter(owner__in=batch)
    queued, running = (Count("pk", filter=Q(status=status)) for status in ("queued", "running"))
    open_jobs = jobs.filter(status__in=("queued", "running")).order_by().values_list("owner")
    for owner, waiting, at_work in open_jobs.annotate(waiting=queued, at_work=running):
        rows[owner].queued_jobs, rows[owner].running_jobs = waiting, at_work
    images = apps.get_model("gallery", "Image").objects.using(alias).filter(owner__in=batch)
    kept = images.exclude(state="deleting").order_by().values_list("owner")
    for owner, number, size in kept.annotate(Count("pk"), Sum("size_bytes")):
        rows[owner].stored_images, rows[owner].stored_bytes = number, size
    usage.objects.using(alias).bulk_create(
        rows.values(),
        update_conflicts=True,
        unique_fields=["user"],
        update_fields=["queued_jobs", "running_jobs", "stored_images", "stored_bytes"],
    )


class Migration(migrations.Migration):
    # Each batch for itself: no lock is held while the next is counted.
    atomic = False

    dependencies = [
        ("generation", "0002_reserved_allowance"),
        ("accounts", "0002_people_and_privacy"),
        ("gallery", "0002_people_and_privacy"),
    ]

    operations = [migrations.RunPython(count, migrations.RunPython.noop, elidable=True)]
