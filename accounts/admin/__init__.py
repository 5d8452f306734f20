"""People and what is theirs in the administration, a subject a module."""

from accounts.admin import api_keys, audit_log, groups, joining, people, quotas

__all__ = ["api_keys", "audit_log", "groups", "joining", "people", "quotas"]
