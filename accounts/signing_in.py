"""Coming in: the password, the second factor, and proving once more that it is still oneself."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_http_methods

from accounts import lockout, openid, second_factor, witness
from accounts.lockout import Locked
from accounts.models import LOCAL_USERNAME, User
from accounts.openid import identities
from accounts.pages import PageRequest, early_page
from accounts.problems import Forbidden, Problem, wants_json

P = ParamSpec("P")

BACKEND = "django.contrib.auth.backends.ModelBackend"
RECENT_SECONDS = 15 * 60
# Between a right password and the code that must follow.
PENDING_SECONDS = 5 * 60
PENDING = "alice_pending"
# When the provider vouched anew for the person of a session, in Unix seconds.
VOUCHED_AT = "alice_vouched_at"
START = "/web/"


class LoginForm(AuthenticationForm):
    error_messages = AuthenticationForm.error_messages | {
        "invalid_login": "No account opens with this name and password. Capital letters count."
    }


class Login(LoginView):
    """Signs a person in; `next` is followed only to a page of this server."""

    template_name = "accounts/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True
    next_page = START

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # With authentication off staff still need a session, and are sent here from elsewhere.
        if not settings.ALICE_REQUIRE_AUTH and not self.get_redirect_url():
            return redirect("pages:dashboard")
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        registers = settings.ALICE_REGISTRATION != "closed"
        more = {"registers": registers, "provider": openid.label()}
        return super().get_context_data(**kwargs) | more

    def get_redirect_url(self, request: HttpRequest | None = None) -> str:
        asked = request or self.request
        return _local(asked, asked.POST.get("next", asked.GET.get("next", "")))

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user: Any = form.get_user()
        return admit(self.request, user, self.get_success_url())

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        if getattr(self.request, "axes_locked_out", False):
            name = str(form.cleaned_data.get("username", ""))
            return locked_page(self.request, lockout.locked(self.request, name))
        return super().form_invalid(form)


def admit(request: HttpRequest, user: User, then: str, by: str = "password") -> HttpResponse:
    """Let in whom a password or a provider (`by`) vouches for; a second factor is asked first."""
    if second_factor.device_of(user) is None:
        return _enter(request, user, then, by)
    # Whoever knew the anonymous session must not know the one that carries this.
    request.session.cycle_key()
    request.session[PENDING] = {
        "user": user.pk,
        "hash": user.get_session_auth_hash(),
        "at": time.time(),
        "then": then,
        "by": by,
    }
    return redirect("accounts_pages:second_factor")


@require_http_methods(["GET", "POST"])
def ask_second_factor(request: HttpRequest) -> HttpResponse:
    """The code that must follow a right password."""
    pending: dict[str, Any] = request.session.get(PENDING) or {}
    user = _pending_user(pending)
    if user is None:
        request.session.pop(PENDING, None)
        return redirect(settings.LOGIN_URL)
    problem: Problem | None = None
    if request.method == "POST":
        try:
            return _second_step(request, user, pending)
        except Locked as lock:
            return locked_page(request, lock)
        except Problem as refused:
            problem = refused
    return _door(request, "accounts/second_factor_login.html", problem, {})


def _second_step(request: HttpRequest, user: User, pending: dict[str, Any]) -> HttpResponse:
    device = _proved_by_code(request, user)
    del request.session[PENDING]
    return _enter(request, user, pending["then"], pending["by"], device)


def _pending_user(pending: dict[str, Any]) -> User | None:
    if not 0 <= time.time() - pending.get("at", 0) <= PENDING_SECONDS:
        return None
    user = User.objects.filter(pk=pending["user"], is_active=True).first()
    if user is None or not constant_time_compare(pending["hash"], user.get_session_auth_hash()):
        return None
    return user


def _enter(
    request: HttpRequest, user: User, then: str, by: str, device: Any = None
) -> HttpResponse:
    user.vouched_by = by  # type: ignore[attr-defined] # for the witness of this sign-in
    if device is not None:
        user.otp_device = device  # type: ignore[attr-defined] # django-otp keeps it in the session
    auth.login(request, user, BACKEND)
    return redirect(then)


def recent(
    view: Callable[Concatenate[PageRequest, P], HttpResponseBase],
) -> Callable[Concatenate[PageRequest, P], HttpResponseBase]:
    """For deeds a stolen session must not do: asks who signed in over 15 minutes ago once more.

    Below `page`: ``@page`` first, then ``@recent``. A POST that comes too late does nothing; after
    the proof the person is back at the page it came from and sends it again.
    """

    @wraps(view)
    def guarded(request: PageRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if is_recent(request):
            return view(request, *args, **kwargs)
        safe = request.method in {"GET", "HEAD"}
        # A form cannot be sent again for the person: back to the page it stood on.
        origin = request.get_full_path() if safe else request.headers.get("Referer", "")
        asked = {"next": local_path(request, origin)} | ({} if safe else {"again": "1"})
        return redirect(f"/web/confirm?{urlencode(asked)}")

    return guarded


def is_recent(request: HttpRequest) -> bool:
    """Whether the person in this session proved who he is within the last 15 minutes.

    With authentication off there is nobody to ask: the `local` user holds nothing to protect.
    """
    if getattr(request.user, "username", "") == LOCAL_USERNAME:
        return True
    at: float = request.session.get(witness.PROVED_AT, 0)
    return 0 <= time.time() - at < RECENT_SECONDS


def require_recent(request: HttpRequest) -> None:
    """As `recent`, for JSON in a session: raises Forbidden `confirmation_required`."""
    if not is_recent(request):
        raise Forbidden(
            "Confirm at /web/confirm that it is you, then try again.", code="confirmation_required"
        )


@require_http_methods(["GET", "POST"])
@early_page
def confirm(request: PageRequest) -> HttpResponse:
    """Asks for the password or the provider's word, and for a code where there is a second factor."""
    then, user = local_path(request, request.GET.get("next", "")), request.user
    if user.username == LOCAL_USERNAME:
        return redirect(then)
    problem: Problem | None = None
    if request.method == "POST":
        try:
            prove(request, user)
            return redirect(then)
        except Locked as lock:
            return locked_page(request, lock)
        except Problem as refused:
            problem = refused
    vouched_for = _is_vouched(request)
    linked = not vouched_for and identities.opening(user).exists()
    shown = {
        "again": "again" in request.GET,
        "password": user.has_usable_password() and not vouched_for,
        "code": second_factor.device_of(user) is not None,
        "provider": openid.label() if linked else "",
        "then": then,
    }
    return _door(request, "accounts/confirm.html", problem, shown)


