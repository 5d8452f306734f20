"""Settings of a real OpenID Connect provider: django-oauth-toolkit, a site of its own."""

import os
from pathlib import Path

FOLDER = Path(os.environ["PROVIDER_FOLDER"])
URL = os.environ["PROVIDER_URL"]

SECRET_KEY = "only for this provider, which lives for one test"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "tests.identity_provider.urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "oauth2_provider",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(FOLDER / "provider.sqlite3")}
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LOGIN_URL = "/login"
LOGIN_PAGE = """<!doctype html><html lang="en"><title>The provider</title><link rel="icon" href="data:,">
<h1>The provider</h1>{{ form.non_field_errors }}
<form method="post">{% csrf_token %}<input type="hidden" name="next" value="{{ next }}">
<label>Name <input name="username"></label>
<label>Secret <input name="password" type="password"></label>
<button>Log in</button></form></html>"""
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {
            "loaders": [
                ("django.template.loaders.locmem.Loader", {"login.html": LOGIN_PAGE}),
                "django.template.loaders.app_directories.Loader",
            ]
        },
    }
]
OAUTH2_PROVIDER = {
    "OIDC_ENABLED": True,
    "OIDC_ISS_ENDPOINT": f"{URL}/o",
    "OIDC_RSA_PRIVATE_KEY": (FOLDER / "key.pem").read_text(),
    "OAUTH2_VALIDATOR_CLASS": "tests.identity_provider.claims.Claims",
    "PKCE_REQUIRED": True,
    "SCOPES": {"openid": "Who you are", "email": "Your address", "profile": "Your name"},
}
