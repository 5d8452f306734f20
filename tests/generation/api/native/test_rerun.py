"""POST /v1/gallery/{id}/rerun: a picture's recipe as a new job."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client

from accounts import keys
from accounts.audit import Action
from accounts.models import AuditEntry, User
from gallery import sharing
from gallery.models import Image
from generation.models import Job
from tests.gallery.conftest import Keep, Signed, images_dir, keep, signed

__all__ = ["images_dir", "keep", "signed"]

pytestmark = pytest.mark.usefixtures("model")


def rerun(client: Client, image: Image | uuid.UUID, body: Any = None, **more: Any) -> Any:
    key = image.pk if isinstance(image, Image) else image
    path = f"/v1/gallery/{key}/rerun"
    return client.post(path, body or {}, content_type="application/json", **more)


def test_the_recipe_becomes_a_job(alice: User, keep: Keep, signed: Signed) -> None:
    reply = rerun(signed(alice), keep(alice, seed=99))
    assert (reply.status_code, reply.json()["status"]) == (202, "queued")
    job = Job.objects.get(pk=reply.json()["id"])
    assert job.owner == alice
    wanted = {
        "prompt": "a serene mountain landscape at sunset",
        "negative_prompt": "fog",
        "width": 64,
        "num_inference_steps": 20,
        "guidance_scale": 7.5,
        "scheduler": "euler_a",
        "seed": 99,
        "n": 1,
    }
    assert {name: job.spec[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"overrides": {"seed": 5, "n": 2}}, {"seed": 5, "n": 2}),
        ({"seed": 5, "overrides": {"n": 2}}, {"seed": 5, "n": 2}),
        ({"overrides": {"steps": 7, "cfg": 3}}, {"num_inference_steps": 7, "guidance_scale": 3.0}),
        ({"overrides": {"size": "128x64"}}, {"width": 128, "height": 64}),
        ({"overrides": {"prompt": "a boat"}}, {"prompt": "a boat", "seed": 99}),
    ],
)
def test_words_of_the_recipe_are_changed(
    alice: User, keep: Keep, signed: Signed, body: Any, expected: Any
) -> None:
    reply = rerun(signed(alice), keep(alice, seed=99), body)
    spec = Job.objects.get(pk=reply.json()["id"]).spec
    assert {name: spec[name] for name in expected} == expected


def test_null_takes_a_word_back(alice: User, keep: Keep, signed: Signed) -> None:
    reply = rerun(signed(alice), keep(alice), {"overrides": {"rng_seed": None, "steps": None}})
    job = Job.objects.get(pk=reply.json()["id"])
    assert (job.requested.get("seed"), job.requested.get("num_inference_steps")) == (None, None)
    assert job.requested["guidance_scale"] == 7.5


def test_unknown_words_are_named(alice: User, keep: Keep, signed: Signed) -> None:
    reply = rerun(signed(alice), keep(alice), {"overrides": {"mood": "calm"}})
    assert (reply.status_code, reply["X-Ignored-Params"]) == (202, "mood")


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"overrides": 5}, 400, "overrides"),
        ({"overrides": {"n": 99}}, 400, "n"),
        ({"overrides": {"seed": 1}, "seed": 1}, 400, "seed"),
        ({"overrides": {"image": "x"}}, 400, "image"),
        ({"overrides": {"model": "sd/none"}}, 404, "model"),
    ],
)
def test_what_cannot_be_made_is_refused(
    alice: User, keep: Keep, signed: Signed, body: Any, status: int, param: str
) -> None:
    reply = rerun(signed(alice), keep(alice), body)
    assert (reply.status_code, reply.json()["error"]["param"]) == (status, param)
    assert not Job.objects.exists()


def test_a_recipe_whose_model_is_gone_says_so(alice: User, keep: Keep, signed: Signed) -> None:
    image = keep(alice)
    image.recipe["model"] = "sd/gone"
    image.save()
    assert rerun(signed(alice), image).json()["error"]["code"] == "model_not_found"


def test_the_same_key_makes_one_job(alice: User, keep: Keep, signed: Signed) -> None:
    image, other, client = keep(alice), keep(alice), signed(alice)
    headers = {"Idempotency-Key": "once"}
    first, again = (rerun(client, image, headers=headers).json() for _ in range(2))
    assert first["id"] == again["id"]
    assert rerun(client, other, headers=headers).status_code == 400


def test_what_others_share_is_made_again_as_ones_own(
    alice: User, bob: User, keep: Keep, signed: Signed
) -> None:
    image, client = keep(alice), signed(bob)
    assert rerun(client, image).status_code == 404
    assert rerun(client, image).content == rerun(client, uuid.uuid4()).content
    sharing.set_privacy(image, public=True)
    assert rerun(client, image).status_code == 202
    assert Job.objects.get().owner == bob


def test_staff_who_make_a_private_picture_again_leave_a_trace(
    alice: User, staff: User, keep: Keep, signed: Signed
) -> None:
    assert rerun(signed(staff), keep(alice)).status_code == 202
    assert AuditEntry.objects.filter(action=Action.PRIVATE_PICTURE_VIEWED).count() == 1


@pytest.mark.parametrize("scope", ["read", "generate"])
def test_both_scopes_are_needed(alice: User, keep: Keep, signed: Signed, scope: str) -> None:
    assert rerun(signed(alice, scope), keep(alice)).status_code == 403
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
async def test_the_same_seed_makes_the_same_picture(
    alice: User, worker: Any, images_dir: Path
) -> None:
    secret = (await sync_to_async(keys.mint)(alice, "both", ["generate", "read"]))[1]
    client = AsyncClient(AUTHORIZATION=f"Bearer {secret}")
    ask = {"prompt": "a lake", "size": "64x64", "num_inference_steps": 3, "seed": 8}
    await client.post("/v1/jobs", ask, content_type="application/json")
    await worker()
    first = await Image.objects.aget()
    reply = await client.post(f"/v1/gallery/{first.pk}/rerun", {}, content_type="application/json")
    assert reply.status_code == 202
    await worker()
    second = await Image.objects.exclude(pk=first.pk).aget()
    assert (second.sha256, second.recipe) == (first.sha256, first.recipe)
