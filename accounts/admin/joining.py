"""Invites, requests for an account and identities of the provider in the administration."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ActionForm
from django.contrib.messages import WARNING
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import audit, invites, registration
from accounts.admin.deleting import Noted
from accounts.admin.people import may_touch
from accounts.models import Invite, OpenIdentity, Registration
from accounts.openid import identities
from accounts.problems import Problem


class Untouched(Noted):
    """Rows that are made and ended by what is said to them, never edited."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"accounts.change_{self.opts.model_name}")


@admin.register(Invite)
class InviteAdmin(Untouched):
    list_display = ("hint", "note", "created_by", "used", "uses", "created_at", "expires_at",
                    "revoked_at")  # fmt: skip
    list_filter = ("created_at", "expires_at", "revoked_at")
    list_select_related = ("created_by",)
    search_fields = ("note", "hint", "created_by__username")
    actions = ("revoke",)

    @admin.action(description="Revoke selected invites", permissions=["act"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[Invite]) -> None:
        live = list(chosen.filter(revoked_at=None))
        for invite in live:
            invites.revoke(invite, audit.source(request))
        self.message_user(request, f"{len(live)} revoked.")


class DecisionForm(ActionForm):
    """What to do with the requests that are ticked, and why."""

    reason = forms.CharField(required=False, label="Reason, if you reject:")


@admin.register(Registration)
class RegistrationAdmin(Untouched):
    list_display = ("username", "email", "status", "created_at", "decided_by", "decided_at")
    list_filter = ("status", "created_at")
    list_select_related = ("decided_by",)
    search_fields = ("username", "email")
    fields = readonly_fields = ("username", "email", "message", "status", "reason", "invite",
                                "user", "decided_by", "decided_at", "created_at")  # fmt: skip
    actions = ("approve", "reject")
    action_form = DecisionForm

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not where an identity came by it that opens an account: it would go as well."""
        opening = OpenIdentity.objects.filter(registration=obj).exclude(user=None)
        return super().has_delete_permission(request, obj) and not (obj and opening.exists())

    @admin.action(description="Approve selected requests", permissions=["act"])
    def approve(self, request: HttpRequest, chosen: QuerySet[Registration]) -> None:
        """Makes the accounts; a request that was decided or whose name is taken is named."""
        by = audit.source(request)
        self._each(request, chosen, lambda asked: registration.approve(asked, by), "approved")

    @admin.action(description="Reject selected requests", permissions=["act"])
    def reject(self, request: HttpRequest, chosen: QuerySet[Registration]) -> None:
        """Those who asked read the reason that stands beside the action."""
        by, reason = audit.source(request), request.POST.get("reason", "")
        self._each(request, chosen, lambda one: registration.reject(one, reason, by), "rejected")

    def _each(
        self,
        request: HttpRequest,
        chosen: QuerySet[Registration],
        decide: Callable[[Registration], object],
        became: str,
    ) -> None:
        done = 0
        for asked in chosen:
            try:
                decide(asked)
            except Problem as problem:
                self.message_user(request, f"{asked.username}: {problem.message}", WARNING)
            else:
                done += 1
        self.message_user(request, f"{done} {became}.")


@admin.register(OpenIdentity)
class OpenIdentityAdmin(Untouched):
    """Linked by their owners only; deleting one unlinks it."""

    list_display = ("label", "subject", "issuer", "user", "created_at", "last_used_at")
    list_filter = ("issuer", "created_at")
    list_select_related = ("user",)
    search_fields = ("label", "subject", "user__username")
    fields = readonly_fields = ("issuer", "subject", "label", "user", "registration",
                                "created_at", "last_used_at")  # fmt: skip

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_delete_permission(request, obj)
        return allowed and may_touch(request, obj.user if obj else None)

    def delete_model(self, request: HttpRequest, obj: OpenIdentity) -> None:
        identities.forget(obj, audit.source(request))
        self._warn(request, obj)

    def _warn(self, request: HttpRequest, gone: OpenIdentity) -> None:
        user = gone.user
        if user and not user.has_usable_password() and not identities.opening(user).exists():
            advice = "`manage.py reset_password` gives a password"
            self.message_user(request, f"No way in is left for {user}: {advice}.", WARNING)
