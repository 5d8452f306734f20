"""Scopes as Django REST framework asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts import refusals
from accounts.authentication import caller, require
from accounts.models import STAFF_SCOPES

if TYPE_CHECKING:
    # rest_framework.views itself imports this module, through its settings.
    from rest_framework.views import APIView


class HasScope(BasePermission):
    """The caller holds `view.required_scope`. A view without one is a mistake and fails closed."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        identity = caller(request)
        scope = getattr(view, "required_scope", "")
        if not scope:
            return False
        if scope in STAFF_SCOPES - identity.scopes:
            refusals.note(request._request, identity.user, identity.key)  # noqa: SLF001 DRF has no other door to Django's request
        require(identity, scope)
        return True
