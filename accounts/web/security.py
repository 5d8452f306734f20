"""What keeps an account safe: its password, its second factor, its sessions."""

from typing import Any

from django.conf import settings
from django.contrib import auth, messages
from django.contrib.auth.forms import SetPasswordForm
from django.db import transaction
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit, browsers, lockout, openid, second_factor, sessions
from accounts.audit import Action
from accounts.pages import PageRequest, page, require_account
from accounts.problems import Problem
from accounts.signing_in import check_password, locked_page, recent

MOST_SESSIONS = 50


@require_safe
@page
def security(request: PageRequest) -> HttpResponse:
    user = require_account(request.user)
    alive = user.sessions.filter(expire_date__gt=timezone.now()).order_by("-last_seen_at")
    shown: dict[str, Any] = {
        "password": user.has_usable_password(),
        "device": second_factor.device_of(user),
        "identities": user.open_identities.order_by("created_at", "pk"),
        "provider": openid.label(),
        "issuer": settings.ALICE_OIDC_ISSUER,
        "codes_left": second_factor.codes_left(user),
        "required": settings.ALICE_REQUIRE_STAFF_TOTP and user.is_staff,
        "sessions": [
            {
                "name": browsers.name_of(session.agent),
                "address": session.address,
                "since": session.created_at,
                "seen": session.last_seen_at,
                "here": session.session_key == request.session.session_key,
            }
            for session in alive[:MOST_SESSIONS]
        ],
    }
    return render(request, "accounts/security.html", shown)


@require_http_methods(["GET", "POST"])
@page
def password(request: PageRequest) -> HttpResponseBase:
    """A new password; all other sessions end with it."""
    has_one = require_account(request.user).has_usable_password()
    return _another(request) if has_one else _first(request)


@recent
def _first(request: PageRequest) -> HttpResponse:
    """The first password of somebody who came by the provider, who has just vouched for him."""
    form: Any = SetPasswordForm(request.user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        return _changed(request, form)
    shown = {"form": form, "first": True}
    return render(request, "accounts/password.html", shown, status=400 if form.errors else 200)


def _another(request: PageRequest) -> HttpResponse:
    """For whoever knows the present one."""
    user = request.user
    form: Any = SetPasswordForm(user, request.POST if request.method == "POST" else None)
    problem = ""
    if request.method == "POST":
        try:
            check_password(request, user, request.POST.get("old_password", ""))
        except lockout.Locked as lock:
            return locked_page(request, lock)
        except Problem as refused:
            problem = refused.message
        else:
            lockout.forgive(request, user.username)
            if form.is_valid():
                return _changed(request, form)
    shown = {"form": form, "problem": problem}
    wrong = problem or form.errors
    return render(request, "accounts/password.html", shown, status=400 if wrong else 200)


def _changed(request: PageRequest, form: Any) -> HttpResponse:
    with transaction.atomic():
        user: Any = form.save()
        source = audit.source(request, user)
        audit.record(Action.PASSWORD_CHANGED, source, user)
        sessions.sign_out_others(user, request.session.session_key, source)
    # The changed hash would end this session too; it goes on under a new id.
    auth.update_session_auth_hash(request, user)
    messages.success(request, "Your password is changed. Every other browser is signed out.")
    return redirect("accounts_pages:security")


@require_POST
@page
def end_sessions(request: PageRequest) -> HttpResponse:
    """Sign out everywhere: the other browsers, and with `here` this one too."""
    user = require_account(request.user)
    here = "here" in request.POST
    with transaction.atomic():
        kept = None if here else request.session.session_key
        sessions.sign_out_others(user, kept, audit.source(request, user))
    if here:
        auth.logout(request)
        return redirect(settings.LOGIN_URL)
    messages.success(request, "Every other browser is signed out.")
    return redirect("accounts_pages:security")
