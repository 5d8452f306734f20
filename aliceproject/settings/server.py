"""The web server and who may reach it."""

from aliceproject.settings.environment import env

ALICE_HOST = env.text(
    "ALICE_HOST", "127.0.0.1", help="Address the web server binds.", aliases=("API_HOST",)
)
ALICE_PORT = env.integer(
    "ALICE_PORT", 8080, low=1, high=65535, help="Port of the web server.", aliases=("API_PORT",)
)
ALICE_PUBLIC_URL = env.url(
    "ALICE_PUBLIC_URL",
    ("http", "https"),
    help="Address clients use; makes links absolute. https turns on Secure cookies and HSTS.",
    aliases=("BASE_URL",),
)
ALICE_ALLOWED_HOSTS = env.names(
    "ALICE_ALLOWED_HOSTS", help="Further host names this server answers to."
)
ALICE_TRUSTED_PROXIES = env.names(
    "ALICE_TRUSTED_PROXIES", help="Addresses whose X-Forwarded-* headers are believed."
)
ALICE_CORS_ORIGINS = env.names(
    "ALICE_CORS_ORIGINS", help="Exact origins browsers may call the API from; empty: none."
)
ALICE_MAX_BODY_MB = env.integer(
    "ALICE_MAX_BODY_MB", 64, low=1, high=1024, help="Largest request body in MB; over it: 413."
)
