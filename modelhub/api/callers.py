"""Who may manage models: staff by session, or a key of scope `models`."""

from django.http import HttpRequest

from accounts.authentication import Identity, identify, require

SCOPE = "models"


def manager(request: HttpRequest) -> Identity:
    """The caller, allowed to manage models. Asks the database: call it off the event loop."""
    identity = identify(request, staff=True)
    require(identity, SCOPE)
    return identity
