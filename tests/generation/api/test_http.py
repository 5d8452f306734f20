"""Who leaves takes the job along; who retries, holds a key or sees the server stop does not."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.test import AsyncClient

from aliceproject.asgi import http as application
from generation.api.http import header_list
from generation.models import Job
from modelhub.models import CatalogModel

pytestmark = pytest.mark.django_db(transaction=True)
BODY = {"prompt": "a lake", "size": "64x64"}
# asgiref's helper has no annotations.
Connection: Any = ApplicationCommunicator
Connect = Callable[..., Any]


@pytest.fixture
def connect(client: Any, model: CatalogModel) -> Connect:
    """A connection that carries one request and can be closed."""

    def open_with(path: str = "/v1/images/generations", body: Any = BODY, **headers: str) -> Any:
        sent = {"host": "testserver", "authorization": f"Bearer {client.secret}"} | headers
        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in sent.items()]
        raw.append((b"content-type", b"application/json"))
        scope = {
            "type": "http", "method": "POST", "path": path, "raw_path": path.encode(),
            "query_string": b"", "headers": raw, "http_version": "1.1", "scheme": "http",
            "client": ("127.0.0.1", 1), "server": ("testserver", 80),
        }  # fmt: skip
        connection = Connection(application, scope)
        connection.input_queue.put_nowait(
            {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}
        )
        return connection

    return open_with


async def placed(connection: Any) -> Job:
    """The job that the request made, while it is being waited for."""
    # The application starts with the first message that is awaited from it.
    await connection.receive_nothing(timeout=0.01)
    async with asyncio.timeout(60):
        while (job := await Job.objects.order_by("-created_at").afirst()) is None:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
    return job


async def leave(connection: Any) -> None:
    await connection.send_input({"type": "http.disconnect"})


async def status_of(job: Job, within: float = 60.0) -> str:
    """The job's status when it has ended or, at the latest, after `within` seconds."""
    deadline = asyncio.get_running_loop().time() + within
    while asyncio.get_running_loop().time() < deadline:
        await job.arefresh_from_db()
        if job.ended:
            break
        await asyncio.sleep(0.02)
    return job.status


CHAT = {"messages": [{"role": "user", "content": "a lake"}]}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/images/generations", BODY),
        ("/v1/images/generations", BODY | {"stream": True}),
        ("/v1/chat/completions", CHAT),
        ("/v1/chat/completions", CHAT | {"stream": True}),
    ],
)
async def test_a_client_that_leaves_cancels_its_job(connect: Connect, path: str, body: Any) -> None:
    connection = connect(path, body)
    job = await placed(connection)
    await leave(connection)
    assert await status_of(job) == "cancelled"


async def test_leaving_before_the_job_is_made_leaves_no_job_behind(connect: Connect) -> None:
    connection = connect()
    await connection.receive_nothing(timeout=0.001)
    await leave(connection)
    job = await placed(connection)
    assert await status_of(job) == "cancelled"


async def test_a_key_holder_may_leave_and_come_back(connect: Connect) -> None:
    connection = connect(idempotency_key="k-1")
    job = await placed(connection)
    await leave(connection)
    assert await status_of(job, within=0.5) == "queued"


async def test_a_stopping_server_cancels_no_job(connect: Connect) -> None:
    connection = connect()
    job = await placed(connection)
    connection.future.cancel()
    assert await status_of(job, within=0.5) == "queued"


async def test_an_sdk_has_time_to_come_back(connect: Connect, settings: Any) -> None:
    settings.ALICE_DISCONNECT_GRACE_SECONDS = 2.0
    connection = connect(x_stainless_lang="python")
    job = await placed(connection)
    await leave(connection)
    assert await status_of(job, within=0.3) == "queued"
    assert await status_of(job) == "cancelled"


async def test_an_sdk_that_came_back_keeps_its_job(
    connect: Connect, settings: Any, served: Any
) -> None:
    settings.ALICE_DISCONNECT_GRACE_SECONDS = 3.0
    lost = connect(x_stainless_lang="python")
    job = await placed(lost)
    await leave(lost)
    again = connect(x_stainless_lang="python", x_stainless_retry_count="1")
    assert (await placed(again)).pk == job.pk
    assert await status_of(job, within=3.5) == "queued"
    answer = await served(again.receive_output(timeout=60))
    assert answer["status"] == 200


async def test_a_native_job_does_not_depend_on_its_maker(client: Any, model: CatalogModel) -> None:
    response = await client.post("/v1/jobs", BODY, content_type="application/json")
    job = await Job.objects.aget(pk=response.json()["id"])
    assert await status_of(job, within=0.3) == "queued"


async def test_without_authentication_everybody_is_local(
    model: CatalogModel, settings: Any
) -> None:
    settings.ALICE_REQUIRE_AUTH = False
    wrong = {"Authorization": "Bearer wrong"}
    made = await AsyncClient().post(
        "/v1/jobs", BODY, content_type="application/json", headers=wrong
    )
    job = await Job.objects.select_related("owner").aget(pk=made.json()["id"])
    assert job.owner.username == "local"


def test_names_fit_one_ascii_header_line() -> None:
    line = header_list([f"näme\r\n{index}" for index in range(500)])
    assert line.isascii()
    assert line.isprintable()
    assert line.startswith("n%C3%A4me%0D%0A0, ")
    assert line.endswith(" more")
    assert len(line) < 1100


def test_one_endless_name_is_only_counted() -> None:
    assert header_list(["ä" * 5000]) == "1 names"


async def test_nobody_is_asked_for_csrf_who_has_a_key(client: Any, model: CatalogModel) -> None:
    program = AsyncClient(enforce_csrf_checks=True)
    key = {"X-Api-Key": client.secret}
    made = await program.post("/v1/jobs", BODY, content_type="application/json", headers=key)
    assert made.status_code == 202
