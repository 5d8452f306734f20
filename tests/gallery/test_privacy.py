"""Nothing of alice's reaches bob or a stranger, by any route this server has."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver

from accounts import keys
from accounts.models import ApiKey, User
from gallery import albums, sharing, storage
from gallery.models import Album, AlbumEntry, Image, Tag
from generation.models import Job, JobImage, JobPreview
from tests.gallery.conftest import Keep, Signed

CANARY = "canary-7f3ad21c"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# A parameter of a new route must be named here, or the test does not know what to ask for.
NOBODYS = "00000000-0000-4000-8000-000000000000"
SHARED_WORDS = {
    "name": "sd/demo", "extension": "png", "suffix": "png", "deed": "deactivate", "whose": "user",
    "invite_id": "1", "registration_id": NOBODYS, "download_id": NOBODYS, "found_id": "1",
    "upload_id": NOBODYS,
}  # fmt: skip
HERS = {"job_id", "image_id", "album_id", "token", "key_id", "user_id", "pk"}
# Everybody who is not of the staff is told so, whatever lies there.
STAFF_ONLY = (
    "/web/administration/", "/v1/auth/users", "/v1/auth/invites", "/v1/auth/pending",
    "/v1/auth/quotas", "/web/models/",
)  # fmt: skip


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, route)
        elif not route.startswith("admin/"):
            yield route


def parameters(route: str) -> list[tuple[str, str]]:
    """(whole, name) of each parameter of a route."""
    found = re.findall(r"(\(\?P<(\w+)>[^)]*\))|(<(?:\w+:)?(\w+)>)", route)
    return [(regex or plain, name or word) for regex, name, plain, word in found]


def filled(route: str, values: dict[str, str]) -> str:
    for whole, name in parameters(route):
        value = values["key_id"] if whole.startswith("<int:") else values[name]
        route = route.replace(whole, value)
    route = re.sub(r"\(\?:[^)]*\)\??", "", route).replace("/?$", "").replace(r"\.", ".")
    return "/" + route.removeprefix("^").removesuffix("$")


ROUTES = sorted(patterns(get_resolver()))
OF_ONE = [route for route in ROUTES if {name for _, name in parameters(route)} & HERS]
OF_ALL = [route for route in ROUTES if route not in OF_ONE]


KINDS = (Image, Tag, Album, AlbumEntry, Job, JobImage)


class Possessions:
    """A picture, an ended and a queued job and a key, all alice's, all marked."""

    def __init__(self, owner: User, image: Image) -> None:
        self.link = sharing.link(image)
        sharing.set_privacy(image, public=False)
        self.bytes = [storage.read(image), storage.read_thumbnail(image), CANARY.encode()]
        self.key, _ = keys.mint(owner, CANARY, ["read"])
        self.album = albums.make_album(owner, CANARY)
        albums.add_to_album(self.album, [image])
        self.ended = _job(owner, Job.Status.SUCCEEDED)
        self.queued = _job(owner, Job.Status.QUEUED)
        JobImage.objects.create(job=self.ended, image=image, index=0, seed=1)
        JobPreview.objects.create(job=self.queued, step=1, revision=1, data=self.bytes[1])
        self.image = image

    def words(self, job: Job) -> dict[str, str]:
        image = str(self.image.pk)
        own = {"job_id": str(job.pk), "image_id": image, "pk": image, "key_id": str(self.key.pk)}
        own |= {"album_id": str(self.album.pk), "user_id": str(self.image.owner_id)}
        token = self.link.removeprefix("/images/").removesuffix(".png")
        return SHARED_WORDS | own | {"token": token}

    def paths(self) -> set[str]:
        jobs = (self.ended, self.queued)
        return {filled(route, self.words(job)) for route in OF_ONE for job in jobs}

    def state(self) -> list[Any]:
        """Everything that a foreign request could have changed."""
        return [
            [list(kind.objects.order_by("pk").values()) for kind in KINDS],
            list(ApiKey.objects.filter(pk=self.key.pk).values()),
            storage.read(self.image),
        ]


