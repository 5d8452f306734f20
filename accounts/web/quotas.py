"""The page on which staff set quotas: for each role, and for single users."""

from dataclasses import asdict
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit, granting, quotas
from accounts.granting import MOST_BYTES, MOST_JOBS, MOST_WORK, Whose
from accounts.models import Quota, User
from accounts.pages import PageRequest
from accounts.quotas import Limits
from accounts.web.administration import show, staff_page

A_PAGE = 50
GIGABYTE = 10**9
TITLES = {Quota.Role.USER: "All users", Quota.Role.STAFF: "All staff"}


class LimitsForm(forms.Form):
    """An empty field sets no limit; storage is in GB of 10^9 bytes."""

    queued_jobs = forms.IntegerField(required=False, min_value=0, max_value=MOST_JOBS)
    running_jobs = forms.IntegerField(required=False, min_value=0, max_value=MOST_JOBS)
    images_per_day = forms.IntegerField(required=False, min_value=0, max_value=MOST_JOBS)
    megapixel_steps_per_day = forms.FloatField(required=False, min_value=0, max_value=MOST_WORK)
    stored_gigabytes = forms.DecimalField(
        required=False, min_value=0, max_value=MOST_BYTES // GIGABYTE, decimal_places=9
    )

    def limits(self) -> Limits:
        given = dict(self.cleaned_data)
        size = given.pop("stored_gigabytes")
        return Limits(**given, stored_bytes=None if size is None else int(size * GIGABYTE))


@require_safe
@staff_page
def listed(request: PageRequest) -> HttpResponse:
    """Both roles, and every user with limits of his own; `name` leads to one user's."""
    name = request.GET.get("name", "").strip()
    user = User.objects.filter(username=name).first() if name and "\0" not in name else None
    if user:
        return redirect("accounts_pages:quota", whose=user.pk)
    own = User.objects.filter(quota__isnull=False).select_related("quota").order_by("username")
    page = Paginator(own, A_PAGE).get_page(request.GET.get("page"))
    shown = {
        "roles": [(role, TITLES[role], granting.granted(role) or Limits()) for role in Quota.Role],
        "people": [(user, quotas.limits_in(user.quota)) for user in page.object_list],
        "page": page,
        "name": name,
    }
    return show(request, "quotas", "accounts/quotas.html", shown, 404 if name else 200)


@require_http_methods(["GET", "POST"])
@staff_page
def edit(request: PageRequest, whose: str) -> HttpResponse:
    """The five limits of a role or a user; a POST sets them."""
    target = named(whose)
    form = LimitsForm(request.POST if request.method == "POST" else None, initial=_given(target))
    if form.is_bound and form.is_valid():
        granting.grant(target, form.limits(), audit.source(request))
        messages.success(request, f"{_title(target)}: the new limits hold from the next job on.")
        return redirect("accounts_pages:administration_quotas")
    shown = {
        "whose": whose,
        "title": _title(target),
        "form": form,
        "person": target if isinstance(target, User) else None,
        "own": granting.granted(target) is not None,
        "bars": quotas.allowances(target) if isinstance(target, User) else [],
    }
    return show(request, "quotas", "accounts/quota.html", shown, 400 if form.errors else 200)


@require_POST
@staff_page
def remove(request: PageRequest, whose: str) -> HttpResponse:
    target = named(whose)
    if granting.withdraw(target, audit.source(request)):
        messages.success(request, f"{_title(target)}: {_after(target)}")
    return redirect("accounts_pages:administration_quotas")


def named(whose: str) -> Whose:
    """A role by its name or a user by id; 404 for anything else."""
    if whose in Quota.Role.values:
        return Quota.Role(whose)
    digits = whose.isascii() and whose.isdigit() and len(whose) < 19
    user = User.objects.filter(pk=int(whose)).first() if digits else None
    if user is None:
        raise Http404
    return user


def _given(target: Whose) -> dict[str, Any]:
    """What the form shows at first: the limits that hold now."""
    limits = quotas.limits_of(target) if isinstance(target, User) else granting.granted(target)
    given = asdict(limits or Limits())
    size, work = given.pop("stored_bytes"), given["megapixel_steps_per_day"]
    return given | {
        "stored_gigabytes": None if size is None else Decimal(size) / GIGABYTE,
        "megapixel_steps_per_day": int(work) if work and work.is_integer() else work,
    }


def _title(target: Whose) -> str:
    return target.username if isinstance(target, User) else TITLES[target]


def _after(target: Whose) -> str:
    return "the limits of the role hold again." if isinstance(target, User) else "no limits."
