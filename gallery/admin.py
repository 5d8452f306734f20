"""Pictures in the administration: to look at, to unshare and to delete, never to edit."""

import json
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path, reverse
from django.utils.html import format_html

from accounts.problems import NotFound
from gallery import files, sharing, storage
from gallery.errors import GONE
from gallery.models import Image


@admin.register(Image)
class ImageAdmin(admin.ModelAdmin):
    list_display = ("thumb", "short_id", "owner", "model", "size", "seed", "is_public", "state",
                    "created_at")  # fmt: skip
    list_display_links = ("thumb", "short_id")
    list_filter = ("state", "is_public", "favourite", "created_at", "model")
    list_select_related = ("owner",)
    list_per_page = 50
    search_fields = ("prompt", "owner__username", "id__startswith", "model")
    search_help_text = "Prompt, owner, model, or how an id begins"
    date_hierarchy = "created_at"
    show_full_result_count = False
    actions = ("end_share",)
    fields = readonly_fields = (
        "thumb", "id", "owner", "created_at", "state", "prompt", "negative_prompt", "model", "size",
        "seed", "generation_ms", "recipe_text", "is_public", "public_until", "favourite", "file",
        "sha256", "size_bytes",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_unshare_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("gallery.change_image")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.thumbnail)
        own = path("<uuid:pk>/thumbnail", view, name="gallery_image_thumbnail")
        return [own, *super().get_urls()]

    def thumbnail(self, request: HttpRequest, pk: UUID) -> HttpResponseBase:
        """For staff alone, whether or not the API asks for authentication."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        image = Image.objects.filter(pk=pk).first()
        if image is None:
            raise NotFound(GONE)
        return files.thumbnail(request, image)

    def delete_model(self, request: HttpRequest, obj: Image) -> None:
        _delete_after_commit(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Image]) -> None:
        for image in queryset:
            _delete_after_commit(image)

    @admin.action(description="End the share of selected images", permissions=["unshare"])
    def end_share(self, request: HttpRequest, images: QuerySet[Image]) -> None:
        shared = list(images.filter(is_public=True))
        for image in shared:
            sharing.set_privacy(image, public=False)
        self.message_user(request, f"{len(shared)} no longer shared.")

    @admin.display(description="")
    def thumb(self, image: Image) -> str:
        where = reverse("admin:gallery_image_thumbnail", args=[image.pk])
        return format_html('<img src="{}" alt="" width="72" loading="lazy">', where)

    @admin.display(description="id", ordering="id")
    def short_id(self, image: Image) -> str:
        return str(image.pk)[:8]

    @admin.display(ordering="width")
    def size(self, image: Image) -> str:
        return f"{image.width}×{image.height}"  # noqa: RUF001 the typographic cross

    @admin.display(description="recipe")
    def recipe_text(self, image: Image) -> str:
        return format_html("<pre>{}</pre>", json.dumps(image.recipe, indent=2, ensure_ascii=False))


def _delete_after_commit(image: Image) -> None:
    """Hidden with the transaction of the page, files and row removed once that is durable."""
    Image.objects.filter(pk=image.pk).update(state=Image.State.DELETING)
    transaction.on_commit(partial(storage.delete, image))
