"""Whatever is done to a picture in whatever order: who can read it, by every door there is."""

import time
import uuid
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck
from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pytest_django import Settings

from accounts import keys
from accounts.models import User
from gallery import albums, retention, sharing
from gallery.models import Image
from tests.conftest import person
from tests.gallery.conftest import Keep

HOUR = 3600.0
READ, NOT_FOUND, STRANGER = 200, 404, 401


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.offset = 0.0
        self.real_time, self.real_now = time.time, timezone.now

    def time(self) -> float:
        return self.real_time() + self.offset

    def now(self) -> Any:
        return self.real_now() + timedelta(seconds=self.offset)


class Sharing(RuleBasedStateMachine):
    """The model: one picture, what has been said of it, and the links that were given away."""

    keep: Keep

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.patches = [
            patch("time.time", self.clock.time),
            patch("django.utils.timezone.now", self.clock.now),
        ]
        for one in self.patches:
            one.start()
        word = uuid.uuid4().hex[:8]
        self.owner = person(f"owner-{word}", "x")
        self.other = person(f"other-{word}", "x")
        self.staff = person(f"staff-{word}", "x", is_staff=True)
        self.clients = {
            "owner": self._client(self.owner),
            "other": self._client(self.other),
            "staff": self._client(self.staff),
            "nobody": Client(),
        }
        self.image = self.keep(self.owner)
        album = albums.make_album(self.other, "what I saw")
        albums.add_to_album(album, [self.image])
        self.album = album.pk
        self.shared_until = 0.0
        self.active, self.deleted, self.version = True, False, 0
        # Each link with the version of the picture it was made for and its end.
        self.links: list[tuple[str, int, float]] = []

    def teardown(self) -> None:
        for one in self.patches:
            one.stop()

    def _client(self, user: User) -> Client:
        secret = keys.mint(user, "test", ["read", "generate"])[1]
        return Client(headers={"Authorization": f"Bearer {secret}"})

    def _privacy(self, who: str, body: dict[str, Any]) -> int:
        path = f"/v1/gallery/{self.image.pk}/privacy"
        reply = self.clients[who].patch(path, body, content_type="application/json")
        return int(reply.status_code)

    @property
    def shared(self) -> bool:
        return self.active and not self.deleted and self.clock.time() < self.shared_until

    @rule(hours=st.integers(1, 168))
    def share(self, hours: int) -> None:
        answer = self._privacy("owner", {"isPublic": True, "expiresInHours": hours})
        if self.active and not self.deleted:
            assert answer == READ
            self.shared_until = self.clock.time() + hours * HOUR
            self.version += 1
        else:
            assert answer in {NOT_FOUND, STRANGER}

    @rule(who=st.sampled_from(["owner", "staff"]))
    def unshare(self, who: str) -> None:
        answer = self._privacy(who, {"isPublic": False})
        allowed = not self.deleted and (self.active or who == "staff")
        if not allowed:
            assert answer in {NOT_FOUND, STRANGER}
        else:
            assert answer == READ
            self.shared_until = 0.0
            self.version += 1

    @rule(who=st.sampled_from(["other", "staff", "nobody"]), public=st.booleans())
    def meddle(self, who: str, public: bool) -> None:
        """What others try changes nothing; staff may end a share, which is a rule of its own."""
        if who == "staff" and not public:
            return
        expected = {"nobody": STRANGER}.get(who, 403 if self.shared or who == "staff" else 404)
        if self.deleted and who != "nobody":
            expected = NOT_FOUND
        assert self._privacy(who, {"isPublic": public}) == expected

    @rule(seconds=st.sampled_from([60.0, HOUR, 30 * HOUR, 169 * HOUR]))
    def wait(self, seconds: float) -> None:
        before = self.clock.time()
        self.clock.offset += seconds
        # The end of a share is a change of privacy.
        self.version += before < self.shared_until <= self.clock.time()

    @rule()
    def clean_up(self) -> None:
        """Tidies rows whose share has ended: nobody can tell."""
        retention.clean()

    @precondition(lambda self: not self.deleted)
    @rule()
    def give_a_link_away(self) -> None:
        link = sharing.link(Image.objects.get(pk=self.image.pk))
        ends = self.clock.time() + django_settings.ALICE_LINK_SECONDS
        self.links.append((link, self.version, ends))

    @rule(active=st.booleans())
    def deactivate(self, active: bool) -> None:
        User.objects.filter(pk=self.owner.pk).update(is_active=active)
        self.active = active

    @precondition(lambda self: self.active)
    @rule(really=st.sampled_from([True, False, False, False]))
    def delete(self, really: bool) -> None:
        if really and not self.deleted:
            reply = self.clients["owner"].delete(f"/v1/gallery/{self.image.pk}")
            assert reply.status_code == READ
            self.deleted = True

    def _may_read(self, who: str) -> bool:
        if self.deleted or who == "nobody":
            return False
        return {"owner": self.active, "staff": True, "other": self.shared}[who]

    def _refusals(self, who: str) -> set[int]:
        return (
            {STRANGER} if who == "nobody" or (who == "owner" and not self.active) else {NOT_FOUND}
        )

    @invariant()
    def every_door_agrees(self) -> None:
        key = self.image.pk
        for who, client in self.clients.items():
            for path in (
                f"/v1/gallery/{key}",
                f"/v1/gallery/{key}/recipe",
                f"/v1/images/{key}/file",
                f"/v1/images/{key}/metadata",
                f"/v1/images/{key}/thumbnail",
            ):
                answer = client.get(path).status_code
                assert answer in ({READ} if self._may_read(who) else self._refusals(who)), (
                    who,
                    path,
                )

    @invariant()
    def lists_show_what_may_be_read(self) -> None:
        for who in ("owner", "other", "staff"):
            for query in ("", "?search=serene", f"?since={int(self.clock.time()) - 10**7}"):
                reply = self.clients[who].get(f"/v1/gallery{query}")
                if reply.status_code == READ:
                    shown = str(self.image.pk) in {item["id"] for item in reply.json()["data"]}
                    assert shown == self._may_read(who), (who, query)
                else:
                    assert (who, self.active) == ("owner", False)

    @invariant()
    def albums_of_others_show_what_may_be_read(self) -> None:
        reply = self.clients["other"].get(f"/v1/albums/{self.album}")
        assert reply.json()["count"] == int(self._may_read("other"))

    @invariant()
    def links_open_while_they_live(self) -> None:
        for link, version, ends in self.links:
            alive = version == self.version and self.clock.time() < ends
            for who, client in self.clients.items():
                open_anyway = self._may_read(who) or self.shared
                opens = not self.deleted and ((alive and self.active) or open_anyway)
                answer = client.get(link).status_code
                assert answer == (READ if opens else NOT_FOUND), (who, alive)


@pytest.fixture
def machine(keep: Keep, settings: Settings) -> type[Sharing]:
    # So many questions come from no person.
    settings.ALICE_KEY_RATE_LIMIT = settings.ALICE_BAD_KEY_LIMIT = 10**6
    return type("SharingHere", (Sharing,), {"keep": staticmethod(keep)})


@pytest.mark.parametrize("examples", [8, pytest.param(200, marks=pytest.mark.long)])
def test_who_reads_what_never_depends_on_the_way_there(
    machine: type[Sharing], examples: int
) -> None:
    run_state_machine_as_test(
        machine,
        settings=effort(
            max_examples=examples,
            stateful_step_count=12,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
