"""A small populated server to attack: people, keys, and one of everything they can own."""

import json
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts import audit, keys
from accounts.models import ApiKey, Invite, OpenIdentity, Quota, Registration, Usage, User
from gallery import sharing, storage
from gallery.metadata import Recipe
from gallery.models import Album, AlbumEntry, Image, Tag
from generation import jobs
from generation.models import Job, JobPreview, WorkerStatus
from generation.requests import ImageRequest
from generation.resolve import resolve
from modelhub.models import Alias, CatalogModel, Download, Found, Upload
from modelhub.searching import previews

SIDE = 64
PROMPT = "a lake at dawn"
PASSWORD = "correct horse battery"


@dataclass
class World:
    """`people` and `secrets` by identity, `names` what `{name}` in a row stands for."""

    people: dict[str, User]
    secrets: dict[str, str]
    names: dict[str, str]
    images: Path
    cookies: dict[str, str] = field(default_factory=dict)

    def client(self, identity: str, **options: Any) -> Client:
        """A fresh browser or program of that identity; defects answer 500 and do not raise."""
        headers = {}
        if identity in self.secrets:
            headers["Authorization"] = f"Bearer {self.secrets[identity]}"
        client = Client(raise_request_exception=False, headers=headers, **options)
        if identity in self.people:
            client.cookies[settings.SESSION_COOKIE_NAME] = self._session(identity)
        return client

    def _session(self, identity: str) -> str:
        if identity not in self.cookies:
            browser = Client()
            browser.force_login(self.people[identity])
            self.cookies[identity] = browser.cookies[settings.SESSION_COOKIE_NAME].value
        return self.cookies[identity]


def build(images: Path) -> World:
    """Everything is alice's; bob has nothing, carol is staff, root a superuser.

    `images` is the folder in which the present settings keep pictures.
    """
    password = _hashed()
    people = {
        "owner": User.objects.create(username="alice", password=password),
        "other": User.objects.create(username="bob", password=password),
        "staff": User.objects.create(username="carol", password=password, is_staff=True),
        "root": User.objects.create(username="root", is_staff=True, is_superuser=True),
    }
    alice, carol = people["owner"], people["staff"]
    secrets = {
        "read": keys.mint(alice, "reader", ["read"])[1],
        "generate": keys.mint(alice, "painter", ["generate"])[1],
        "admin": keys.mint(carol, "administrator", ["admin"])[1],
        "revoked": _revoked(alice),
    }
    names = _jobs(alice) | _images(alice) | _accounts(people) | _hub(carol) | _downloads(carol)
    _others(alice)
    return World(people, secrets, names, images)


@cache
def _hashed() -> str:
    """Hashing is slow on purpose: once a run is enough."""
    return make_password(PASSWORD)


def tell() -> None:
    """Populate the server this process belongs to and say in JSON what it now holds."""
    world = build(settings.ALICE_DATA_DIR / "images")
    for identity in world.people:
        world.client(identity)
    sys.stdout.write(json.dumps([world.names, world.secrets, world.cookies]))


def filled(body: Any, names: Mapping[str, str]) -> Any:
    """`{name}` in the strings of a body means an object, as it does in a path."""
    if isinstance(body, Mapping):
        return {key: filled(value, names) for key, value in body.items()}
    if isinstance(body, list):
        return [filled(item, names) for item in body]
    return body.format_map(names) if isinstance(body, str) else body


def _revoked(user: User) -> str:
    key, secret = keys.mint(user, "lost", ["generate", "read"])
    keys.revoke(key)
    return secret


def _jobs(owner: User) -> dict[str, str]:
    model = CatalogModel.objects.create(
        public_id="sd/demo",
        path="demo",
        layout=CatalogModel.Layout.DIFFUSERS,
        family="sd-custom",
        native_resolution=256,
    )
    gone = CatalogModel.objects.create(
        public_id="sd/gone",
        path="gone",
        layout=CatalogModel.Layout.DIFFUSERS,
        family="sd-custom",
        native_resolution=256,
        state=CatalogModel.State.MISSING,
    )
    names = _additions(model)
    order = resolve(ImageRequest(prompt=PROMPT), model)
    waiting, ended, drawn = (jobs.submit(owner, order, jobs.Caller("native")) for _ in range(3))
    jobs.cancel(ended.pk)
    Job.objects.filter(pk=drawn.pk).update(status=Job.Status.RUNNING, started_at=timezone.now())
    JobPreview.objects.create(job=drawn, step=1, revision=1, data=b"RIFF")
    return names | {
        "model": model.public_id,
        "model_pk": str(model.pk),
        # What the administration may delete.
        "modelhub/catalogmodel": str(gone.pk),
        "generation/job": str(ended.pk),
        "queued_job": str(waiting.pk),
        "job": str(ended.pk),
        "running_job": str(drawn.pk),
    }


