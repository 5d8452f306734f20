"""Websockets of the pages: through the real ASGI application, session cookie and Origin included."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings as configured
from django.db.models.functions import Now
from django.test import Client
from pytest_django import Settings

from accounts import audit, keys, listening, members, sockets, tickets
from accounts.credentials import Credential
from accounts.models import ApiKey, AuditEntry, OpenSockets, User
from aliceproject.asgi import application
from generation import jobs
from generation.models import Job
from tests.generation.conftest import Browser
from tests.generation.jobs.conftest import Submit, Take, stored

pytestmark = pytest.mark.django_db(transaction=True)

HOST = "localhost"
PATIENCE = 30.0
Open = Callable[..., Awaitable["Line"]]


class Line:
    """One open websocket, as a page holds it."""

    def __init__(self, path: str, cookie: str = "", secret: str = "") -> None:
        headers = [(b"host", HOST.encode())]
        # A program names no origin, a page always does.
        headers += [] if secret else [(b"origin", f"http://{HOST}".encode())]
        headers += [(b"cookie", cookie.encode())] if cookie else []
        headers += [(b"authorization", f"Bearer {secret}".encode())] if secret else []
        self.socket = WebsocketCommunicator(application, path, headers)

    async def hear(self) -> dict[str, Any]:
        message: dict[str, Any] = await self.socket.receive_json_from(PATIENCE)
        return message

    async def hear_of(self, kind: str) -> dict[str, Any]:
        while (message := await self.hear())["type"] != kind:
            pass
        return message

    async def closed(self) -> int:
        """The code it is closed with, whatever is said before."""
        while (output := await self.socket.receive_output(PATIENCE))["type"] != "websocket.close":
            pass
        return int(output["code"])


@pytest.fixture
async def dial(browser: Browser) -> AsyncIterator[Open]:
    """dial(path, user) -> an open line with the user's session, or with the key `secret`."""
    lines: list[Line] = []

    async def connect(path: str, user: User | None = None, secret: str = "") -> Line:
        client = await sync_to_async(browser)(user) if user else Client()
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
        line = Line(path, cookies, secret)
        lines.append(line)
        accepted, _ = await line.socket.connect(PATIENCE)
        assert accepted
        return line

    yield connect
    for line in lines:
        await line.socket.disconnect(PATIENCE)


def path_of(job: Job) -> str:
    return f"/ws/jobs/{job.pk}"


in_thread = sync_to_async


async def test_the_owner_first_hears_how_the_job_stands(
    alice: User, submit: Submit, dial: Open
) -> None:
    await in_thread(submit)()
    line = await dial(path_of(await in_thread(submit)()), alice)
    told = await line.hear()
    assert (told["type"], told["position"]) == ("queued", 1)


async def test_progress_and_preview_come_while_the_job_runs(
    alice: User, submit: Submit, take: Take, dial: Open
) -> None:
    line = await dial(path_of(await in_thread(submit)(previews=True)), alice)
    claim = await in_thread(take)()
    await in_thread(jobs.report)(claim, 4, 10, b"RIFFwebp")
    preview = await line.hear_of("preview")
    progress = await line.hear_of("progress")
    assert base64.b64decode(preview["preview"]) == b"RIFFwebp"
    assert (progress["step"], progress["steps"]) == (4, 10)
    assert progress["eta_seconds"] is None
    await in_thread(jobs.report)(claim, 6, 10)
    # Two reports a moment apart: the pace is known, and the rest rounds to nothing.
    assert (await line.hear_of("progress"))["eta_seconds"] >= 0


async def test_success_brings_the_pictures_and_closes(
    alice: User, submit: Submit, take: Take, dial: Open
) -> None:
    line = await dial(path_of(await in_thread(submit)()), alice)
    claim = await in_thread(take)()
    one = await in_thread(stored)(claim)
    timings = dict.fromkeys(("encode_ms", "denoise_ms", "decode_ms"), 1)
    await in_thread(jobs.publish)(claim, [one], timings)
    (image,) = (await line.hear_of("succeeded"))["images"]
    assert image["page"] == f"/web/gallery/{one.image_id}"
    assert await line.closed() == sockets.FINISHED


