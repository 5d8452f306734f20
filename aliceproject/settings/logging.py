"""What is logged, where and how."""

from aliceproject.settings.environment import env

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
