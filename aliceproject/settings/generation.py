"""The queue, the workers and what a request means that says little."""

from aliceproject.settings.environment import env

ALICE_BACKEND = env.choice(
    "ALICE_BACKEND",
    "auto",
    ("auto", "diffusers", "openvino", "mock", "remote"),
    help="What draws the pictures; auto takes the best that is installed.",
)
ALICE_DEVICE = env.text(
    "ALICE_DEVICE", "auto", help="auto, cpu, cuda, cuda:N or mps: where the pipeline runs."
).lower()
ALICE_DEFAULT_MODEL = env.text(
    "ALICE_DEFAULT_MODEL",
    help="Model used when a request names none and staff chose none; empty: the first installed.",
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
ALICE_CONVERT = env.choice(
    "ALICE_CONVERT",
    "auto",
    ("auto", "off"),
    help="Whether single files get a copy in diffusers layout, in the background, to load faster.",
)
ALICE_MOCK_STEP_SECONDS = env.number(
    "ALICE_MOCK_STEP_SECONDS", 0, low=0, high=60, help="How long the mock back end takes a step."
)
ALICE_MAX_STORAGE_GB = env.number(
    "ALICE_MAX_STORAGE_GB", 100, low=0.001, high=1000000, help="Pictures kept in all; over it: 503."
)