async def test_failure_brings_code_and_message(
    alice: User, submit: Submit, take: Take, dial: Open
) -> None:
    line = await dial(path_of(await in_thread(submit)()), alice)
    await in_thread(jobs.fail)(await in_thread(take)(), "numerical_error", "Blank picture.")
    told = await line.hear_of("failed")
    assert (told["code"], told["message"]) == ("numerical_error", "Blank picture.")


async def test_a_job_that_ended_is_told_at_once(alice: User, submit: Submit, dial: Open) -> None:
    job = await in_thread(submit)()
    await in_thread(jobs.cancel)(job.pk)
    line = await dial(path_of(job), alice)
    assert (await line.hear())["type"] == "cancelled"
    assert await line.closed() == sockets.FINISHED


async def test_cancel_over_the_socket_cancels(alice: User, submit: Submit, dial: Open) -> None:
    line = await dial(path_of(await in_thread(submit)()), alice)
    await line.hear_of("queued")
    await line.socket.send_json_to({"type": "cancel"})
    await line.hear_of("cancelled")


async def test_a_cancel_by_staff_leaves_a_trace(staff: User, submit: Submit, dial: Open) -> None:
    job = await in_thread(submit)()
    line = await dial(path_of(job), staff)
    await line.socket.send_json_to({"type": "cancel"})
    await line.hear_of("cancelled")
    entry = await AuditEntry.objects.aget(action="job_changed")
    assert (entry.actor_name, entry.target_id, entry.detail) == (
        staff.username, str(job.pk), {"asked": "cancel"}
    )  # fmt: skip


async def test_another_s_job_is_refused_like_one_that_never_was(
    bob: User, submit: Submit, dial: Open
) -> None:
    foreign = await dial(path_of(await in_thread(submit)()), bob)
    absent = await dial(f"/ws/jobs/{uuid4()}", bob)
    assert await foreign.closed() == await absent.closed() == sockets.REFUSED


async def test_staff_may_follow_anybody_s_job(staff: User, submit: Submit, dial: Open) -> None:
    line = await dial(path_of(await in_thread(submit)()), staff)
    assert (await line.hear())["type"] == "queued"


@pytest.mark.parametrize("path", ["/ws/dashboard", f"/ws/jobs/{uuid4()}"], ids=["dashboard", "job"])
async def test_without_a_session_nothing_is_said(path: str, dial: Open) -> None:
    assert await (await dial(path)).closed() == sockets.SIGNED_OUT


async def test_without_authentication_the_local_user_listens(
    settings: Settings, dial: Open
) -> None:
    settings.ALICE_REQUIRE_AUTH = False
    assert (await (await dial("/ws/dashboard")).hear())["type"] == "board"


async def test_signing_out_closes_open_sockets(alice: User, submit: Submit, dial: Open) -> None:
    line = await dial(path_of(await in_thread(submit)()), alice)
    await line.hear()
    await in_thread(_sign_everybody_out)()
    assert await line.closed() == sockets.SIGNED_OUT


async def test_a_deactivated_person_hears_no_more(alice: User, staff: User, dial: Open) -> None:
    line = await dial("/ws/dashboard", alice)
    await line.hear()
    await in_thread(members.deactivate)(alice, audit.Source(staff))
    assert await line.closed() == sockets.SIGNED_OUT


async def test_who_is_staff_no_more_loses_the_jobs_of_others(
    staff: User, submit: Submit, dial: Open
) -> None:
    line = await dial(path_of(await in_thread(submit)()), staff)
    await line.hear()
    await User.objects.filter(pk=staff.pk).aupdate(is_staff=False)
    assert await line.closed() == sockets.REFUSED


async def test_a_job_that_is_deleted_ends_its_sockets(
    alice: User, submit: Submit, dial: Open
) -> None:
    job = await in_thread(submit)()
    line = await dial(path_of(job), alice)
    await line.hear()
    await in_thread(job.delete)()
    assert await line.closed() == sockets.REFUSED


