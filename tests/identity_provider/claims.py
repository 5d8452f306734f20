"""What the provider tells of its people."""

from typing import Any

from oauth2_provider.oauth2_validators import OAuth2Validator


class Claims(OAuth2Validator):  # type: ignore[misc] # the library carries no types
    def get_additional_claims(self, request: Any) -> dict[str, Any]:
        return {"preferred_username": request.user.username, "email": request.user.email}