def prove(request: HttpRequest, user: User) -> None:
    """Raises Locked, RateLimited or Forbidden unless the form holds the password and the code
    that this user has; afterwards the session counts as proved. The provider's word a moment ago
    stands for the password.
    """
    asked = _is_vouched(request)
    if user.has_usable_password() and not asked:
        asked = True
        check_password(request, user, request.POST.get("password", ""))
    elif not asked and identities.opening(user).exists():
        # A code is half of a proof, and the other half is to be had.
        raise Forbidden(f"Confirm with {openid.label()} first.")
    if second_factor.device_of(user) is not None:
        asked = True
        _proved_by_code(request, user)
    if not asked:
        raise Forbidden("There is nothing to prove it with: sign out and in again.")
    lockout.forgive(request, user.username)
    request.session.pop(VOUCHED_AT, None)
    request.session[witness.PROVED_AT] = time.time()


def vouched(request: HttpRequest, user: User, then: str) -> HttpResponse:
    """Go on to `then` after the provider's word for `user`, by the way of a code if there is one."""
    if second_factor.device_of(user) is None:
        request.session[witness.PROVED_AT] = time.time()
        return redirect(then)
    request.session[VOUCHED_AT] = time.time()
    return redirect(f"/web/confirm?{urlencode({'next': then})}")


def _is_vouched(request: HttpRequest) -> bool:
    at: float = request.session.get(VOUCHED_AT, 0)
    return 0 <= time.time() - at <= PENDING_SECONDS


def check_password(request: HttpRequest, user: User, password: str) -> None:
    """Raises Forbidden for a wrong password, Locked where there were too many."""
    found = auth.authenticate(request, username=user.username, password=password)
    if getattr(request, "axes_locked_out", False):
        raise lockout.locked(request, user.username)
    if found is None or found.pk != user.pk:
        raise Forbidden("The password is not right.", code="wrong_password")


def _proved_by_code(request: HttpRequest, user: User) -> Any:
    lockout.attempt(request, user.username)
    device = second_factor.check(user, request.POST.get("code", ""))
    if device is None:
        witness.failed(request, user.username, "code")
        raise Forbidden("The code is not right.", code="wrong_code")
    return device


def local_path(request: HttpRequest, wanted: str) -> str:
    """`wanted` if it is a page of this server, else the start page."""
    return _local(request, wanted) or START


def _local(request: HttpRequest, wanted: str) -> str:
    """`wanted` if it is an address of this server, from its root on, else ''.

    Anything else would be taken for the name of a view where it is followed.
    """
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe and wanted.startswith(("/", "http://", "https://")) else ""


def locked_page(request: HttpRequest, lock: Locked) -> HttpResponse:
    """Raises the lock itself for a program, which reads it as any other refusal."""
    if wants_json(request):
        raise lock
    shown = {"message": lock.message}
    return _finished(render(request, "accounts/locked.html", shown, status=lock.status), lock)


def _door(
    request: HttpRequest, template: str, problem: Problem | None, shown: dict[str, Any]
) -> HttpResponse:
    status = problem.status if problem else 200
    shown |= {"problem": problem.message if problem else ""}
    return _finished(render(request, template, shown, status=status), problem)


def _finished(reply: HttpResponse, problem: Problem | None) -> HttpResponse:
    for name, value in (problem.headers if problem else {}).items():
        reply[name] = value
    add_never_cache_headers(reply)
    return reply
