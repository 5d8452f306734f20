"""Authentication, secrets and links."""

from aliceproject import secret_key
from aliceproject.settings.environment import env
from aliceproject.settings.places import ALICE_DATA_DIR

ALICE_REQUIRE_AUTH = env.flag(
    "ALICE_REQUIRE_AUTH",
    default=True,
    help="Whether callers need a key or a session; off is allowed on loopback only.",
    aliases=("AUTH_ENABLED",),
)
ALICE_ALLOW_OPEN = env.flag(
    "ALICE_ALLOW_OPEN",
    default=False,
    help="Allows ALICE_REQUIRE_AUTH=false on an address other machines reach.",
)
SECRET_KEY = secret_key.load_or_create(
    env.text(
        "ALICE_SECRET_KEY", help="Signs sessions and links; empty: made once in ALICE_DATA_DIR."
    ),
    ALICE_DATA_DIR,
)
SECRET_KEY_FALLBACKS = env.names(
    "ALICE_SECRET_KEY_FALLBACKS", help="Former secret keys that still verify, for rotation."
)
ALICE_LINK_SECONDS = env.integer(
    "ALICE_LINK_SECONDS", 86400, low=60, high=604800, help="How long a signed picture link lives."
)
