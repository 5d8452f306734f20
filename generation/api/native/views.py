"""ALICE's own endpoints of jobs: made, listed, followed, cancelled, made again."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import quotas
from accounts.api.callers import source
from accounts.models import User
from accounts.origin import base_url
from accounts.problems import Invalid, NotFound
from gallery import sharing
from gallery.models import Image
from generation import jobs, overruling
from generation.api import http
from generation.api.estimate import Estimate
from generation.api.fields import said, validated
from generation.api.native import translate
from generation.api.native.schema import JobsQuery
from generation.api.native.translate import Ask, Prospect
from generation.models import Job, JobImage, JobPreview
from generation.resolve import resolve

DIALECT = "native"


def visible(user: User) -> QuerySet[Job]:
    """Own jobs; staff see all. With what a job's JSON needs, in a constant number of queries."""
    pictures = JobImage.objects.select_related("image").filter(image__state=Image.State.STORED)
    shown = Job.objects.prefetch_related(Prefetch("job_images", queryset=pictures)).annotate(
        has_preview=Exists(JobPreview.objects.filter(job=OuterRef("pk")))
    )
    return shown if user.is_staff else shown.filter(owner=user)


def find(user: User, job_id: str) -> Job:
    """The job, or NotFound: another's is as if it were not."""
    try:
        return visible(user).get(pk=UUID(job_id))
    except (ValueError, Job.DoesNotExist):
        raise NotFound(f"There is no job {job_id}.") from None


def prospect(job: Job, estimate: Estimate) -> Prospect:
    return Prospect(None if job.ended else jobs.position(job), estimate.eta_seconds(job))


def job_json(job: Job, viewer: User, base: str, estimate: Estimate) -> dict[str, Any]:
    """`job` comes from `visible` for the same `viewer`."""
    live = job.status == Job.Status.RUNNING and getattr(job, "has_preview", False)
    preview_url = f"{base}/v1/jobs/{job.id}/preview" if live else None
    images = [
        {
            "id": str(made.image.id),
            "index": made.index,
            "seed": made.seed,
            "width": made.image.width,
            "height": made.image.height,
            "url": sharing.address(made.image, viewer, base),
        }
        for made in job.job_images.all()
        if made.image
    ]
    return translate.to_job(job, prospect(job, estimate), images, preview_url)


class JobsView(APIView):
    required_scope = "generate"

    def post(self, request: Request) -> Response:
        body = body_of(request)
        ask = translate.to_ask(body)
        sender = http.caller(
            request,
            DIALECT,
            body,
            client_job_id=ask.client_job_id,
            previews=ask.previews,
            priority=ask.priority,
        )
        return accepted(request, http.place(_user(request), ask.asked, ask.said, sender), ask)

    def get(self, request: Request) -> Response:
        query = validated(JobsQuery, said(request.query_params.dict(), JobsQuery))
        found = visible(_user(request)).filter(
            **{name: query[name] for name in ("status", "client_job_id") if name in query}
        )
        if "cursor" in query:
            time, last = translate.from_cursor(query["cursor"])
            # Bound and exclusion rather than an OR, so that the index answers at any depth.
            found = found.filter(created_at__lte=time).exclude(Q(created_at=time, pk__gte=last))
        page = list(found[: query["limit"] + 1])
        more = len(page) > query["limit"]
        page = page[: query["limit"]]
        base, estimate = base_url(request), Estimate()
        return Response(
            {
                "object": "list",
                "data": [job_json(job, _user(request), base, estimate) for job in page],
                "next_cursor": translate.to_cursor(page[-1]) if more else None,
            }
        )


class JobView(APIView):
    required_scope = "generate"

    def get(self, request: Request, job_id: str) -> Response:
        user = _user(request)
        base = base_url(request)
        return Response(job_json(find(user, job_id), user, base, Estimate()))

    def delete(self, request: Request, job_id: str) -> Response:
        """Forgets a job that has ended; its pictures stay."""
        job = find(_user(request), job_id)
        if not job.ended:
            raise Invalid(f"The job is {job.status}: cancel it first.", code="job_open")
        with transaction.atomic():
            overruling.note(job, source(request), asked="delete")
            job.delete()
        return Response(status=204)


class CancelView(APIView):
    required_scope = "generate"

    def post(self, request: Request, job_id: str) -> Response:
        user = _user(request)
        job = jobs.cancel(find(user, job_id).id)
        overruling.note(job, source(request), asked="cancel")
        return Response(job_json(find(user, job_id), user, base_url(request), Estimate()))


class RetryView(APIView):
    """The same order again, seed included, as a new job."""

    required_scope = "generate"

    def post(self, request: Request, job_id: str) -> Response:
        job = find(_user(request), job_id)
        again = jobs.repeat(job)
        overruling.note(again, source(request), repeats=str(job.pk))
        return accepted(request, again)


class PreviewView(APIView):
    """The latest preview of a running job, a small WebP."""

    required_scope = "generate"

    def get(self, request: Request, job_id: str) -> HttpResponse:
        preview = JobPreview.objects.filter(job=find(_user(request), job_id)).first()
        if preview is None:
            raise NotFound("This job has no preview.")
        shown = HttpResponse(bytes(preview.data), content_type="image/webp")
        shown["Cache-Control"] = "no-store"
        return shown


class EstimateView(APIView):
    """What a job would cost and how long it would take, without making it."""

    required_scope = "generate"

    def post(self, request: Request) -> Response:
        ask = translate.to_ask(body_of(request))
        with ask.said.in_own_words():
            resolved = resolve(ask.asked, http.model_named(ask.asked.model, _user(request)))
        estimate, work = Estimate(), resolved.megapixel_steps
        pace = estimate.paces.get(resolved.spec.model)
        wait = estimate.wait_seconds(_user(request))
        mine = quotas.allowances(_user(request))
        return Response(
            {
                "eta_seconds": None if pace is None else round(wait + pace * work, 1),
                "queue_ahead": Job.objects.filter(status=Job.Status.QUEUED).count(),
                "megapixel_steps": round(work, 3),
                "quota_left": {one.name: quotas.fact(one) for one in mine},
            }
        )


def _user(request: Request) -> User:
    return cast("User", request.user)


def body_of(request: Request) -> Mapping[str, Any]:
    # Always an object: StrictJSONParser refuses all else.
    return cast("Mapping[str, Any]", request.data)


def accepted(request: Request, job: Job, ask: Ask | None = None) -> Response:
    base = base_url(request)
    receipt = translate.to_receipt(job, prospect(job, Estimate()), base)
    headers = {"Location": receipt["links"]["self"]}
    response = Response(receipt, status=202, headers=headers)
    return http.annotate(response, ask.said, job) if ask else response
