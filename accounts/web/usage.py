"""The page that tells a person what he has in use, and what is left."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import quotas
from accounts.pages import PageRequest, page


@require_safe
@page
def usage(request: PageRequest) -> HttpResponse:
    used = quotas.usage_of(request.user)
    shown = {"bars": quotas.allowances(request.user), "used": used}
    return render(request, "accounts/usage.html", shown)
