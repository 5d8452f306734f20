"""Puts hostile texts wherever the database keeps one, past every check of the API."""

import json
import sys
from collections.abc import Iterator

from accounts import audit
from accounts.models import ApiKey, Invite, Registration, User
from gallery.models import Album, AlbumEntry, Image, Tag
from generation.models import Job, WorkerStatus
from modelhub.models import CatalogModel, Found, Upload
from tests.attacks.table import VALUES
from tests.attacks.world import picture


def poison() -> None:
    """For a populated server: one of everything for each text; tells their pages."""
    pages = [page for number, text in enumerate(VALUES["scripts"]) for page in _each(number, text)]
    sys.stdout.write(json.dumps(pages))


def _staff(other: User) -> User:
    """Whoever looks at the page of uploads."""
    return User.objects.filter(username="root").first() or other


def _each(number: int, text: str) -> Iterator[str]:
    alice = User.objects.get(username="alice")
    image = picture(alice, prompt=text)
    recipe = {**image.recipe, "prompt": text, "scheduler_label": text, "negative_prompt": text}
    Image.objects.filter(pk=image.pk).update(negative_prompt=text, model=text, recipe=recipe)
    Tag.objects.create(image=image, name=text[:50])
    album = Album.objects.create(owner=alice, name=text[:100])
    AlbumEntry.objects.create(album=album, image=image)
    yield from (f"/web/gallery/{image.pk}", f"/web/gallery/{image.pk}/delete")
    yield f"/web/generate?from={image.pk}"
    job = Job.objects.create(
        owner=alice, dialect=text[:32], kind="txt2img", model=text, status=Job.Status.FAILED,
        client_job_id=text, requested={"prompt": text}, spec={text: text, "prompt": text},
        adjustments=[{"field": text, "from": text, "to": text, "reason": text}],
        error_code=text[:64], error_message=text,
    )  # fmt: skip
    person = User.objects.create(username=text[:150], email=f"{text}@x", first_name=text[:150])
    key = ApiKey.objects.create(
        user=alice, name=text[:100], prefix=f"poison{number:02}", digest=text[:64], scopes=[text]
    )
    invite = Invite.objects.create(digest=f"{number}", hint=text[:8], note=text[:200])
    asked = Registration.objects.create(username=text[:150], email="x@x", message=text, reason=text)
    model = CatalogModel.objects.create(
        public_id=text, path=text, layout="diffusers", family="sd-custom", native_resolution=64,
        detail=text, state="corrupt",
    )  # fmt: skip
    for catalogue in ("civitai", "huggingface"):
        Found.objects.create(
            source=catalogue, external_id=f"poison{number}", name=text[:255], kind=text[:16],
            base_model=text[:64], author=text[:255], description=text, tags=[text], words=text,
            versions=[{"id": "1", "name": text, "gated": False, "files": []}],
        )  # fmt: skip
    Upload.objects.create(filename=text[:255], size_bytes=9, created_by=_staff(alice))
    source = audit.Source(person, address=text[:64], request_id=text[:64])
    entry = audit.record(audit.Action.LOGIN_FAILED, source, None, name=text, **{text: text})
    WorkerStatus.objects.create(
        worker=text[:64],
        host=text,
        device=text[:64],
        models_loaded=[text],
        updated_at=job.created_at,
    )
    for made in (image, job, person, key, invite, asked, model, entry):
        yield f"/admin/{made._meta.app_label}/{made._meta.model_name}/{made.pk}/change/"
