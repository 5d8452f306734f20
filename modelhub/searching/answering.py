"""A search from its question to its answer: from the shelf, from the catalogue, or without it."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

from asgiref.sync import sync_to_async
from django.utils import timezone

from accounts.problems import Busy, Invalid
from modelhub.elsewhere import elsewhere
from modelhub.models import Search
from modelhub.searching import catalogues, shelf
from modelhub.searching.finds import Question
from modelhub.searching.shelf import Shown

# A page far from every page asked so far would cost a request for each one between.
MOST_STEPS = 5
ONWARD = timedelta(hours=1)
EARLIER = "These are answers to earlier searches."


async def answer(question: Question, *, offline: bool = False) -> Shown:
    """Raises Busy where the catalogue is away and no earlier search helps, and Invalid for a page
    too far from any that was asked.
    """
    if offline:
        return await sync_to_async(shelf.offline)(question, EARLIER)
    try:
        search = await _asked(question)
    except Busy as problem:
        return await sync_to_async(_instead)(question, problem)
    if search is None:
        return Shown([], has_more=False, fetched_at=timezone.now())
    return await sync_to_async(shelf.shown)(question, search)


async def _asked(question: Question) -> Search | None:
    """The catalogue's answer, kept or new; None past its last page.

    Catalogues hand out their pages one after the other, each with the way to the next.
    """
    missing, known = await sync_to_async(_way)(question)
    for page in missing:
        if known is not None and not known.onward:
            return None
        here = replace(question, page=page)
        onward = known.onward if known is not None else ""
        reply = await elsewhere(partial(catalogues.ask, here, onward))
        known = await sync_to_async(shelf.keep)(here, reply)
    return known


def _way(question: Question) -> tuple[list[int], Search | None]:
    """The pages that must be asked for, and the fresh one before them."""
    missing: list[int] = []
    for page in range(question.page, 0, -1):
        # What an answer said of the next page holds for longer than the answer itself may have to.
        within = shelf.fresh() if page == question.page else max(shelf.fresh(), ONWARD)
        if known := shelf.kept(replace(question, page=page), within):
            return missing[::-1], known
        missing.append(page)
        if len(missing) > MOST_STEPS:
            raise Invalid("Ask for the pages before this one first.", param="page")
    return missing[::-1], None


def _instead(question: Question, problem: Busy) -> Shown:
    """What is known without the catalogue, with a word about it; the problem where nothing is."""
    if search := shelf.kept(question):
        since = f"{search.fetched_at:%d %B %Y, %H:%M} UTC"
        return shelf.shown(question, search, f"{problem.message} This is its answer of {since}.")
    known = shelf.offline(question, f"{problem.message} {EARLIER}")
    if not known.finds:
        raise problem
    return known
