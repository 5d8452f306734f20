"""Which identities of the provider's open which account, and how one comes to and goes."""

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import audit
from accounts.audit import Action, Source
from accounts.models import OpenIdentity, Registration, User
from accounts.openid import enabled, label
from accounts.openid.tokens import Claims
from accounts.problems import Forbidden, Invalid

# The same for everybody, so that a deactivated account is not told from none.
REFUSAL = "This identity opens no account here. Ask whoever runs this server."


def refused(claims: Claims, by: Source, why: str) -> Forbidden:
    """The refusal of somebody the provider vouched for, noted down."""
    audit.record(
        Action.OPENID_REFUSED,
        by,
        issuer=settings.ALICE_OIDC_ISSUER,
        subject=claims.subject,
        why=why,
    )
    return Forbidden(REFUSAL, code="openid_refused")


def find(claims: Claims) -> OpenIdentity | None:
    """What is known of somebody: an account, a request for one, or nothing."""
    known = OpenIdentity.objects.select_related("user", "registration")
    return known.filter(issuer=settings.ALICE_OIDC_ISSUER, subject=claims.subject).first()


def opening(user: User) -> QuerySet[OpenIdentity]:
    """By what `user` can come in today; identities of a former provider open nothing."""
    mine = user.open_identities.filter(issuer=settings.ALICE_OIDC_ISSUER)
    return mine if enabled() else mine.none()


def used(identity: OpenIdentity) -> None:
    OpenIdentity.objects.filter(pk=identity.pk).update(last_used_at=timezone.now())


def link(user: User, claims: Claims, by: Source) -> OpenIdentity:
    """From now on the identity opens this account. Twice is once.

    Raises Invalid `identity_taken` where it belongs to somebody, or to a request that waits.
    """
    with transaction.atomic():
        identity, made = OpenIdentity.objects.get_or_create(
            issuer=settings.ALICE_OIDC_ISSUER,
            subject=claims.subject,
            defaults={"user": user, "label": claims.label},
        )
        if identity.user_id == user.pk and not made:
            return identity
        if not made and not _free(identity, user):
            raise taken()
        audit.record(Action.OPENID_LINKED, by, user, issuer=identity.issuer, subject=claims.subject)
    return identity


def unlink(identity: OpenIdentity, owner: User, by: Source) -> None:
    """The identity opens nothing any more. Raises Invalid `last_way_in`; gone already is done."""
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=owner.pk)
        others = opening(user).exclude(pk=identity.pk)
        if not user.has_usable_password() and not others.exists():
            raise Invalid(
                "This is your only way in. Set a password first, then unlink it.",
                code="last_way_in",
            )
        forget(identity, by)


def forget(identity: OpenIdentity, by: Source) -> None:
    """Unlink for staff, who may take the last way in as well."""
    target = identity.user or identity
    with transaction.atomic():
        if OpenIdentity.objects.filter(pk=identity.pk).delete()[0]:
            told = {"issuer": identity.issuer, "subject": identity.subject}
            audit.record(Action.OPENID_UNLINKED, by, target, **told)


def taken() -> Invalid:
    return Invalid(
        f"This identity of {label()} belongs to another account, or to a request that waits.",
        code="identity_taken",
    )


def _free(identity: OpenIdentity, user: User) -> bool:
    """Whether `user` gets what a rejected request left behind; of several who try one does."""
    left = OpenIdentity.objects.filter(
        pk=identity.pk, user=None, registration__status=Registration.Status.REJECTED
    )
    return bool(left.update(user=user, registration=None))
