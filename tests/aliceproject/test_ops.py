"""Health, readiness and metrics tell what the database knows."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from accounts import keys
from accounts.models import User
from aliceproject import __version__
from aliceproject.ops import figures
from aliceproject.ops.metrics import prefers_prometheus
from generation import worker_status
from generation.models import Job, WorkerStatus
from generation.worker_status import Facts
from modelhub.models import CatalogModel

GPU = Facts("cuda:0", "diffusers", "bfloat16", ["sd/a"], 4 * 2**30, 24 * 2**30, 0.5)
CPU = Facts("cpu", "mock", models_loaded=["sd/a", "sd/b"])


def job(owner: User, status: str, **values: Any) -> Job:
    return Job.objects.create(
        owner=owner, dialect="native", kind="txt2img", model="sd/a", status=status, **values
    )


@pytest.fixture
def reader(alice: User) -> dict[str, str]:
    """Headers of a key with the scope `read`."""
    return {"x-api-key": keys.mint(alice, "scrape", ["read"])[1]}


@pytest.mark.usefixtures("db")
class TestHealth:
    """The words orchestrators and clients wait for."""

    def test_without_a_worker_it_is_starting(self, client: Client) -> None:
        body = client.get("/health").json()
        assert (body["status"], body["version"]) == ("starting", __version__)

    def test_with_a_worker_it_is_ok(self, client: Client) -> None:
        worker_status.record("w1", GPU)
        body = client.get("/health").json()
        assert (body["status"], body["gpuAvailable"], body["modelsLoaded"]) == ("ok", True, 1)
        assert (body["device"], body["backend"]) == ("cuda:0", "diffusers")

    def test_both_spellings_agree(self, client: Client) -> None:
        worker_status.record("w1", CPU)
        body = client.get("/health").json()
        assert body["gpu_available"] is body["gpuAvailable"] is False
        assert body["models_loaded"] == body["modelsLoaded"] == 2

    def test_models_for_staff_are_named_to_nobody(self, client: Client) -> None:
        for name, visibility in (("sd/a", "everyone"), ("sd/b", "staff")):
            CatalogModel.objects.create(
                public_id=name, path=name, layout="diffusers", family="sd1",
                native_resolution=512, visibility=visibility,
            )  # fmt: skip
        worker_status.record("w1", CPU)
        body = client.get("/health").json()
        assert (body["cache"], body["modelsLoaded"]) == ({"models": ["sd/a"]}, 2)

    def test_with_a_slash_it_says_healthy(self, client: Client) -> None:
        worker_status.record("w1", CPU)
        body = client.get("/health/").json()
        assert (body["status"], body["message"]) == (
            "healthy",
            "Image generation service is ready",
        )

    def test_a_silent_worker_is_not_counted(self, client: Client) -> None:
        worker_status.record("w1", CPU)
        WorkerStatus.objects.update(updated_at=Now() - timedelta(hours=1))
        assert client.get("/health").json()["status"] == "starting"

    def test_a_worker_that_left_is_not_counted(self, client: Client) -> None:
        worker_status.record("w1", CPU)
        worker_status.gone("w1")
        assert client.get("/health").json()["workers"] == 0

    def test_readiness_waits_for_a_worker(self, client: Client) -> None:
        response = client.get("/readyz")
        assert (response.status_code, response["Retry-After"]) == (503, "2")
        assert response.json()["error"]["code"] == "not_ready"

    def test_readiness_comes_with_a_worker(self, client: Client) -> None:
        worker_status.record("w1", CPU)
        assert client.get("/readyz").status_code == 200

    @pytest.mark.parametrize("path", ["/livez", "/livez/", "/api/health", "/health", "/health/"])
    def test_health_needs_no_key(self, client: Client, path: str) -> None:
        assert client.get(path).status_code == 200


@pytest.mark.usefixtures("db")
def test_a_dead_database_is_degraded_but_answered(client: Client) -> None:
    def dead(*_: object) -> None:
        raise OperationalError("server closed the connection")

    with connection.execute_wrapper(dead):
        health, ready = client.get("/health"), client.get("/readyz")
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert ready.status_code == 503


@pytest.mark.usefixtures("db")
def test_liveness_asks_nothing_of_the_database(
    client: Client, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        client.get("/livez")


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("path", ["/metrics", "/metrics/prometheus"])
def test_metrics_need_a_key(client: Client, path: str) -> None:
    assert client.get(path).status_code == 401


def test_metrics_need_the_right_to_read(client: Client, alice: User) -> None:
    secret = keys.mint(alice, "k", ["generate"])[1]
    assert client.get("/metrics", headers={"x-api-key": secret}).status_code == 403


def test_metrics_are_json_with_alices_names(
    client: Client, alice: User, reader: dict[str, str]
) -> None:
    worker_status.record("w1", GPU)
    started = timezone.now()
    took = {"started_at": started, "finished_at": started + timedelta(seconds=3)}
    job(alice, "succeeded", **took)
    job(alice, "queued")
    body = client.get("/metrics", headers=reader).json()
    expected = {
        "queueDepth": 1,
        "gpuUtilization": 0.5,
        "gpuMemoryUsed": "4.0 GB",
        "gpuMemoryTotal": "24.0 GB",
        "modelsLoaded": 1,
        "totalGenerations": 1,
        "avgGenerationTime": 3.0,
    }
    assert {name: body[name] for name in expected} == expected


def test_without_jobs_and_workers_all_figures_are_zero(
    client: Client, reader: dict[str, str]
) -> None:
    body = client.get("/metrics", headers=reader).json()
    assert (body["avgGenerationTime"], body["gpuUtilization"], body["queueDepth"]) == (0, 0, 0)


def scraped(client: Client, headers: dict[str, str]) -> dict[tuple[str, str], float]:
    response = client.get("/metrics/prometheus", headers=headers)
    assert response["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def test_prometheus_reads_jobs_stages_and_workers(
    client: Client, alice: User, reader: dict[str, str]
) -> None:
    worker_status.record("w1", GPU)
    for _ in range(2):
        job(alice, "succeeded", timings={"denoise_ms": 1500.0})
    job(alice, "failed", timings={"denoise_ms": 9000.0})
    found = scraped(client, reader)
    assert found["alice_jobs", "succeeded"] == 2
    assert found["alice_stage_seconds_total", "denoise"] == 3.0
    assert found["alice_worker_memory_used_bytes", "w1"] == 4 * 2**30


@pytest.mark.parametrize(
    ("accept", "text"),
    [
        ("", False),
        ("*/*", False),
        ("text/html,application/xhtml+xml,*/*;q=0.8", False),
        ("application/json, text/plain, */*", False),
        ("text/plain", True),
        ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", True),
        ("application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.3", True),
        ("text/plain;q=0.5, application/json;q=0.6", False),
        ("text/plain;q=x", False),
    ],
)
def test_prometheus_is_chosen_only_where_it_is_preferred(accept: str, text: bool) -> None:
    assert prefers_prometheus(accept) is text


def test_caches_keep_both_forms_apart(client: Client, reader: dict[str, str]) -> None:
    assert "Accept" in client.get("/metrics", headers=reader)["Vary"]


@pytest.mark.usefixtures("db")
def test_a_worker_without_a_meter_counts_as_busy_or_not() -> None:
    worker_status.record("w1", CPU, busy_job=None)
    worker_status.record("w2", GPU)
    assert figures.workers().utilization == 0.25
