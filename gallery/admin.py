"""Pictures in the administration: to look at, to unshare and to delete, never to edit."""

import json
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.messages import WARNING
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html

from accounts import audit
from accounts.admin.deleting import Noted
from accounts.problems import NotFound
from gallery import deleting, files, sharing, storage
from gallery.errors import GONE
from gallery.models import Album, Image, Tag


class ShareFilter(admin.SimpleListFilter):
    """What can be seen by others now, and what no longer can."""

    title, parameter_name = "share", "share"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("now", "shared now"), ("ended", "share ended"), ("never", "private")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Image]) -> QuerySet[Image]:
        now = timezone.now()
        match self.value():
            case "now":
                lasting = Q(public_until=None) | Q(public_until__gt=now)
                return queryset.filter(lasting, is_public=True)
            case "ended":
                return queryset.filter(is_public=True, public_until__lte=now)
            case "never":
                return queryset.filter(is_public=False)
        return queryset


class TagsOfImage(admin.TabularInline):
    model = Tag
    fields = readonly_fields = ("name",)
    extra = 0
    can_delete = False
    verbose_name_plural = "tags"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Image)
class ImageAdmin(admin.ModelAdmin):
    list_display = ("thumb", "short_id", "owner", "model", "size", "seed", "is_public", "state",
                    "created_at")  # fmt: skip
    list_display_links = ("thumb", "short_id")
    list_filter = (ShareFilter, "state", "favourite", "keep", "created_at")
    list_select_related = ("owner",)
    list_per_page = 50
    search_fields = ("prompt", "owner__username", "id__startswith", "model")
    search_help_text = "Prompt, owner, model, or how an id begins"
    date_hierarchy = "created_at"
    show_full_result_count = False
    inlines = (TagsOfImage,)
    actions = ("share", "end_share")
    fields = readonly_fields = (
        "thumb", "id", "owner", "created_at", "state", "prompt", "negative_prompt", "model", "size",
        "seed", "generation_ms", "recipe_text", "is_public", "public_until", "favourite", "keep",
        "file", "sha256", "size_bytes",
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

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Shows the recipe, so looking here is looking at the picture: it leaves a trace."""
        reply = super().change_view(request, object_id, form_url, extra_context)
        image = self.get_object(request, object_id) if reply.status_code == 200 else None
        if image is not None:
            sharing.note_view(image, audit.source(request))
        return reply

    def thumbnail(self, request: HttpRequest, pk: UUID) -> HttpResponseBase:
        """For staff alone, whether or not the API asks for authentication."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        image = Image.objects.filter(pk=pk).first()
        if image is None:
            raise NotFound(GONE)
        return files.thumbnail(request, image)

    def delete_model(self, request: HttpRequest, obj: Image) -> None:
        """Hidden with the transaction of the page; files and row go once that is durable."""
        deleting.hide([obj.pk], audit.source(request))
        transaction.on_commit(partial(self._remove, request, [obj]))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Image]) -> None:
        chosen, by = list(queryset), audit.source(request)
        for start in range(0, len(chosen), storage.BATCH):
            batch = chosen[start : start + storage.BATCH]
            deleting.hide([image.pk for image in batch], by)
        self._remove(request, chosen)

    def _remove(self, request: HttpRequest, hidden: Sequence[Image]) -> None:
        left = len(hidden) - storage.remove(hidden)
        if left:
            later = "hidden now; their files go with the next clean-up"
            self.message_user(request, f"{left} could not be deleted yet: {later}.", WARNING)

    @admin.action(description="Share selected images of mine for a week", permissions=["unshare"])
    def share(self, request: HttpRequest, images: QuerySet[Image]) -> None:
        """One's own, and whole ones: what is somebody else's only that person shows to others."""
        mine = images.filter(owner_id=request.user.pk, state=Image.State.STORED)
        left, shared = images.count() - mine.count(), list(mine)
        for image in shared:
            with suppress(NotFound):
                sharing.set_privacy(image, public=True, by=audit.source(request))
        self.message_user(request, f"{len(shared)} shared for {sharing.DEFAULT_HOURS} hours.")
        if left:
            self.message_user(request, f"{left} left alone: not yours, or not whole.", WARNING)

    @admin.action(description="End the share of selected images", permissions=["unshare"])
    def end_share(self, request: HttpRequest, images: QuerySet[Image]) -> None:
        shared = list(images.filter(is_public=True))
        for image in shared:
            with suppress(NotFound):
                sharing.set_privacy(image, public=False, by=audit.source(request))
        self.message_user(request, f"{len(shared)} no longer shared.")

    @admin.display(description="picture")
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


@admin.register(Album)
class AlbumAdmin(Noted):
    """Whose albums there are; what lies in them is for their owners to choose."""

    list_display = ("name", "owner", "pictures", "created_at")
    list_select_related = ("owner",)
    list_filter = ("created_at",)
    list_per_page = 50
    search_fields = ("name", "owner__username")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Album]:
        albums: QuerySet[Album] = super().get_queryset(request)
        return albums.annotate(pictures=Count("entries"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(ordering="pictures")
    def pictures(self, album: Any) -> int:
        return int(album.pictures)