def _job(owner: User, status: str) -> Job:
    spec = {"prompt": CANARY}
    return Job.objects.create(
        owner=owner, status=status, dialect="native", kind="txt2img", model="sd/demo", spec=spec,
        requested=spec, client_job_id=CANARY,
    )  # fmt: skip


@pytest.fixture
def hers(alice: User, keep: Keep) -> Possessions:
    return Possessions(alice, keep(alice, prompt=CANARY))


@pytest.fixture
def foreigners(bob: User, signed: Signed) -> dict[str, Client]:
    session = Client()
    session.force_login(bob)
    return {"key": signed(bob), "session": session, "stranger": Client()}


def test_the_routes_are_those_this_test_can_ask() -> None:
    asked = {name for route in ROUTES for _, name in parameters(route)}
    assert asked <= HERS | set(SHARED_WORDS)
    assert len(OF_ONE) >= 15


def fitting(who: str, method: str, path: str, status: int) -> bool:
    """Whether such an answer tells nothing: not here, not so, or not you at all."""
    if method == "OPTIONS" and status == 200:
        # It describes a route, not what lies there.
        return True
    if who == "key" and path.startswith("/v1/auth/keys"):
        # An everyday key manages no keys, its owner's no more than alice's.
        return status in {403, 405}
    if path.startswith(STAFF_ONLY) and status == 403:
        return True
    return status in {404, 405} or (who != "session" and status in {302, 401})


@pytest.mark.parametrize("method", METHODS)
def test_no_route_gives_or_changes_what_is_alices(
    hers: Possessions, foreigners: dict[str, Client], method: str
) -> None:
    before, wrong = hers.state(), []
    for path in sorted(hers.paths()):
        for who, client in foreigners.items():
            reply = client.generic(method, path)
            leaks = any(secret in reply.content for secret in hers.bytes)
            if leaks or not fitting(who, method, path, reply.status_code):
                wrong.append((who, path, reply.status_code, leaks))
    assert wrong == []
    assert hers.state() == before


def test_foreign_and_unknown_are_answered_alike(
    hers: Possessions, foreigners: dict[str, Client]
) -> None:
    """Whether an id exists must not show: same status and same body, the id itself aside."""
    own = [str(hers.image.pk), str(hers.ended.pk), str(hers.queued.pk)]
    for path in sorted(hers.paths()):
        unknown = re.sub("|".join(own), NOBODYS, path)
        unknown = re.sub(rf"/keys/{hers.key.pk}\b", "/keys/999999", unknown)
        for client in foreigners.values():
            replies = [client.get(path), client.get(unknown)]
            bodies = [
                re.sub(rf"{'|'.join(own)}|{NOBODYS}", "", r.content.decode()) for r in replies
            ]
            assert replies[0].status_code == replies[1].status_code, path
            if replies[0].status_code != 302:
                assert _settled(bodies[0]) == _settled(bodies[1]), path


def test_no_list_or_page_shows_what_is_alices(
    hers: Possessions, foreigners: dict[str, Client]
) -> None:
    marks = [CANARY, str(hers.image.pk), str(hers.ended.pk), str(hers.queued.pk)]
    for path in {filled(route, SHARED_WORDS) for route in OF_ALL}:
        for client in foreigners.values():
            reply = client.get(path)
            text = b"".join(reply) if reply.streaming else reply.content
            assert not [mark for mark in marks if mark.encode() in text], path


def test_alice_herself_sees_them(alice: User, hers: Possessions, signed: Signed) -> None:
    """What the others are refused is really there, so the tests above can fail."""
    client = signed(alice)
    assert CANARY in client.get("/v1/gallery").content.decode()
    assert CANARY in client.get(f"/v1/jobs/{hers.ended.pk}").content.decode()
    assert client.get(f"/v1/images/{hers.image.pk}/file").content == hers.bytes[0]


def _settled(body: str) -> str:
    """A body without what differs at every request: the request id and the CSRF token."""
    body = re.sub(r'(name="csrfmiddlewaretoken" value=)"\w+"', r"\1", body)
    return re.sub(r"\b[0-9a-f]{32}\b", "", body)
