"""Every setting, read once from the environment or .env, grouped by app."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

from aliceproject import __version__, clusters, databases, logs, secret_key
from aliceproject.env import Environment

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment(BASE_DIR / ".env")

# --- Places -------------------------------------------------------------------------------------
ALICE_DATA_DIR = env.folder(
    "ALICE_DATA_DIR", BASE_DIR / "data", help="Everything ALICE keeps: database, pictures, secrets."
)
ALICE_MODELS_DIR = env.folder(
    "ALICE_MODELS_DIR",
    ALICE_DATA_DIR / "models",
    help="Where models lie: diffusers folders and .safetensors files.",
    aliases=("MODELS_CACHE_DIR",),
)
ALICE_STORAGE_URL = env.url(
    "ALICE_STORAGE_URL",
    ("s3", "file"),
    help="Where pictures are kept, s3://bucket/prefix; empty: ALICE_DATA_DIR/images.",
)

# --- The server ---------------------------------------------------------------------------------
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

# --- Security -----------------------------------------------------------------------------------
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

# --- Database, Redis ----------------------------------------------------------------------------
DATABASE_URL = env.url(
    "DATABASE_URL",
    ("postgres", "postgresql", "sqlite"),
    help="PostgreSQL address; empty: SQLite in ALICE_DATA_DIR.",
)
REDIS_URL = env.url(
    "REDIS_URL",
    ("redis", "rediss", "unix"),
    help="Redis for events between hosts and for waking workers; empty: none is needed.",
)

# --- Generation ---------------------------------------------------------------------------------
ALICE_BACKEND = env.choice(
    "ALICE_BACKEND",
    "auto",
    ("auto", "diffusers", "openvino", "mock", "remote"),
    help="What draws the pictures; auto takes the best that is installed.",
)
ALICE_DEVICE = env.text(
    "ALICE_DEVICE", "auto", help="auto, cpu, cuda, cuda:N or mps: where the pipeline runs."
)
ALICE_DEFAULT_MODEL = env.text(
    "ALICE_DEFAULT_MODEL",
    help="Model used when a request names none; empty: the first installed.",
    aliases=("STABLE_DIFFUSION_REPO_ID", "IMAGE_MODEL_NAME"),
)
ALICE_OPENAI_MODEL_NAMES = env.flag(
    "ALICE_OPENAI_MODEL_NAMES",
    default=True,
    help="Whether gpt-image-*, dall-e-* and chatgpt-image-* mean the default model.",
)
ALICE_DEFAULT_STEPS = env.integer(
    "ALICE_DEFAULT_STEPS",
    25,
    low=1,
    high=150,
    help="Denoising steps when a request names none.",
    aliases=("DEFAULT_NUM_INFERENCE_STEPS",),
)
ALICE_DEFAULT_GUIDANCE = env.number(
    "ALICE_DEFAULT_GUIDANCE", 7.5, low=0, high=30, help="Guidance scale when a request names none."
)
ALICE_DEFAULT_SCHEDULER = env.text(
    "ALICE_DEFAULT_SCHEDULER", "dpm++_sde_karras", help="Scheduler when a request names none."
)
ALICE_DEFAULT_WIDTH = env.integer(
    "ALICE_DEFAULT_WIDTH",
    0,
    low=0,
    high=2048,
    help="Width in pixels when a request names no size; 0: what the model was trained on.",
)
ALICE_DEFAULT_HEIGHT = env.integer(
    "ALICE_DEFAULT_HEIGHT",
    0,
    low=0,
    high=2048,
    help="Height in pixels when a request names no size; 0: what the model was trained on.",
)
ALICE_DEFAULT_NEGATIVE_PROMPT = env.text(
    "ALICE_DEFAULT_NEGATIVE_PROMPT",
    help="Negative prompt when a request names none.",
    aliases=("DEFAULT_NEGATIVE_PROMPT",),
)
ALICE_QUEUE_LIMIT = env.integer(
    "ALICE_QUEUE_LIMIT", 1000, low=1, high=1000000, help="Jobs waiting at most; over it: 503."
)
ALICE_LEASE_SECONDS = env.number(
    "ALICE_LEASE_SECONDS", 15, low=1, high=600, help="A worker silent this long loses its job."
)
ALICE_JOB_TIMEOUT_SECONDS = env.integer(
    "ALICE_JOB_TIMEOUT_SECONDS",
    3000,
    low=10,
    high=86400,
    help="One job's longest run; past it the job fails with job_timeout.",
)
ALICE_WAIT_SECONDS = env.integer(
    "ALICE_WAIT_SECONDS",
    280,
    low=1,
    high=3600,
    help="How long a blocking call waits; Node's fetch gives up at 300 s.",
    aliases=("REQUEST_TIMEOUT",),
)
ALICE_DISCONNECT_GRACE_SECONDS = env.number(
    "ALICE_DISCONNECT_GRACE_SECONDS",
    10,
    low=0,
    high=300,
    help="How long a job of a vanished SDK client waits for that client's own retry.",
)
ALICE_STOP_GRACE_SECONDS = env.integer(
    "ALICE_STOP_GRACE_SECONDS", 30, low=1, high=600, help="How long an orderly stop may take."
)
ALICE_IDLE_UNLOAD_SECONDS = env.integer(
    "ALICE_IDLE_UNLOAD_SECONDS", 300, low=0, high=86400, help="Unload idle models; 0: never."
)
ALICE_MODEL_CACHE = env.integer(
    "ALICE_MODEL_CACHE", 2, low=1, high=64, help="Models kept warm in one worker at most."
)
ALICE_MOCK_STEP_SECONDS = env.number(
    "ALICE_MOCK_STEP_SECONDS", 0, low=0, high=60, help="How long the mock back end takes a step."
)
ALICE_MAX_STORAGE_GB = env.number(
    "ALICE_MAX_STORAGE_GB", 100, low=0.001, high=1000000, help="Pictures kept in all; over it: 503."
)

# --- Logs ---------------------------------------------------------------------------------------
ALICE_LOG_LEVEL = env.choice(
    "ALICE_LOG_LEVEL",
    "info",
    ("debug", "info", "warning", "error", "critical"),
    help="Least severity that is logged.",
    aliases=("LOG_LEVEL",),
)
ALICE_LOG_FILE = env.text("ALICE_LOG_FILE", help="Also log to this file; empty: standard error.")
ALICE_LOG_FORMAT = env.choice(
    "ALICE_LOG_FORMAT", "text", ("text", "json"), help="One line of text or of JSON per event."
)
ALICE_LOG_PROMPTS = env.flag(
    "ALICE_LOG_PROMPTS", default=False, help="Whether prompts may appear in logs."
)

# --- Django -------------------------------------------------------------------------------------
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
LOGIN_URL = "/web/login"
LOGIN_REDIRECT_URL = "/web/"
LOGOUT_REDIRECT_URL = "/web/login"

INSTALLED_APPS = [
    "daphne",
    "django.contrib.admin",
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
    "accounts",
    "modelhub",
    "gallery",
    "generation",
    "aliceproject",
]

MIDDLEWARE = [
    "aliceproject.middleware.RequestId",
    "aliceproject.middleware.Lengths",
    "aliceproject.middleware.OtherOrigins",
    "aliceproject.middleware.HostCheck",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
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

Q_CLUSTER = clusters.configuration(ALICE_JOB_TIMEOUT_SECONDS, REDIS_URL)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.AliceAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
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
