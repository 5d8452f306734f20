"""Pages that set up, renew and remove a second factor."""

from base64 import b32encode
from io import BytesIO
from typing import Any

import segno
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_otp import login as remember_device

from accounts import audit, lockout, second_factor, sessions, witness
from accounts.audit import Action
from accounts.pages import PageRequest, early_page, page, require_account
from accounts.problems import Problem
from accounts.signing_in import locked_page, recent

QR_SCALE = 6
OTHERS_ENDED = "Every other browser is signed out."


@require_http_methods(["GET", "POST"])
@early_page
@recent
def set_up(request: PageRequest) -> HttpResponse:
    """The secret to scan; a POST with its first code makes it count and shows recovery codes."""
    require_account(request.user)
    problem: Problem | None = None
    if request.method == "POST":
        try:
            fresh = _confirmed(request)
        except lockout.Locked as lock:
            return locked_page(request, lock)
        except Problem as refused:
            problem, fresh = refused, None
        if fresh:
            return _show_codes(request, fresh, OTHERS_ENDED)
    device = second_factor.pending_of(request.user)
    shown: dict[str, Any] = {
        "secret": _readable(device) if device else "",
        "required": second_factor.missing(request, request.user),
        "replaces": second_factor.device_of(request.user) is not None,
        "problem": _words(problem) if request.method == "POST" else "",
    }
    status = 200 if request.method != "POST" else problem.status if problem else 400
    return render(request, "accounts/second_factor.html", shown, status=status)


@require_POST
@early_page
@recent
def begin(request: PageRequest) -> HttpResponse:
    require_account(request.user)
    second_factor.begin(request.user)
    return redirect("accounts_pages:set_up_second_factor")


@require_safe
@early_page
@recent
def qr(request: PageRequest) -> HttpResponse:
    """The secret being set up, as an image for the app's camera."""
    device = second_factor.pending_of(request.user)
    if device is None:
        raise Http404
    image = BytesIO()
    segno.make(device.config_url, error="m").save(
        image, kind="svg", scale=QR_SCALE, dark="#000", light="#fff", svgclass=None, lineclass=None
    )
    return HttpResponse(image.getvalue(), content_type="image/svg+xml")


@require_POST
@page
@recent
def codes(request: PageRequest) -> HttpResponse:
    """Ten new recovery codes; the former ones end."""
    if second_factor.device_of(request.user) is None:
        return redirect("accounts_pages:security")
    with transaction.atomic():
        fresh = second_factor.new_codes(request.user)
        source = audit.source(request, request.user)
        audit.record(Action.RECOVERY_CODES_RENEWED, source, request.user)
    return _show_codes(request, fresh)


@require_POST
@page
@recent
def remove(request: PageRequest) -> HttpResponse:
    """Ends all other sessions, as a new factor does: one of them may not be the person's."""
    with transaction.atomic():
        had_one = second_factor.device_of(request.user) is not None
        second_factor.remove(request.user)
        if had_one:
            _note(request, Action.SECOND_FACTOR_REMOVED)
            messages.success(request, f"Signing in asks for your password only. {OTHERS_ENDED}")
    return redirect("accounts_pages:security")


def _confirmed(request: PageRequest) -> list[str] | None:
    """The recovery codes, after the first right code; the session has then shown the factor."""
    user = request.user
    lockout.attempt(request, user.username)
    with transaction.atomic():
        fresh = second_factor.confirm(user, request.POST.get("code", "").replace(" ", ""))
        if fresh:
            _note(request, Action.SECOND_FACTOR_ADDED)
    if not fresh:
        witness.failed(request, user.username, "code")
        return None
    lockout.forgive(request, user.username)
    remember_device(request, second_factor.device_of(user))
    request.session.cycle_key()
    return fresh


def _note(request: PageRequest, done: Action) -> None:
    """The deed, and the end of every other session, which may be open to whoever it keeps out."""
    user, source = request.user, audit.source(request, request.user)
    audit.record(done, source, user)
    sessions.sign_out_others(user, request.session.session_key, source)


def _show_codes(request: HttpRequest, fresh: list[str], more: str = "") -> HttpResponse:
    return render(request, "accounts/recovery_codes.html", {"codes": fresh, "more": more})


def _readable(device: Any) -> str:
    """The secret in groups of four, for whoever types it."""
    text = b32encode(device.bin_key).decode().rstrip("=")
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def _words(problem: Problem | None) -> str:
    return (
        problem.message if problem else "The code is not right. Wait for the next one of the app."
    )
