"""What the machine-readable description says of each endpoint, as rows."""

from dataclasses import dataclass
from typing import Any

from rest_framework.serializers import Serializer

from accounts.api.account import KeysQuery, NewKey, Rotation
from accounts.api.audit import AuditExport, AuditQuery
from accounts.api.people import Change, PeopleQuery
from accounts.api.quotas import NewLimits
from accounts.api.registration import NewInvite, NewRegistration, PendingQuery, Rejection
from accounts.bodies import ListQuery
from aliceproject.personal.views import EraseBody
from gallery.api import bodies
from gallery.api.bodies import GalleryQuery
from generation.api.native.schema import JobBody, JobsQuery, RerunBody
from generation.api.openai_chat.schema import ChatBody
from generation.api.openai_images.schema import ImagesBody
from modelhub.api.bodies import ModelChange, ModelsQuery, NewAlias
from modelhub.api.download_bodies import DownloadsQuery
from modelhub.api.downloads import BODIES
from modelhub.api.search_bodies import CivitaiBody, HuggingFaceBody, PreviewQuery
from modelhub.api.upload_bodies import PartQuery, UploadBody
from modelhub.models import Source

JSON, SSE, PNG, WEBP = "application/json", "text/event-stream", "image/png", "image/webp"
TEXT = "text/plain"
ZIP = "application/zip"
CSV, JSONL = "text/csv", "application/jsonl"
BYTES = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Operation:
    """`plain`: no REST framework view, so the generator would not find it by itself. `sends`: what
    the body is where it is no JSON.
    """

    summary: str
    tag: str
    request: type[Serializer[Any]] | None = None
    query: type[Serializer[Any]] | None = None
    status: int = 200
    media: tuple[str, ...] = (JSON,)
    plain: bool = False
    public: bool = False
    sends: str = ""


