"""How long pictures are kept, and what is deleted for room."""

from aliceproject.settings.environment import env

ALICE_RETENTION_DAYS = env.number(
    "ALICE_RETENTION_DAYS",
    0,
    low=0,
    high=36500,
    help="Pictures older than this are deleted, but for those marked keep; 0: kept for ever.",
)
ALICE_RETENTION_GB = env.number(
    "ALICE_RETENTION_GB",
    0,
    low=0,
    high=1000000,
    help="Above this total the oldest pictures are deleted, but for those marked keep; 0: none.",
)
ALICE_DELETE_EXPIRED_PUBLIC = env.flag(
    "ALICE_DELETE_EXPIRED_PUBLIC",
    default=False,
    help="Whether the end of a share deletes the picture, unless it is marked keep.",
    aliases=("DELETE_EXPIRED_PUBLIC",),
)
