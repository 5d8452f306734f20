"""Entries of the audit log in words."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from accounts.audit import Action
from accounts.models import AuditEntry, User

NOBODY = "a name that nobody has"


class Facts(dict[str, Any]):
    """What an entry says; what it does not say is empty."""

    def __missing__(self, name: str) -> str:
        return ""


Sentence = str | Callable[[Facts], str]


def names_of(entries: Iterable[AuditEntry]) -> dict[int, str]:
    """The present names of everybody these entries tell of, in one query."""
    ids: set[int] = set()
    for entry in entries:
        ids |= {entry.actor_id} if entry.actor_id else set()
        ids |= {int(entry.target_id)} if _is_user(entry) else set()
        owner = entry.detail.get("owner")
        ids |= {owner} if isinstance(owner, int) else set()
    return dict(User.objects.filter(pk__in=ids).values_list("pk", "username"))


def sentence(entry: AuditEntry, names: Mapping[int, str]) -> str:
    """Such as `carol made alice staff`; `names` as names_of gave them."""
    facts = Facts(entry.detail)
    facts["actor"] = entry.actor_name or ("Somebody" if entry.address else "The server")
    facts["target"] = target_name(entry, names)
    words = SENTENCES.get(entry.action, "{actor}: {action} {target}")
    facts["action"] = entry.action.replace("_", " ")
    text = words(facts) if callable(words) else words.format_map(facts)
    return " ".join(text.split())


def target_name(entry: AuditEntry, names: Mapping[int, str]) -> str:
    """What was acted on, as people call it; '' where nothing was."""
    owner = entry.detail.get("owner", "")
    if isinstance(owner, int):
        owner = names.get(owner, f"user {owner}")
    match entry.target_type:
        case "user":
            now = names.get(int(entry.target_id)) if _is_user(entry) else None
            return now or str(entry.detail.get("username") or f"user {entry.target_id}")
        case "apikey":
            return f"the key “{entry.detail.get('name', '')}” of {owner}"
        case "image":
            return f"a picture of {owner}" if owner else "a picture"
        case "catalogmodel":
            return f"the model {entry.detail.get('model', entry.target_id)}"
    return f"{entry.target_type} {entry.target_id}".strip()


def _is_user(entry: AuditEntry) -> bool:
    return entry.target_type == "user" and entry.target_id.isdecimal()


def _signed_in(facts: Facts) -> str:
    factor = " and a second factor" if facts["second_factor"] else ""
    return f"{facts['actor']} signed in by {facts['means'] or 'password'}{factor}"


def _failed(facts: Facts) -> str:
    return f"A wrong {facts['wrong'] or 'password'} for {facts['username'] or NOBODY}"


def _locked(facts: Facts) -> str:
    return f"Locked out after too many attempts, the last for {facts['username'] or NOBODY}"


def _registered(facts: Facts) -> str:
    if facts["status"] == "pending":
        return f"{facts['username']} asked for an account"
    return f"{facts['target']} got an account"


def _role(facts: Facts) -> str:
    if facts["changed"]:
        rights = ", ".join(name.removeprefix("is_").replace("_", " ") for name in facts["changed"])
        return f"{facts['actor']} changed the rights of {facts['target']}: {rights}"
    return (
        f"{facts['actor']} made {facts['target']} {'staff' if facts['staff'] else 'a plain user'}"
    )


def _quota(facts: Facts) -> str:
    done = "removed the" if facts["gone"] else "set the"
    return f"{facts['actor']} {done} {facts['of'] or 'quota'}"


def _privacy(facts: Facts) -> str:
    done = "shared" if facts["public"] else "ended the share of"
    return f"{facts['actor']} {done} {facts['target']}"


def _password(facts: Facts) -> str:
    own = facts["actor"] == facts["target"]
    return f"{facts['actor']} changed {'their own password' if own else 'the password of'} " + (
        "" if own else facts["target"]
    )


def _job(facts: Facts) -> str:
    done = {"cancel": "cancelled", "delete": "deleted"}.get(facts["asked"], "changed")
    return f"{facts['actor']} {'repeated' if facts['repeats'] else done} {facts['target']}"


def _model(facts: Facts) -> str:
    return f"{facts['actor']} {facts['what'] or 'changed'} {facts['target']}"


def _download(facts: Facts) -> str:
    done = "asked again for" if facts["again"] else "asked for"
    return f"{facts['actor']} {done} the model {facts['name']}"


SENTENCES: Mapping[str, Sentence] = {
    Action.LOGIN: _signed_in,
    Action.LOGIN_FAILED: _failed,
    Action.LOGIN_LOCKED: _locked,
    Action.LOGOUT: "{actor} signed out",
    Action.PASSWORD_CHANGED: _password,
    Action.SECOND_FACTOR_ADDED: "{actor} set up a second factor",
    Action.SECOND_FACTOR_REMOVED: "{actor} removed the second factor of {target}",
    Action.RECOVERY_CODES_RENEWED: "{actor} made new recovery codes",
    Action.SESSIONS_ENDED: "{actor} signed out {sessions} other sessions",
    Action.OPENID_LINKED: "{actor} linked a sign-in by OpenID Connect with {target}",
    Action.OPENID_UNLINKED: "{actor} unlinked a sign-in by OpenID Connect from {target}",
    Action.OPENID_REFUSED: "A sign-in by OpenID Connect was refused",
    Action.KEY_CREATED: "{actor} made {target}",
    Action.KEY_ROTATED: "{actor} rotated {target}",
    Action.KEY_REVOKED: "{actor} revoked {target}",
    Action.INVITE_CREATED: "{actor} made an invite for {uses}",
    Action.INVITE_REVOKED: "{actor} revoked an invite",
    Action.REGISTERED: _registered,
    Action.REGISTRATION_APPROVED: "{actor} approved the account of {target}",
    Action.REGISTRATION_REJECTED: "{actor} rejected the request of {username}",
    Action.USER_DEACTIVATED: "{actor} deactivated {target}",
    Action.USER_REACTIVATED: "{actor} reactivated {target}",
    Action.USER_ROLE_CHANGED: _role,
    Action.USER_ERASED: "{actor} erased {target}",
    Action.GROUP_CHANGED: "{actor} set the rights of the group {name}",
    Action.ROW_DELETED: "{actor} deleted for good: {what}",
    Action.DATA_EXPORTED: "{actor} exported the data of {target}",
    Action.QUOTA_CHANGED: _quota,
    Action.PRIVACY_CHANGED: _privacy,
    Action.PRIVATE_PICTURE_VIEWED: "{actor} looked at a private picture: {target}",
    Action.PICTURE_DELETED: "{actor} deleted {target}",
    Action.JOB_CHANGED: _job,
    Action.MODELS_REFRESHED: "{actor} read the models folder again",
    Action.MODEL_CHANGED: _model,
    Action.MODEL_DELETED: "{actor} deleted the model {model}",
    Action.MODEL_DOWNLOAD_ASKED: _download,
    Action.MODEL_DOWNLOAD_CANCELLED: "{actor} cancelled the download of {name}",
    Action.MODEL_DOWNLOAD_FORGOTTEN: "{actor} took the download of {name} off the list",
    Action.MODEL_DOWNLOADED: "{actor} downloaded the model {name}",
    Action.MODEL_UPLOADED: "{actor} uploaded the model {name}",
    Action.GALLERY_CLEANED: "{actor} applied the rules of retention",
    Action.AUDIT_EXPORTED: "{actor} exported the audit log",
    Action.ACCESS_REFUSED: "{actor} was refused {method} {path}",
}