OPERATIONS: dict[tuple[str, str], Operation] = {
    ("POST", "/v1/images/generations"): Operation(
        "Draw pictures from a prompt (OpenAI)",
        "images",
        request=ImagesBody,
        media=(JSON, SSE),
        plain=True,
    ),
    ("POST", "/v1/chat/completions"): Operation(
        "Draw a picture from the last message (OpenAI chat)",
        "chat",
        request=ChatBody,
        media=(JSON, SSE),
        plain=True,
    ),
    ("GET", "/v1/models"): Operation("List the models", "models", query=ModelsQuery),
    ("GET", "/v1/models/{name}"): Operation("One model", "models"),
    ("PATCH", "/v1/models/{name}"): Operation(
        "Decide about a model: default, visibility, values", "models", request=ModelChange
    ),
    ("DELETE", "/v1/models/{name}"): Operation("Delete a model and its files", "models"),
    ("POST", "/v1/models/{name}/unload"): Operation("Have workers let go of a model", "models"),
    ("POST", "/v1/models/refresh"): Operation("Look through the models folder", "models"),
    ("GET", "/v1/models/aliases"): Operation("List the aliases", "models"),
    ("POST", "/v1/models/aliases"): Operation(
        "Have a name stand for a model", "models", request=NewAlias, status=201
    ),
    ("DELETE", "/v1/models/aliases/{name}"): Operation("Remove an alias", "models"),
    ("GET", "/v1/loras"): Operation("List the LoRAs", "models"),
    ("DELETE", "/v1/loras/{name}"): Operation("Delete a LoRA", "models"),
    ("GET", "/v1/embeddings"): Operation("List the embeddings", "models"),
    ("DELETE", "/v1/embeddings/{name}"): Operation("Delete an embedding", "models"),
    ("GET", "/v1/models/{name}/info"): Operation("A model in detail", "models"),
    **{
        ("POST", f"/v1/models/download/{source}"): Operation(
            f"Fetch a model ({Source(source).label})", "models", request=body, status=202
        )
        for source, body in BODIES.items()
    },
    ("GET", "/v1/models/download/status"): Operation(
        "List downloads", "models", query=DownloadsQuery
    ),
    ("GET", "/v1/models/download/status/{download_id}"): Operation("One download", "models"),
    ("DELETE", "/v1/models/download/{download_id}"): Operation(
        "Forget a download", "models", status=204
    ),
    ("POST", "/v1/models/download/{download_id}/cancel"): Operation("Cancel a download", "models"),
    ("POST", "/v1/models/download/{download_id}/resume"): Operation(
        "Take a download up again", "models", status=202
    ),
    ("POST", "/v1/models/search/civitai"): Operation(
        "Search CivitAI", "models", request=CivitaiBody, plain=True
    ),
    ("POST", "/v1/models/search/huggingface"): Operation(
        "Search Hugging Face", "models", request=HuggingFaceBody, plain=True
    ),
    ("GET", "/v1/models/search/previews/{found_id}"): Operation(
        "A found model's picture", "models", query=PreviewQuery, media=(WEBP,), plain=True
    ),
    ("GET", "/v1/models/uploads"): Operation("List one's open uploads", "models"),
    ("POST", "/v1/models/uploads"): Operation(
        "Begin an upload", "models", request=UploadBody, status=201
    ),
    ("GET", "/v1/models/uploads/{upload_id}"): Operation("How far an upload is", "models"),
    ("PUT", "/v1/models/uploads/{upload_id}"): Operation(
        "Send the next part", "models", query=PartQuery, sends=BYTES
    ),
    ("DELETE", "/v1/models/uploads/{upload_id}"): Operation("Give an upload up", "models"),
    ("POST", "/v1/models/uploads/{upload_id}/complete"): Operation(
        "Check an upload and put it among the models", "models", plain=True
    ),
    ("GET", "/v1/schedulers"): Operation("List the schedulers", "models"),
    ("GET", "/v1/generation/defaults"): Operation("Defaults and limits", "models"),
    ("POST", "/v1/jobs"): Operation("Submit a job", "jobs", request=JobBody, status=202),
    ("GET", "/v1/jobs"): Operation("List jobs", "jobs", query=JobsQuery),
    ("GET", "/v1/jobs/{job_id}"): Operation("One job", "jobs"),
    ("DELETE", "/v1/jobs/{job_id}"): Operation("Delete an ended job", "jobs"),
    ("POST", "/v1/jobs/{job_id}/cancel"): Operation("Cancel a job", "jobs"),
    ("POST", "/v1/jobs/{job_id}/retry"): Operation("Run an ended job again", "jobs"),
    ("GET", "/v1/jobs/{job_id}/preview"): Operation("The latest preview", "jobs", media=(WEBP,)),
    ("GET", "/v1/jobs/{job_id}/events"): Operation(
        "Follow a job", "jobs", media=(SSE,), plain=True
    ),
    ("POST", "/v1/estimate"): Operation("Estimate a job without running it", "jobs", JobBody),
    ("GET", "/v1/gallery"): Operation("List pictures", "gallery", query=GalleryQuery),
    ("GET", "/v1/gallery/{image_id}"): Operation("One picture's facts", "gallery"),
    ("PATCH", "/v1/gallery/{image_id}"): Operation(
        "Mark a picture as favourite, or to keep", "gallery", request=bodies.MarksBody
    ),
    ("DELETE", "/v1/gallery/{image_id}"): Operation("Delete a picture", "gallery"),
    ("PATCH", "/v1/gallery/{image_id}/privacy"): Operation(
        "Share a picture, or end its share", "gallery", request=bodies.PrivacyBody
    ),
    ("PATCH", "/v1/gallery/{image_id}/tags"): Operation(
        "Set a picture's tags", "gallery", request=bodies.TagsBody
    ),
    ("GET", "/v1/gallery/{image_id}/recipe"): Operation("What makes it again", "gallery"),
    ("POST", "/v1/gallery/{image_id}/rerun"): Operation(
        "Make a picture again, with changes", "gallery", request=RerunBody, status=202
    ),
    ("GET", "/v1/gallery/tags"): Operation("One's tags, counted", "gallery"),
    ("GET", "/v1/gallery/config"): Operation("The gallery's limits", "gallery"),
    ("POST", "/v1/gallery/bulk"): Operation(
        "Do one thing to many pictures", "gallery", request=bodies.BulkBody
    ),
    ("POST", "/v1/gallery/export"): Operation(
        "Pictures and recipes as a zip", "gallery", request=bodies.ExportBody, media=(ZIP,)
    ),
    ("GET", "/v1/gallery/stats"): Operation("Everybody's pictures in figures", "gallery"),
    ("POST", "/v1/gallery/cleanup"): Operation(
        "Apply the rules of retention now", "gallery", request=bodies.CleanupBody
    ),
    ("GET", "/v1/gallery/keeping"): Operation("How long one's pictures are kept", "gallery"),
    ("PUT", "/v1/gallery/keeping"): Operation(
        "Choose how long one's pictures are kept", "gallery", request=bodies.KeepingBody
    ),
    ("GET", "/v1/albums"): Operation("List one's albums", "gallery"),
    ("POST", "/v1/albums"): Operation(
        "Make an album", "gallery", request=bodies.AlbumBody, status=201
    ),
    ("GET", "/v1/albums/{album_id}"): Operation("One album", "gallery"),
    ("PATCH", "/v1/albums/{album_id}"): Operation(
        "Rename an album", "gallery", request=bodies.AlbumBody
    ),
    ("DELETE", "/v1/albums/{album_id}"): Operation("Delete an album", "gallery"),
    ("POST", "/v1/albums/{album_id}/images"): Operation(
        "Put pictures in an album", "gallery", request=bodies.AlbumImagesBody
    ),
    ("DELETE", "/v1/albums/{album_id}/images"): Operation(
        "Take pictures out of an album", "gallery", request=bodies.AlbumImagesBody
    ),
    ("GET", "/v1/albums/{album_id}/export"): Operation(
        "An album as a zip", "gallery", media=(ZIP,)
    ),
    ("GET", "/v1/images/{image_id}/metadata"): Operation("The whole recipe", "gallery"),
    ("GET", "/v1/images/{image_id}/file"): Operation("The picture", "gallery", media=(PNG,)),
    ("GET", "/v1/images/{image_id}/thumbnail"): Operation(
        "A small version", "gallery", media=(WEBP,)
    ),
    ("GET", "/images/{token}.{extension}"): Operation(
        "A picture by its signed link", "gallery", media=(PNG,), plain=True, public=True
    ),
    ("GET", "/v1/auth/me"): Operation("Who you are and what you may do", "account"),
    ("DELETE", "/v1/auth/me"): Operation(
        "Erase your account", "account", request=EraseBody, status=202
    ),
    ("GET", "/v1/auth/me/export"): Operation("What an export would hold", "account"),
    ("POST", "/v1/auth/me/export"): Operation(
        "Everything that is yours, as a zip", "account", media=(ZIP,)
    ),
    ("GET", "/v1/auth/keys"): Operation("List API keys", "account", query=KeysQuery),
    ("POST", "/v1/auth/keys"): Operation("Make an API key", "account", request=NewKey, status=201),
    ("POST", "/v1/auth/keys/generate"): Operation(
        "Make an API key, by its older name", "account", request=NewKey, status=201
    ),
    ("DELETE", "/v1/auth/keys/{key_id}"): Operation("Revoke an API key", "account"),
    ("POST", "/v1/auth/keys/{key_id}/revoke"): Operation("Revoke an API key", "account"),
    ("POST", "/v1/auth/keys/{key_id}/rotate"): Operation(
        "Give an API key a successor", "account", request=Rotation, status=201
    ),
    ("POST", "/v1/auth/tickets"): Operation(
        "A ticket that opens one websocket", "account", status=201
    ),
    ("POST", "/v1/auth/register"): Operation(
        "Ask for an account", "people", request=NewRegistration, status=201, public=True
    ),
    ("GET", "/v1/auth/register/{registration_id}"): Operation(
        "What became of it", "people", public=True
    ),
    ("GET", "/v1/auth/invites"): Operation("List invites", "people", query=ListQuery),
    ("POST", "/v1/auth/invites"): Operation(
        "Make an invite", "people", request=NewInvite, status=201
    ),
    ("DELETE", "/v1/auth/invites/{invite_id}"): Operation("Revoke an invite", "people"),
    ("GET", "/v1/auth/pending"): Operation(
        "List registrations that wait", "people", query=PendingQuery
    ),
    ("POST", "/v1/auth/pending/{registration_id}/approve"): Operation(
        "Approve a registration", "people"
    ),
    ("POST", "/v1/auth/pending/{registration_id}/reject"): Operation(
        "Reject a registration", "people", request=Rejection
    ),
    ("GET", "/v1/auth/quotas"): Operation("List quotas", "people", query=ListQuery),
    ("GET", "/v1/auth/quotas/{whose}"): Operation("A role's or user's quota", "people"),
    ("PUT", "/v1/auth/quotas/{whose}"): Operation("Set a quota", "people", request=NewLimits),
    ("DELETE", "/v1/auth/quotas/{whose}"): Operation("Remove a quota", "people"),
    ("GET", "/v1/auth/users"): Operation("List users", "people", query=PeopleQuery),
    ("PATCH", "/v1/auth/users/{user_id}"): Operation(
        "Deactivate, reactivate, change the role", "people", request=Change
    ),
    ("GET", "/v1/audit"): Operation("Read the audit log", "people", query=AuditQuery),
    ("POST", "/v1/audit/export"): Operation(
        "The audit log as a file", "people", request=AuditExport, media=(JSONL, CSV)
    ),
    ("GET", "/health"): Operation("Health", "operations", plain=True, public=True),
    ("GET", "/livez"): Operation("The process lives", "operations", plain=True, public=True),
    ("GET", "/readyz"): Operation("Work can be done", "operations", plain=True, public=True),
    ("GET", "/metrics"): Operation("Figures", "operations", media=(JSON, TEXT), plain=True),
    ("GET", "/metrics/prometheus"): Operation(
        "Figures for Prometheus", "operations", media=(TEXT,), plain=True
    ),
}
