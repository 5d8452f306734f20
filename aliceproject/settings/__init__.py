"""Every setting, read once from the environment or .env; one module for each group of them."""

import socket
from datetime import timedelta
from urllib.parse import urlsplit

from aliceproject import __version__, clusters, databases, logs
from aliceproject.settings.environment import BASE_DIR
from aliceproject.settings.generation import *
from aliceproject.settings.hub import *
from aliceproject.settings.keeping import *
from aliceproject.settings.logging import *
from aliceproject.settings.people import *
from aliceproject.settings.places import *
from aliceproject.settings.security import *
from aliceproject.settings.server import *
from aliceproject.settings.stores import *

DEBUG = False
ALLOWED_HOSTS = ["*"]  # aliceproject.middleware answers unknown names itself, in JSON.
ROOT_URLCONF = "aliceproject.urls"
ASGI_APPLICATION = "aliceproject.asgi.application"
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = False
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = "aliceproject.formats"
LOGIN_URL = "/web/login"
LOGIN_REDIRECT_URL = "/web/"
LOGOUT_REDIRECT_URL = "/web/login"

INSTALLED_APPS = [
    "daphne",
    "aliceproject.apps.AdministrationConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_q",
    "csp",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "accounts",
    "modelhub",
    "gallery",
    "generation",
    "aliceproject",
]

MIDDLEWARE = [
    "aliceproject.middleware.RequestId",
    "aliceproject.middleware.Lengths",
    "aliceproject.middleware.RateHeaders",
    "aliceproject.middleware.OtherOrigins",
    "aliceproject.middleware.HostCheck",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "aliceproject.cross_site.SameOriginOnly",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "aliceproject.middleware.Problems",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "aliceproject.staff_rights.StaffRights",
]
AXES_HANDLER = "accounts.lockout.Handler"
AXES_FAILURE_LIMIT = ALICE_LOGIN_ATTEMPTS
AXES_COOLOFF_TIME = timedelta(minutes=ALICE_LOGIN_LOCK_MINUTES)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"], "ip_address"]
AXES_USERNAME_CALLABLE = "accounts.lockout.counted_name"
AXES_CLIENT_IP_CALLABLE = "accounts.lockout.address"
# Attempts while locked must not keep the door locked for everybody behind the same address.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
# The audit log tells of sign-ins; a second one would only grow.
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = AXES_VERBOSE = False
# W002: no middleware of axes. accounts.signing_in answers the locked out itself.
SILENCED_SYSTEM_CHECKS = ["axes.W002"]
OTP_TOTP_ISSUER = "ALICE"
OTP_ADMIN_HIDE_SENSITIVE_DATA = True

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

DATABASES = databases.configuration(DATABASE_URL, ALICE_DATA_DIR)

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    # django-q2's own: see aliceproject.clusters.
    "local": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "q"},
}

CHANNEL_LAYERS = {
    "default": (
        {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [REDIS_URL]},
        }
        if REDIS_URL
        else {
            "BACKEND": "aliceproject.events.LocalChannelLayer",
            "CONFIG": {"folder": ALICE_DATA_DIR / "events.sock.d"},
        }
    )
}

# What makes previews of found models small: modelhub and the gallery do not know each other.
PREVIEW_SHRINKER = "aliceproject.previews.shrink"

Q_CLUSTER = clusters.configuration(ALICE_JOB_TIMEOUT_SECONDS, REDIS_URL)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.AliceAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["accounts.json_body.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "aliceproject.rest.OneAnswer",
    "DEFAULT_SCHEMA_CLASS": "aliceproject.openapi.schema.Schema",
    "EXCEPTION_HANDLER": "aliceproject.errors.drf_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "ALICE",
    "DESCRIPTION": "Artificial Latent Image Composition Engine",
    "VERSION": __version__,
    "PREPROCESSING_HOOKS": ["aliceproject.openapi.schema.endpoints"],
}

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = ALICE_DATA_DIR / "static"
DATA_UPLOAD_MAX_MEMORY_SIZE = ALICE_MAX_BODY_MB * 1024 * 1024

HTTPS = ALICE_PUBLIC_URL.startswith("https://")
SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_NAME = "__Host-alice-session" if HTTPS else "alice-session"
CSRF_COOKIE_NAME = "__Host-alice-csrf" if HTTPS else "alice-csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = [ALICE_PUBLIC_URL] if ALICE_PUBLIC_URL else []
CSRF_FAILURE_VIEW = "aliceproject.errors.csrf_failure"
SECURE_SSL_REDIRECT = HTTPS
# Orchestrators on this machine ask without TLS; these answers hold nothing to protect.
SECURE_REDIRECT_EXEMPT = [r"^(api/)?health/?$", r"^livez/?$", r"^readyz/?$"]
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "font-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "connect-src": ["'self'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
    }
}

# Names this server answers to besides any IP literal: see aliceproject.middleware.host_check.
ALICE_OWN_HOSTS = [
    "localhost",
    socket.gethostname().lower(),
    *([urlsplit(ALICE_PUBLIC_URL).hostname or ""] if ALICE_PUBLIC_URL else []),
    *[name.lower() for name in ALICE_ALLOWED_HOSTS],
]

LOGGING = logs.configuration(ALICE_LOG_LEVEL, ALICE_LOG_FORMAT, ALICE_LOG_FILE)
