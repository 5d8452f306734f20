import pytest
from django.test import Client

from accounts.models import User


@pytest.mark.parametrize(
    "accepted", ["text/html", "image/png", "application/xml;q=0.9", "nonsense"]
)
def test_json_is_answered_whatever_is_accepted(alice: User, accepted: str) -> None:
    client = Client()
    client.force_login(alice)
    reply = client.get("/v1/gallery", headers={"Accept": accepted})
    assert (reply.status_code, reply["Content-Type"]) == (200, "application/json")
