"""Where models come from: the two catalogues, object storage, and what is fetched at start."""

from aliceproject.settings.environment import env

ALICE_HUGGINGFACE_URL = env.url(
    "ALICE_HUGGINGFACE_URL",
    ("https", "http"),
    default="https://huggingface.co",
    help="Hugging Face, or a mirror that speaks its protocol.",
    aliases=("HF_ENDPOINT",),
)
ALICE_HUGGINGFACE_TOKEN = env.secret(
    "ALICE_HUGGINGFACE_TOKEN",
    help="Token for gated and private repositories; sent to that host only.",
    aliases=("HUGGINGFACE_TOKEN", "HF_TOKEN"),
)
ALICE_CIVITAI_URL = env.url(
    "ALICE_CIVITAI_URL",
    ("https", "http"),
    default="https://civitai.com",
    help="CivitAI, or a mirror that speaks its protocol.",
)
ALICE_CIVITAI_TOKEN = env.secret(
    "ALICE_CIVITAI_TOKEN", help="Token for files that need a login; sent to that host only."
)
ALICE_HUB_HOSTS = env.names(
    "ALICE_HUB_HOSTS",
    help="Further hosts that staff may fetch models from; .example.org: all below that name.",
)
ALICE_DOWNLOAD_MB_PER_SECOND = env.number(
    "ALICE_DOWNLOAD_MB_PER_SECOND",
    0,
    low=0,
    high=100000,
    help="What all downloads together may take of the line; 0: all of it.",
)
ALICE_DOWNLOAD_MODELS = env.names(
    "ALICE_DOWNLOAD_MODELS",
    help="Models fetched at start where missing, each as manage.py download_models takes it.",
)
ALICE_AUTO_DOWNLOAD = env.flag(
    "ALICE_AUTO_DOWNLOAD",
    default=False,
    help="Whether ALICE_DEFAULT_MODEL, where it is a repository (org/name), is fetched at start.",
    aliases=("AUTO_DOWNLOAD_MODELS",),
)
ALICE_MODEL_S3_PATH = env.text(
    "ALICE_MODEL_S3_PATH",
    help="Checkpoint fetched at start where missing: s3://bucket/key, or a key in S3_BUCKET_NAME.",
    aliases=("MODEL_S3_PATH",),
)
S3_BUCKET_NAME = env.text(
    "S3_BUCKET_NAME", help="The bucket that keys without one are looked up in."
)
# Nothing said is None, not empty: then AWS's own ways (profiles, roles) are tried.
AWS_ACCESS_KEY_ID = env.secret("AWS_ACCESS_KEY_ID", help="Name for object storage.") or None
AWS_SECRET_ACCESS_KEY = (
    env.secret("AWS_SECRET_ACCESS_KEY", help="Secret for object storage.") or None
)
AWS_REGION = (
    env.text("AWS_REGION", help="Region of the buckets.", aliases=("AWS_DEFAULT_REGION",)) or None
)
AWS_ENDPOINT_URL = (
    env.url("AWS_ENDPOINT_URL", ("https", "http"), help="Object storage that is not Amazon's.")
    or None
)
ALICE_SEARCH_CACHE_HOURS = env.number(
    "ALICE_SEARCH_CACHE_HOURS",
    6,
    low=0,
    high=2160,
    help="How long a catalogue's answer is used again; 0: the catalogue is asked every time.",
)
ALICE_PREVIEW_CACHE_MB = env.number(
    "ALICE_PREVIEW_CACHE_MB",
    200,
    low=1,
    high=100000,
    help="Previews of found models kept in ALICE_DATA_DIR/cache at most.",
)
