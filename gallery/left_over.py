"""What an upgrade of a large gallery left to be done while people go on using it."""

from django.db import connection

from gallery import tag_owners, text_index
from gallery.models import Tag


def pending() -> bool:
    """Whether anything is left, also where the server refuses to do it."""
    return not text_index.whole(connection) or Tag.objects.filter(owner=None).exists()


def finish(seconds: float = float("inf")) -> bool:
    """Go on for about `seconds`; whether nothing is left that can be done.

    Any stop is harmless: the next call goes on. Raises alone.AtWork while another one runs.
    """
    return tag_owners.fill(seconds) and text_index.fill(seconds)
