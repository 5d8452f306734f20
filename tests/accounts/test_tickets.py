from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connections
from django.utils import timezone

from accounts import keys, tickets
from accounts.credentials import Credential
from accounts.models import Ticket, User


def test_a_ticket_stands_for_what_it_was_made_by(alice: User) -> None:
    key, _ = keys.mint(alice, "x", ["generate"])
    by_key = tickets.issue(alice, Credential(key=key.pk)).ticket
    by_session = tickets.issue(alice, Credential(session="s" * 32)).ticket
    assert tickets.redeem(by_key) == Credential(key=key.pk)
    assert tickets.redeem(by_session) == Credential(session="s" * 32)


def test_a_ticket_opens_once(alice: User) -> None:
    ticket = tickets.issue(alice, Credential()).ticket
    assert tickets.redeem(ticket) is not None
    assert tickets.redeem(ticket) is None


def test_a_ticket_is_never_stored(alice: User) -> None:
    ticket = tickets.issue(alice, Credential()).ticket
    assert ticket not in str(Ticket.objects.values().get())


def test_a_late_ticket_opens_nothing(alice: User) -> None:
    ticket = tickets.issue(alice, Credential()).ticket
    Ticket.objects.update(expires_at=timezone.now())
    assert tickets.redeem(ticket) is None


@pytest.mark.django_db
@pytest.mark.parametrize("ticket", ["", "x", "\ud800", "a\x00b", "x" * 100_000])
def test_nonsense_opens_nothing(ticket: str) -> None:
    assert tickets.redeem(ticket) is None


def test_making_one_takes_away_those_that_are_over(alice: User) -> None:
    tickets.issue(alice, Credential())
    Ticket.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    tickets.issue(alice, Credential())
    assert Ticket.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_who_bring_one_ticket_one_gets_in(alice: User) -> None:
    ticket, together = tickets.issue(alice, Credential()).ticket, Barrier(8)

    def bring(_: int) -> bool:
        together.wait()
        try:
            return tickets.redeem(ticket) is not None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(bring, range(8))) == 1
