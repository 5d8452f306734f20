"""The page of downloads: begun, stopped and taken up again without a script."""

import pytest
from django.test import Client

from accounts.models import User
from modelhub.models import Download
from tests.modelhub.test_admin import installed

pytestmark = pytest.mark.django_db


@pytest.fixture
def web(staff: User, models_dir: object) -> Client:
    client = Client()
    client.force_login(staff)
    return client


def test_the_page_begins_and_ends_downloads(web: Client) -> None:
    assert web.post("/web/models/downloads", {"what": "maker/lakes"}).status_code == 302
    [row] = Download.objects.all()
    assert b"maker/lakes" in web.get("/web/models/downloads").content
    for deed, status in (("cancel", "cancelled"), ("resume", "queued"), ("cancel", "cancelled")):
        assert web.post(f"/web/models/downloads/{row.pk}/{deed}").status_code == 302
        row.refresh_from_db()
        assert row.status == status
    web.post(f"/web/models/downloads/{row.pk}/forget")
    assert not Download.objects.exists()


def test_the_page_says_what_is_wrong_beside_the_field(web: Client) -> None:
    reply = web.post("/web/models/downloads", {"what": "what is this"})
    assert reply.status_code == 400
    assert b"neither a repository" in reply.content
    assert b'value="what is this"' in reply.content


def test_a_finished_row_leads_to_its_model_and_no_other_row_does(web: Client) -> None:
    asked = {"repo": "maker/lakes", "revision": "main", "file": ""}
    row = Download.objects.create(source="huggingface", name="maker/lakes", asked=asked)
    link = "Open the model: sd/lakes"
    assert link not in web.get("/web/models/downloads").content.decode()
    model = installed("lakes")
    Download.objects.filter(pk=row.pk).update(status="completed", model=model)
    page = web.get("/web/models/downloads").content.decode()
    assert link in page
    assert f'href="/web/models/{model.pk}"' in page