@pytest.mark.parametrize("text", ['{"type": "delete"}', "[]", "no json", '"' + "x" * 100 + '"'])
async def test_a_message_that_means_nothing_closes(alice: User, dial: Open, text: str) -> None:
    line = await dial("/ws/dashboard", alice)
    await line.socket.send_to(text_data=text)
    assert await line.closed() == sockets.BAD_MESSAGE


async def test_a_huge_message_closes(alice: User, dial: Open) -> None:
    line = await dial("/ws/dashboard", alice)
    await line.socket.send_to(text_data="x" * (sockets.MAX_MESSAGE + 1))
    assert await line.closed() == sockets.TOO_BIG


async def test_a_flood_of_messages_closes(
    alice: User, submit: Submit, take: Take, dial: Open
) -> None:
    line = await dial(path_of(await in_thread(submit)()), alice)
    await in_thread(take)()
    for _ in range(sockets.MAX_MESSAGES + 1):
        await line.socket.send_json_to({"type": "cancel"})
    assert await line.closed() == sockets.TOO_MANY


async def test_a_person_has_room_for_fifty_sockets(
    alice: User, dial: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "MAX_SOCKETS", 2)
    first, _ = await dial("/ws/dashboard", alice), await dial("/ws/dashboard", alice)
    assert await (await dial("/ws/dashboard", alice)).closed() == sockets.TOO_MANY
    await first.socket.disconnect(PATIENCE)
    assert (await (await dial("/ws/dashboard", alice)).hear())["type"] == "board"


async def test_closed_sockets_are_counted_no_more(alice: User, dial: Open) -> None:
    line = await dial("/ws/dashboard", alice)
    await line.hear()
    await line.socket.disconnect(PATIENCE)
    assert listening._open == {}
    assert not await OpenSockets.objects.aexists()


async def test_the_dashboard_hears_of_a_new_job(alice: User, submit: Submit, dial: Open) -> None:
    line = await dial("/ws/dashboard", alice)
    assert (await line.hear())["jobs"] == []
    job = await in_thread(submit)()
    async with asyncio.timeout(PATIENCE):
        while not (board := await line.hear())["jobs"]:
            pass
    assert board["jobs"][0]["id"] == str(job.pk)


async def test_a_defect_closes_the_socket_and_is_logged(
    alice: User, submit: Submit, dial: Open, caplog: pytest.LogCaptureFixture
) -> None:
    await in_thread(submit)()
    await Job.objects.aupdate(spec=[])
    assert await (await dial("/ws/dashboard", alice)).closed() == sockets.BROKEN
    assert "A websocket broke" in caplog.text


async def test_an_orderly_hang_up_is_no_defect(
    alice: User, submit: Submit, dial: Open, caplog: pytest.LogCaptureFixture
) -> None:
    line = await dial(path_of(await in_thread(submit)()), alice)
    await line.hear()
    await line.socket.disconnect(PATIENCE)
    assert caplog.records == []


@pytest.mark.parametrize("origin", [b"http://evil.example", b"null", b""])
async def test_a_page_of_another_site_cannot_use_the_session(
    alice: User, browser: Browser, origin: bytes
) -> None:
    client = await in_thread(browser)(alice)
    cookie = f"{configured.SESSION_COOKIE_NAME}={client.session.session_key}".encode()
    headers = [(b"host", HOST.encode()), (b"cookie", cookie)]
    headers += [(b"origin", origin)] if origin else []
    socket = WebsocketCommunicator(application, "/ws/dashboard", headers)
    accepted, _ = await socket.connect(PATIENCE)
    assert not accepted


async def minted(user: User, *scopes: str, **more: Any) -> tuple[ApiKey, str]:
    return await in_thread(keys.mint)(user, "test", scopes or ("generate",), **more)


async def ticket_of(user: User, credential: Credential) -> str:
    return (await in_thread(tickets.issue)(user, credential)).ticket


async def test_a_program_listens_with_its_key(alice: User, submit: Submit, dial: Open) -> None:
    _, secret = await minted(alice)
    line = await dial(path_of(await in_thread(submit)()), secret=secret)
    assert (await line.hear())["type"] == "queued"