def _additions(model: CatalogModel) -> dict[str, str]:
    """An alias, something of each kind that is listed apart, and a model for staff's eyes only."""
    Alias.objects.create(name="dall-e-3", model=model)
    for kind in ("lora", "embedding"):
        CatalogModel.objects.create(
            public_id=f"{kind}/fog",
            path=f"{kind}s/fog.safetensors",
            layout=CatalogModel.Layout.SINGLE_FILE,
            kind=kind,
            family="sd1",
            native_resolution=0,
        )
    hidden = CatalogModel.objects.create(
        public_id="sd/hidden",
        path="hidden",
        layout=CatalogModel.Layout.DIFFUSERS,
        family="sd-custom",
        native_resolution=256,
        visibility=CatalogModel.Visibility.STAFF,
    )
    return {
        "alias": "dall-e-3",
        "lora": "fog",
        "embedding": "fog",
        "hidden": hidden.public_id,
        "hidden_pk": str(hidden.pk),
    }


def picture(owner: User, *, public: bool = False, prompt: str = PROMPT) -> Image:
    """A stored picture with its row; shared for a week if public."""
    made = Recipe(
        prompt=prompt,
        negative_prompt="",
        model="sd/demo",
        width=SIDE,
        height=SIDE,
        num_inference_steps=20,
        guidance_scale=7.5,
        scheduler="euler_a",
        scheduler_label="Euler a",
        seed=7,
    )
    key = uuid.uuid4()
    kept = storage.stage(bytes(range(256)) * (SIDE * SIDE * 3 // 256), SIDE, SIDE, made, f"{key}-1")
    return Image.objects.create(
        id=key,
        owner=owner,
        prompt=prompt,
        model=made.model,
        seed=made.seed,
        recipe=made.to_json(),
        is_public=public,
        public_until=timezone.now() + timedelta(days=7) if public else None,
        **{name: getattr(kept, name) for name in type(kept).__slots__},
    )


def _images(owner: User) -> dict[str, str]:
    private, public = picture(owner), picture(owner, public=True)
    album = Album.objects.create(owner=owner, name="lakes")
    AlbumEntry.objects.create(album=album, image=private)
    Tag.objects.create(image=private, name="lake")
    return {
        "private": str(private.pk),
        "public": str(public.pk),
        "album": str(album.pk),
        "link": sharing.link(private).removeprefix("/images/").removesuffix(".png"),
    }


def _hub(staff: User) -> dict[str, str]:
    """A find of an earlier search with its preview, and an upload that staff began."""
    url = "https://image.civitai.com/lake.png"
    found = Found.objects.create(
        source="civitai", external_id="1", name="Lake", kind="Checkpoint", words="lake", preview=url
    )
    previews.keep(url, b"RIFF")
    upload = Upload.objects.create(filename="lake.safetensors", size_bytes=9, created_by=staff)
    return {"found": str(found.pk), "upload": str(upload.pk)}


def _accounts(people: Mapping[str, User]) -> dict[str, str]:
    invite = Invite.objects.create(digest="0" * 64, hint="abcd", created_by=people["staff"])
    asked = Registration.objects.create(username="dave", password="!")
    quota = Quota.objects.create(user=people["other"], queued_jobs=5)
    Usage.objects.get_or_create(user=people["owner"])
    identity = OpenIdentity.objects.create(
        issuer="https://id.example", subject="alice", user=people["owner"]
    )
    key = ApiKey.objects.get(name="reader")
    return {
        "key": str(key.pk),
        "invite": str(invite.pk),
        "identity": str(identity.pk),
        "registration": str(asked.pk),
        "quota": str(quota.pk),
        "user": str(people["other"].pk),
        "accounts/user": str(people["other"].pk),
    }


def _downloads(staff: User) -> dict[str, str]:
    asked = {"repo": "maker/waves", "revision": "main", "file": ""}
    made = [
        Download.objects.create(
            source="huggingface", asked=asked, name="maker/waves", status=status, created_by=staff
        )
        for status in (Download.Status.QUEUED, Download.Status.FAILED)
    ]
    return {"queued_download": str(made[0].pk), "download": str(made[1].pk)}


def _others(owner: User) -> None:
    """What only the administration shows: a row of each of its models."""
    made: dict[str, Callable[[type[Any]], Any]] = {
        "auth.group": lambda m: m.objects.create(name="painters"),
        "django_q.schedule": lambda m: m.objects.create(func="math.sqrt"),
        "django_q.ormq": lambda m: m.objects.create(key="image", payload="x"),
        "django_q.task": lambda m: [
            m.objects.create(
                id=f"{ok}",
                name=f"task {ok}",
                func="math.sqrt",
                started=timezone.now(),
                stopped=timezone.now(),
                success=ok,
            )
            for ok in (True, False)
        ],
    }
    for label, make in made.items():
        make(apps.get_model(label))
    audit.record(audit.Action.LOGIN, audit.Source(owner))
    WorkerStatus.objects.create(worker="w", host="h", updated_at=timezone.now())


@contextmanager
def undone(images: Path) -> Iterator[None]:
    """Whatever happens inside, rows and files are as before afterwards."""
    spare = images.with_name("spare")
    if not spare.exists():
        shutil.copytree(images, spare)
    try:
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
    finally:
        if {p.name for p in images.rglob("*")} != {p.name for p in spare.rglob("*")}:
            shutil.rmtree(images)
            shutil.copytree(spare, images)
