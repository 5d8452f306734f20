from typing import Any

import pytest
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from accounts import keys
from accounts.authentication import AliceAuthentication
from accounts.models import User
from accounts.problems import Forbidden, Unauthenticated


class Reading(APIView):
    required_scope = "read"

    def get(self, request: Request) -> Response:
        return Response({"user": request.user.username})

    def handle_exception(self, exc: Exception) -> Response:
        raise exc


class Staffed(Reading):
    required_scope = "admin"


class Forgotten(Reading):
    required_scope = ""


def call(view: type[APIView], secret: str = "") -> Any:
    headers = {"X-Api-Key": secret} if secret else {}
    return view.as_view()(APIRequestFactory().get("/", headers=headers))


def test_view_lets_its_scope_in(alice: User) -> None:
    secret = keys.mint(alice, "test", ["read"])[1]
    assert call(Reading, secret).data == {"user": "alice"}


def test_view_refuses_another_scope(alice: User) -> None:
    secret = keys.mint(alice, "test", ["generate"])[1]
    with pytest.raises(Forbidden):
        call(Reading, secret)


def test_view_refuses_the_anonymous(db: None) -> None:
    with pytest.raises(Unauthenticated):
        call(Reading)


def test_view_without_a_scope_lets_nobody_in(staff: User) -> None:
    secret = keys.mint(staff, "test", ["read", "admin"])[1]
    with pytest.raises(Exception, match="permission"):
        call(Forgotten, secret)


def test_staff_view_lets_an_admin_key_in(staff: User) -> None:
    secret = keys.mint(staff, "test", ["admin"])[1]
    assert call(Staffed, secret).data == {"user": "carol"}


def test_strangers_are_asked_for_a_bearer_key() -> None:
    challenge = AliceAuthentication().authenticate_header(Request(APIRequestFactory().get("/")))
    assert challenge == "Bearer"
