"""The wire shape of ALICE's own jobs: every parameter by its canonical name."""

from typing import Any

from rest_framework import serializers

from generation.api.fields import OneOf, PictureFields, Words
from generation.engine.contract import Task
from generation.models import Job

LATER_KINDS = (*(task.value for task in Task if task is not Task.TXT2IMG), "illustration")
MAX_PRIORITY = 100
MAX_LIMIT = 200


class JobBody(PictureFields):
    prompt = Words(required=True)
    kind = OneOf((Task.TXT2IMG.value,), unsupported=LATER_KINDS, default=Task.TXT2IMG.value)
    privacy = OneOf(("private",), unsupported=("public",), default="private")
    priority = serializers.IntegerField(default=0, min_value=-MAX_PRIORITY, max_value=MAX_PRIORITY)
    client_job_id = Words(default="", allow_blank=True, max_length=128)
    strict = serializers.BooleanField(default=False)
    previews = serializers.BooleanField(default=True)
    webhook_url = Words(allow_blank=True)

    def validate_webhook_url(self, url: str) -> str:
        if url:
            raise serializers.ValidationError(
                "webhooks are not supported yet.", "unsupported_value"
            )
        return url


class JobsQuery(serializers.Serializer[Any]):
    """The query of GET /v1/jobs."""

    cursor = Words()
    limit = serializers.IntegerField(default=50, min_value=1, max_value=MAX_LIMIT)
    status = OneOf(tuple(Job.Status.values))
    client_job_id = Words(max_length=128)


class RerunBody(serializers.Serializer[Any]):
    """The body of a rerun: `overrides` hold any words of a job."""

    overrides = JobBody(required=False)
