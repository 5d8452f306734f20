"""The dashboard and the form as the server draws them."""

import re
from uuid import uuid4

import pytest

from accounts.models import User
from generation.models import Job
from modelhub.models import CatalogModel
from tests.gallery.conftest import Keep
from tests.generation.conftest import Browser
from tests.generation.jobs.conftest import Submit

CREATE = "/web/generate"


@pytest.fixture
def page(alice: User, browser: Browser, model: CatalogModel) -> str:
    return browser(alice).get(CREATE).content.decode()


@pytest.mark.parametrize(
    "name",
    [
        "prompt", "negative_prompt", "model", "width", "height", "num_inference_steps",
        "guidance_scale", "scheduler", "seed", "n", "clip_skip",
    ],
)  # fmt: skip
def test_the_form_has_every_parameter_and_its_label(page: str, name: str) -> None:
    assert f'name="{name}"' in page
    assert f'<label for="{name}"' in page or f'for="{name}">' in page


def test_the_page_holds_no_inline_script_or_style(page: str) -> None:
    assert re.findall(r"<script(?![^>]* src=)", page) == []
    assert re.findall(r"\sstyle=|<style|\son\w+=", page) == []


def test_the_dashboard_s_data_is_data_and_no_script(alice: User, browser: Browser) -> None:
    page = browser(alice).get("/web/").content.decode()
    inline = re.findall(r"<script(?![^>]* src=)([^>]*)>", page)
    assert inline == [' id="board" type="application/json"']


def test_without_a_model_the_page_says_what_to_do(
    alice: User, staff: User, browser: Browser
) -> None:
    assert 'href="/web/models">Bring one here' in browser(staff).get(CREATE).content.decode()
    assert "Whoever runs this server" in browser(alice).get(CREATE).content.decode()


def test_a_prompt_in_the_address_fills_the_form(
    alice: User, browser: Browser, model: CatalogModel
) -> None:
    page = browser(alice).get(CREATE, {"prompt": "<b>a lake"}).content.decode()
    assert ">&lt;b&gt;a lake</textarea>" in page


def test_the_recipe_of_a_picture_fills_the_form(
    alice: User, browser: Browser, model: CatalogModel, keep: Keep
) -> None:
    image = keep(alice, seed=4711)
    page = browser(alice).get(CREATE, {"from": str(image.pk)}).content.decode()
    for value in ('value="4711"', ">fog</textarea>", 'value="euler_a" selected'):
        assert value in page


@pytest.mark.parametrize("source", ["x", str(uuid4())], ids=["no id", "unknown"])
def test_a_recipe_that_is_none_is_not_found(alice: User, browser: Browser, source: str) -> None:
    assert browser(alice).get(CREATE, {"from": source}).status_code == 404


def test_the_recipe_of_another_s_picture_is_not_found(
    alice: User, bob: User, browser: Browser, keep: Keep
) -> None:
    reply = browser(bob).get(CREATE, {"from": str(keep(alice).pk)})
    assert reply.status_code == 404


def test_the_page_takes_up_the_jobs_that_still_run(
    alice: User, browser: Browser, submit: Submit
) -> None:
    open_job, ended = submit(), submit()
    Job.objects.filter(pk=ended.pk).update(status=Job.Status.CANCELLED)
    assert browser(alice).get(CREATE).context["open_jobs"] == [str(open_job.pk)]


def test_the_theme_one_chose_is_there_from_the_start(alice: User, browser: Browser) -> None:
    client = browser(alice)
    client.cookies["alice_theme"] = "dark"
    assert 'data-theme="dark"' in client.get("/web/").content.decode()


def test_a_foreign_theme_is_not_written_into_the_page(alice: User, browser: Browser) -> None:
    client = browser(alice)
    client.cookies["alice_theme"] = "x onload"
    assert "onload" not in client.get("/web/").content.decode()


@pytest.mark.parametrize("path", ["/web/nowhere", "/web/gallery/x"])
def test_what_does_not_exist_has_a_page_of_the_house(
    alice: User, browser: Browser, path: str
) -> None:
    reply = browser(alice).get(path)
    assert reply.status_code == 404
    assert b"css/alice.css" in reply.content
