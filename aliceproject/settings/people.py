"""Who may become a user."""

from aliceproject.settings.environment import env

ALICE_REGISTRATION = env.choice(
    "ALICE_REGISTRATION",
    "closed",
    ("closed", "invite", "approval", "open", "disabled"),
    help="Who may register: nobody, whoever has an invite, whom staff approves, or anybody.",
).replace("disabled", "closed")
