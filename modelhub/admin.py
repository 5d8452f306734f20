"""Models in the administration: with the same powers as the pages, through the same code."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.messages import WARNING
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import audit
from accounts.problems import Problem
from accounts.quotas import size
from modelhub import aliases, deleting, keeping, preferences
from modelhub.downloads.admin import DownloadAdmin
from modelhub.kinds import Kind
from modelhub.models import Alias, CatalogModel
from modelhub.signals import answers, let_go

__all__ = ["AliasAdmin", "CatalogModelAdmin", "DownloadAdmin"]


class ModelForm(forms.ModelForm):
    """What staff decide, judged as everywhere else."""

    class Meta:
        model = CatalogModel
        fields = keeping.FIELDS

    def clean_defaults(self) -> dict[str, Any]:
        return self._judged("defaults")

    def clean_limits(self) -> dict[str, Any]:
        return self._judged("limits")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.keys() >= preferences.TABLES.keys():
            try:
                preferences.check_together(cleaned["defaults"], cleaned["limits"])
            except Problem as refused:
                raise ValidationError(refused.message) from None
        return cleaned

    def _judged(self, group: str) -> dict[str, Any]:
        said = self.cleaned_data[group]
        try:
            return preferences.merged(group, {}, {} if said is None else said, wire=False)
        except Problem as refused:
            raise ValidationError(refused.message) from None


@admin.register(CatalogModel)
class CatalogModelAdmin(admin.ModelAdmin):
    form = ModelForm
    list_display = ("public_id", "kind", "family", "variant", "bytes", "memory", "state",
                    "enabled", "visibility", "is_default", "seen_at")  # fmt: skip
    list_filter = ("state", "kind", "family", "enabled", "visibility", "layout")
    list_per_page = 50
    search_fields = ("public_id", "path", "sha256", "aliases__name")
    show_full_result_count = False
    actions = ("enable", "disable", "make_default", "for_everybody", "for_staff", "unload")
    readonly_fields = (
        "public_id", "kind", "family", "variant", "prediction_type", "path", "layout",
        "native_resolution", "bytes", "memory", "precision", "trigger_words", "sha256",
        "duplicate_of", "state", "detail", "sidecar", "sidecar_problem", "metadata", "source",
        "converted_path", "conversion_problem", "created_at", "changed_at", "seen_at",
    )  # fmt: skip
    fields = (*keeping.FIELDS, *readonly_fields)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Models come from their folder, by scan_models."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        leaving = obj is not None and obj.state == CatalogModel.State.DELETING
        return super().has_change_permission(request, obj) and not leaving

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001 Django's signature
        said = {name: form.cleaned_data[name] for name in form.changed_data}
        for group in preferences.TABLES.keys() & said.keys():
            gone = dict.fromkeys(form.initial.get(group) or {})
            said[group] = gone | said[group]
        try:
            keeping.change(obj, said, audit.source(request))
        except Problem as refused:
            self.message_user(request, refused.message, WARNING)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self._delete(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[CatalogModel]) -> None:
        for model in queryset:
            self._delete(request, model)

    def _delete(self, request: HttpRequest, model: CatalogModel) -> None:
        """Files and all; what is in use goes later."""
        try:
            if not deleting.delete(model, audit.source(request)):
                said = f"{model.public_id} is to go: {deleting.waits_for(model)}."
                self.message_user(request, said, WARNING)
        except Problem as refused:
            self.message_user(request, f"{model.public_id}: {refused.message}", WARNING)

    @admin.display(description="on disk", ordering="size_bytes")
    def bytes(self, model: CatalogModel) -> str:
        return size(model.size_bytes)

    @admin.display(description="in memory", ordering="memory_bytes")
    def memory(self, model: CatalogModel) -> str:
        return size(model.memory_bytes) if model.memory_bytes else "not known"

    @admin.action(description="Switch selected models on", permissions=["change"])
    def enable(self, request: HttpRequest, models: QuerySet[CatalogModel]) -> None:
        self._each(request, models, {"enabled": True}, "switched on")

    @admin.action(description="Switch selected models off", permissions=["change"])
    def disable(self, request: HttpRequest, models: QuerySet[CatalogModel]) -> None:
        self._each(request, models, {"enabled": False}, "switched off")

    @admin.action(description="Make the selected model the default", permissions=["change"])
    def make_default(self, request: HttpRequest, models: QuerySet[CatalogModel]) -> None:
        if models.count() != 1:
            self.message_user(request, "Choose one model: there is one default.", WARNING)
            return
        self._each(request, models, {"is_default": True}, "the default now")

    @admin.action(description="Show selected models to everybody", permissions=["change"])
    def for_everybody(self, request: HttpRequest, models: QuerySet[CatalogModel]) -> None:
        self._each(request, models, {"visibility": "everyone"}, "for everybody now")

    @admin.action(description="Show selected models to staff only", permissions=["change"])
    def for_staff(self, request: HttpRequest, models: QuerySet[CatalogModel]) -> None:
        self._each(request, models, {"visibility": "staff"}, "for staff only now")

    @admin.action(description="Unload selected models from memory", permissions=["change"])
    def unload(self, request: HttpRequest, models: QuerySet[CatalogModel]) -> None:
        told = 0
        for model in models:
            workers: int = sum(answers(let_go, model=model))
            source = audit.source(request)
            action = audit.Action.MODEL_CHANGED
            audit.record(action, source, model, model=model.public_id, unload=workers)
            told += workers
        self.message_user(request, f"{told} asked to let go.")

    def _each(
        self,
        request: HttpRequest,
        models: QuerySet[CatalogModel],
        said: Mapping[str, Any],
        became: str,
    ) -> None:
        """Do it to each; one that may not be leaves the others done, and is named."""
        done = 0
        for model in models:
            try:
                keeping.change(model, dict(said), audit.source(request))
            except Problem as problem:
                self.message_user(request, f"{model}: {problem.message}", WARNING)
            else:
                done += 1
        self.message_user(request, f"{done} {became}.")


class AliasForm(forms.ModelForm):
    class Meta:
        model = Alias
        fields = ("name", "model")

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        try:
            aliases.check(name)
        except Problem as refused:
            raise ValidationError(refused.message) from None
        return name

    def clean_model(self) -> CatalogModel:
        model: CatalogModel = self.cleaned_data["model"]
        if model.kind != Kind.CHECKPOINT:
            raise ValidationError("Only checkpoints have aliases.")
        return model


@admin.register(Alias)
class AliasAdmin(admin.ModelAdmin):
    form = AliasForm
    list_display = ("name", "model", "created_at")
    list_select_related = ("model",)
    search_fields = ("name", "model__public_id")
    list_per_page = 50
    show_full_result_count = False
    raw_id_fields = ("model",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The name is what it is: another name is another alias."""
        return ("name",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001 Django's signature
        aliases.point(obj.name, obj.model, audit.source(request))
        obj.pk = Alias.objects.get(name=obj.name).pk

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        aliases.remove(obj.name, audit.source(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Alias]) -> None:
        for alias in queryset:
            aliases.remove(alias.name, audit.source(request))
