"""What can go wrong with a request, named once; each dialect dresses it in its own shape.

Problem
├── Invalid            400 invalid_value (and its kin by `code`)
├── Missing            400 missing_required_parameter
├── Unauthenticated    401 invalid_api_key
├── Forbidden          403 permission_denied
├── NotFound           404 not_found
├── TooLarge           413 too_large
├── WrongType          415 unsupported_media_type
├── QuotaUsed          429 insufficient_quota
├── RateLimited        429 rate_limit_exceeded
└── Busy               503 queue_full, not_ready, storage_full, wait_timeout
"""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest


class Problem(Exception):
    """A refusal with a stable code.

    `status` is the HTTP status, `type` the family OpenAI clients know, `code` our stable name,
    `param` the offending parameter in the caller's vocabulary, `headers` what the reply must add.
    """

    status = 500
    type = "server_error"
    code = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.param = param
        self.headers = dict(headers or {})


class Invalid(Problem):
    status, type, code = 400, "invalid_request_error", "invalid_value"


class Missing(Problem):
    status, type, code = 400, "invalid_request_error", "missing_required_parameter"


class Unauthenticated(Problem):
    status, type, code = 401, "authentication_error", "invalid_api_key"


class Forbidden(Problem):
    status, type, code = 403, "permission_error", "permission_denied"


class NotFound(Problem):
    status, type, code = 404, "invalid_request_error", "not_found"


class TooLarge(Problem):
    status, type, code = 413, "invalid_request_error", "too_large"


class WrongType(Problem):
    status, type, code = 415, "invalid_request_error", "unsupported_media_type"


class QuotaUsed(Problem):
    """Asking again helps nothing before the quota's reset: SDKs must not retry by themselves.

    `quota` goes into the error's body where the dialect's shape allows it.
    """

    status, type, code = 429, "rate_limit_error", "insufficient_quota"

    def __init__(self, message: str, *, quota: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, headers={"x-should-retry": "false"})
        self.quota = dict(quota or {})


class RateLimited(Problem):
    """Asked too often; `retry_after` is in whole seconds, 1 to 60."""

    status, type, code = 429, "rate_limit_error", "rate_limit_exceeded"

    def __init__(self, message: str, *, retry_after: int) -> None:
        wait = max(1, min(60, retry_after))
        super().__init__(message, headers={"Retry-After": str(wait)})


class Busy(Problem):
    """The server cannot take this now; `retry_after` is in whole seconds, 1 to 60."""

    status, type, code = 503, "server_error", "queue_full"

    def __init__(self, message: str, *, code: str | None = None, retry_after: int = 5) -> None:
        wait = max(1, min(60, retry_after))
        super().__init__(message, code=code, headers={"Retry-After": str(wait)})


def wants_json(request: HttpRequest) -> bool:
    """Whether whoever asks for a page would rather read JSON; a browser never would."""
    liked = request.get_preferred_type(["text/html", "application/json"])
    return liked == "application/json"