async def test_a_key_without_the_scope_hears_nothing(alice: User, dial: Open) -> None:
    _, secret = await minted(alice, "read")
    assert await (await dial("/ws/dashboard", secret=secret)).closed() == sockets.FORBIDDEN


async def test_a_key_hears_nothing_of_another_s_job(bob: User, submit: Submit, dial: Open) -> None:
    _, secret = await minted(bob)
    line = await dial(path_of(await in_thread(submit)()), secret=secret)
    assert await line.closed() == sockets.REFUSED


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"revoked_at": Now()}, sockets.SIGNED_OUT),
        ({"expires_at": Now()}, sockets.SIGNED_OUT),
        ({"scopes": ["read"]}, sockets.FORBIDDEN),
    ],
)
async def test_a_key_that_loses_its_right_closes_its_sockets(
    alice: User, dial: Open, change: dict[str, Any], code: int
) -> None:
    key, secret = await minted(alice)
    line = await dial("/ws/dashboard", secret=secret)
    await line.hear()
    await ApiKey.objects.filter(pk=key.pk).aupdate(**change)
    assert await line.closed() == code


async def test_a_key_that_lost_its_right_cancels_nothing(
    alice: User, submit: Submit, dial: Open
) -> None:
    key, secret = await minted(alice)
    job = await in_thread(submit)()
    line = await dial(path_of(job), secret=secret)
    await line.hear()
    await ApiKey.objects.filter(pk=key.pk).aupdate(revoked_at=Now())
    await line.socket.send_json_to({"type": "cancel"})
    assert await line.closed() == sockets.SIGNED_OUT
    assert await Job.objects.filter(pk=job.pk, status=Job.Status.QUEUED).aexists()


async def test_handshakes_count_against_the_key_s_limit(alice: User, dial: Open) -> None:
    _, secret = await minted(alice, rate_limit=1)
    await (await dial("/ws/dashboard", secret=secret)).hear()
    assert await (await dial("/ws/dashboard", secret=secret)).closed() == sockets.TOO_MANY


@pytest.mark.django_db(transaction=True)
async def test_wrong_keys_and_tickets_share_one_limit(settings: Settings, dial: Open) -> None:
    settings.ALICE_BAD_KEY_LIMIT = 2
    asked = [("", "sk-alice-no"), ("?ticket=no", ""), ("?ticket=no", ""), ("", "sk-alice-no")]
    told = [await (await dial(f"/ws/dashboard{q}", secret=s)).closed() for q, s in asked]
    assert told == [sockets.SIGNED_OUT] * 2 + [sockets.TOO_MANY] * 2


async def test_a_ticket_opens_one_socket(alice: User, dial: Open) -> None:
    key, _ = await minted(alice)
    path = f"/ws/dashboard?ticket={await ticket_of(alice, Credential(key=key.pk))}"
    assert (await (await dial(path)).hear())["type"] == "board"
    assert await (await dial(path)).closed() == sockets.SIGNED_OUT


async def test_what_a_ticket_opened_ends_with_the_key_that_made_it(alice: User, dial: Open) -> None:
    key, _ = await minted(alice)
    line = await dial(f"/ws/dashboard?ticket={await ticket_of(alice, Credential(key=key.pk))}")
    await line.hear()
    await in_thread(keys.revoke)(key)
    assert await line.closed() == sockets.SIGNED_OUT


async def test_what_a_ticket_opened_ends_with_the_session_that_made_it(
    alice: User, browser: Browser, dial: Open
) -> None:
    client = await in_thread(browser)(alice)
    reply = await in_thread(client.post)("/v1/auth/tickets", content_type="application/json")
    line = await dial(f"/ws/dashboard?ticket={reply.json()['ticket']}")
    await line.hear()
    await in_thread(_sign_everybody_out)()
    assert await line.closed() == sockets.SIGNED_OUT


def _sign_everybody_out() -> None:
    from accounts.models import Session

    Session.objects.all().delete()
