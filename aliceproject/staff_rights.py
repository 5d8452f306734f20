"""What the role of staff may do under /admin/: no more than on its pages and in the API."""

from typing import Any

from django.contrib.auth.backends import BaseBackend

# People, keys, quotas, models and albums are changed elsewhere, or by superusers.
RIGHTS = frozenset(
    {
        "gallery.view_image",
        # For the actions alone: no field of a picture, job, invite or request can be edited there.
        "gallery.change_image",
        "gallery.delete_image",
        "generation.view_job",
        "generation.change_job",
        "generation.delete_job",
        "generation.view_workerstatus",
        "accounts.view_invite",
        "accounts.change_invite",
        "accounts.view_registration",
        "accounts.change_registration",
        "accounts.view_usage",
        "accounts.view_auditentry",
    }
)


class StaffRights(BaseBackend):
    """Knows nobody by a password; of those who are known, the staff have these rights."""

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set(RIGHTS) if user_obj.is_active and user_obj.is_staff else set()

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return any(
            right.startswith(f"{app_label}.") for right in self.get_user_permissions(user_obj)
        )
