"""Where ALICE keeps its things."""

from aliceproject.settings.environment import BASE_DIR, env

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
