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
ALICE_KEY_RATE_LIMIT = env.integer(
    "ALICE_KEY_RATE_LIMIT",
    0,
    low=0,
    high=100000,
    help="Requests a minute of an API key that names no limit of its own; 0: as many as it likes.",
)
ALICE_BAD_KEY_LIMIT = env.integer(
    "ALICE_BAD_KEY_LIMIT",
    20,
    low=1,
    high=100000,
    help="Wrong API keys from one address a minute; further ones are answered 429.",
)
ALICE_FETCH_USER_URLS = env.flag(
    "ALICE_FETCH_USER_URLS",
    default=False,
    help="Whether pictures may be sent as URLs of public hosts, which this server then fetches.",
)
ALICE_LINK_SECONDS = env.integer(
    "ALICE_LINK_SECONDS", 86400, low=60, high=604800, help="How long a signed picture link lives."
)
ALICE_LOGIN_ATTEMPTS = env.integer(
    "ALICE_LOGIN_ATTEMPTS",
    10,
    low=1,
    high=1000,
    help="Wrong sign-ins from one address before it is locked out.",
)
ALICE_LOGIN_LOCK_MINUTES = env.integer(
    "ALICE_LOGIN_LOCK_MINUTES", 15, low=1, high=1440, help="How long a lock-out lasts."
)
ALICE_REQUIRE_STAFF_TOTP = env.flag(
    "ALICE_REQUIRE_STAFF_TOTP",
    default=False,
    help="Whether staff must set up a second factor before they may do anything in a session.",
)
