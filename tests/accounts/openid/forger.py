"""A provider on a loopback port that signs with real keys and says whatever a test wants."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

Facts = dict[str, Any]
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CURVE = ec.generate_private_key(ec.SECP256R1())
PUBLIC_PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def jwk(private: Any, kid: str) -> Facts:
    kind: Any = RSAAlgorithm if isinstance(private, rsa.RSAPrivateKey) else ECAlgorithm
    public: Facts = kind.to_jwk(private.public_key(), as_dict=True)
    return public | {"kid": kid, "use": "sig"}


@dataclass
class Answer:
    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0


@dataclass
class Forger:
    """`claims` overrides what an ID token says (None leaves a claim out); `answers` whole replies
    by path; `asked` are the requests so far, with what they held.
    """

    issuer: str
    claims: Facts = field(default_factory=dict)
    userinfo: Facts = field(default_factory=dict)
    discovery: Facts = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    keys: list[Facts] = field(default_factory=lambda: [jwk(RSA, "one")])
    sign: Callable[[Facts], str] = lambda claims: jwt.encode(
        claims, RSA, algorithm="RS256", headers={"kid": "one"}
    )
    nonce: str = ""
    asked: list[tuple[str, Facts]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def documents(self) -> dict[str, Facts]:
        own = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }
        return {
            "/.well-known/openid-configuration": own | self.discovery,
            "/keys": {"keys": self.keys},
            "/userinfo": self.userinfo,
            "/token": {
                "access_token": "an access",
                "token_type": "Bearer",
                "id_token": self.token(),
            },
        }

    def token(self) -> str:
        now = int(time.time())
        told = {
            "iss": self.issuer,
            "sub": "248289761001",
            "aud": "alice-server",
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce,
            "auth_time": now,
            "preferred_username": "dora",
        } | self.claims
        return self.sign({name: value for name, value in told.items() if value is not None})

    def depart(self, client: Client, path: str = "/web/login/openid", **query: str) -> Facts:
        """The parameters that the browser takes to the provider."""
        reply = client.get(path, query)
        assert reply.status_code == 302, reply.content.decode()
        where = urlsplit(reply.headers["Location"])
        assert f"{where.scheme}://{where.netloc}{where.path}" == f"{self.issuer}/authorize"
        sent = {name: value for name, [value] in parse_qs(where.query).items()}
        self.nonce = sent["nonce"]
        return sent

    def arrive(self, client: Client, state: str, **more: str) -> Any:
        query = {"state": state, "code": "a code"} | more
        return client.get("/web/login/openid/callback", query)

    def round_trip(self, client: Client, path: str = "/web/login/openid", **query: str) -> Any:
        return self.arrive(client, self.depart(client, path, **query)["state"])


@contextmanager
def forging() -> Iterator[Forger]:
    forger = Forger("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer({name: value for name, [value] in parse_qs(body).items()})

        def _answer(self, form: Facts) -> None:
            forger.asked.append((self.path, form))
            forger.headers.append(dict(self.headers))
            answer = forger.answers.get(self.path) or self._usual()
            time.sleep(answer.wait)
            self.send_response(answer.status)
            headers = {"Content-Type": "application/json", "Content-Length": str(len(answer.body))}
            for name, value in (headers | answer.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def _usual(self) -> Answer:
            found = forger.documents().get(self.path)
            return Answer(json.dumps(found or {}).encode(), 200 if found is not None else 404)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: tests say what they want to see."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    forger.issuer = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield forger
    finally:
        server.shutdown()
        server.server_close()
