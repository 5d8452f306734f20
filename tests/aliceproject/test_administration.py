from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django_q.models import Schedule

from accounts.local import local_user
from accounts.models import Registration, Usage, User
from aliceproject.ops import overview
from gallery.models import Image
from generation import worker_status
from generation.models import Job
from tests.admin_pages import administrator, assert_fits_policy, queries_of


def job_of(owner: User, **changes: object) -> Job:
    usual = {"dialect": "native", "kind": "txt2img", "model": "sd/demo", "cost": 1.0}
    return Job.objects.create(owner=owner, **(usual | changes))


def rows(title: str) -> dict[str, overview.Figure]:
    group = next(group for group in overview.figures() if group.title == title)
    return {row.label: row for row in group.rows}


def test_front_page_fits_the_policy(db: None) -> None:
    assert_fits_policy(administrator(), "/admin/")


def test_queue_is_counted_with_its_longest_wait(alice: User) -> None:
    job_of(alice, created_at=timezone.now() - timedelta(minutes=3))
    job_of(alice, status=Job.Status.RUNNING)
    queue = rows("Queue")
    assert queue["Waiting"].value == "1 of 1000"
    assert queue["Running"].value == "1"
    assert "3" in queue["Longest wait"].value


def test_failures_are_named_by_their_code(alice: User) -> None:
    for _ in range(2):
        job_of(alice, status=Job.Status.FAILED, error_code="out_of_memory")
    day = rows("Last 24 hours")
    assert (day["Failed"].value, day["out_of_memory"].value) == ("2", "2")


def test_a_server_without_workers_is_an_alarm(db: None) -> None:
    assert rows("Workers")["Alive"].alarm
    worker_status.record("w1", worker_status.Facts("cuda:0", "diffusers", models_loaded=["sd/a"]))
    assert "idle, sd/a" in str(rows("Workers"))


def test_storage_is_read_from_the_usage_rows(alice: User) -> None:
    Usage.objects.create(user=alice, stored_images=3, stored_bytes=3 * 10**6)
    assert rows("Storage")["Pictures"].value == "3"
    assert rows("Storage")["They take"].value == "3 MB of 100 GB"
    assert rows("Largest galleries")["alice"].value == "3, 3 MB"


def test_lost_files_and_pending_requests_are_alarms(alice: User) -> None:
    Image.objects.create(
        owner=alice, file="a", size_bytes=1, width=8, height=8, seed=1, state=Image.State.LOST
    )
    Registration.objects.create(username="dora")
    assert rows("Storage")["Files lost"].alarm
    assert rows("People")["Asking for an account"].alarm


def test_the_built_in_user_is_nobody_to_count(alice: User) -> None:
    local_user()
    assert rows("People")["Active"].value == "1"


def test_every_link_of_the_front_page_opens(alice: User) -> None:
    Usage.objects.create(user=alice, stored_images=1, stored_bytes=1)
    job_of(alice, status=Job.Status.FAILED, error_code="out_of_memory")
    client = administrator()
    links = [row.link for group in overview.figures() for row in group.rows if row.link]
    assert len(links) > 8
    assert {client.get(link).status_code for link in links} == {200}


def test_front_page_costs_the_same_for_many(db: None) -> None:
    client, costs = administrator(), []
    for size in range(2):
        for index in range(3):
            user = User.objects.create(username=f"user{size}{index}")
            Usage.objects.create(user=user, stored_images=1, stored_bytes=1)
            job_of(user)
        costs.append(queries_of(client, "/admin/"))
    assert costs[0] == costs[1]


def test_there_is_one_door(db: None) -> None:
    reply = Client().get("/admin/login/?next=/admin/gallery/image/")
    assert reply.status_code == 302
    assert reply["Location"] == "/web/login?next=/admin/gallery/image/"


def test_the_signed_in_who_may_not_enter_are_told_so(alice: User) -> None:
    client = Client()
    client.force_login(alice)
    assert client.get("/admin/login/").status_code == 403


@pytest.mark.parametrize("next_page", ["//evil.example", "https://evil.example/"])
def test_the_door_leads_nowhere_else(alice: User, next_page: str) -> None:
    client = Client()
    page = client.get("/admin/login/", {"next": next_page})["Location"]
    reply = client.post(page, {"username": "alice", "password": "correct horse 1"})
    assert reply["Location"] == "/web/"


def test_no_function_can_be_scheduled_by_hand(db: None) -> None:
    root = administrator()
    schedule = Schedule.objects.create(name="hourly", func="math.copysign")
    assert root.get("/admin/django_q/schedule/").status_code == 200
    assert root.get("/admin/django_q/schedule/add/").status_code == 403
    changed = root.post(f"/admin/django_q/schedule/{schedule.pk}/change/", {"func": "os.system"})
    assert changed.status_code == 403
    assert root.get("/admin/django_q/ormq/").status_code == 404


def test_apps_and_models_have_names_that_people_use(db: None) -> None:
    apps = administrator().get("/admin/").context["app_list"]
    names = {app["name"]: [model["name"] for model in app["models"]] for app in apps}
    assert list(names) == sorted(names)
    assert names["Models"] == ["Aliases", "Downloads", "Models"]
    assert names["Jobs and workers"] == ["Jobs", "Workers"]
    assert names["Gallery"] == ["Albums", "Images"]
    assert {"Usage", "OpenID identities", "API keys"} <= set(names["People and access"])
    assert {"Regular work", "Groups and rights"} <= names.keys()
