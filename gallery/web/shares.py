"""The page of shares: what others see of me and until when, and what they show me."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.pages import PageRequest, page
from gallery import queries
from gallery.queries import Filter

OWN, OTHERS = 24, 24


@require_safe
@page
def shares(request: PageRequest) -> HttpResponse:
    user, cursor = request.user, request.GET.get("cursor") or None
    shown = {
        "mine": queries.page_of(user, cursor, OWN, wanted=Filter(private=False, mine=True)),
        "others": queries.page_of(user, None, OTHERS, wanted=Filter(others=True)),
    }
    return render(request, "gallery/shares.html", shown)
