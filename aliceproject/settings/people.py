"""Who may become a user."""

from aliceproject.settings.environment import env

ALICE_REGISTRATION = env.choice(
    "ALICE_REGISTRATION",
    "closed",
    ("closed", "invite", "approval", "open", "disabled"),
    help="Who may register: nobody, whoever has an invite, whom staff approves, or anybody.",
).replace("disabled", "closed")
ALICE_OIDC_ISSUER = env.text(
    "ALICE_OIDC_ISSUER",
    help="Issuer of the OpenID Connect provider people may sign in by, exactly as it names itself.",
)
ALICE_OIDC_CLIENT_ID = env.text("ALICE_OIDC_CLIENT_ID", help="What the provider calls this server.")
ALICE_OIDC_CLIENT_SECRET = env.text(
    "ALICE_OIDC_CLIENT_SECRET", help="What this server proves to the provider that it is itself by."
)
ALICE_OIDC_SCOPES = env.text(
    "ALICE_OIDC_SCOPES", "openid email profile", help="What the provider is asked for."
)
ALICE_OIDC_LABEL = env.text(
    "ALICE_OIDC_LABEL", help="What people call the provider; empty: the host of the issuer."
)
