"""The provider as a process of its own on a free port, with people and one client."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.live import ROOT, Live, free_port

CLIENT_ID, CLIENT_SECRET = "alice-server", "a secret between two servers"
# Everybody's password there, which nobody has here.
SECRET = "only the provider knows"
START_SECONDS = 60.0
CALLBACK = "/web/login/openid/callback"
SET_UP = f"""
from django.contrib.auth.models import User
from oauth2_provider.models import Application
Application.objects.create(
    name="ALICE", client_id="{CLIENT_ID}", client_secret="{CLIENT_SECRET}", algorithm="RS256",
    client_type="confidential", authorization_grant_type="authorization-code",
    skip_authorization=True, redirect_uris="http://127.0.0.1:1{CALLBACK}",
)
for name in %r:
    User.objects.create_user(name, f"{{name}}@id.example", "{SECRET}")
"""


@dataclass
class Provider:
    url: str
    folder: Path
    env: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def issuer(self) -> str:
        return f"{self.url}/o"

    @property
    def settings(self) -> dict[str, str]:
        """What a server that uses this provider is configured by."""
        return {
            "ALICE_OIDC_ISSUER": self.issuer,
            "ALICE_OIDC_CLIENT_ID": CLIENT_ID,
            "ALICE_OIDC_CLIENT_SECRET": CLIENT_SECRET,
            "ALICE_OIDC_LABEL": "House",
        }

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "django", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def knows(self, *servers: Live) -> None:
        """Register the addresses that these servers are come back to."""
        uris = " ".join(f"{live.url}{CALLBACK}" for live in servers)
        code = "from oauth2_provider.models import Application\n"
        self.manage(
            "shell", "-v0", "-c", f"{code}Application.objects.update(redirect_uris={uris!r})"
        )

    def subject(self, name: str) -> str:
        code = f"from django.contrib.auth.models import User\nprint(User.objects.get(username={name!r}).pk)"
        return self.manage("shell", "-v0", "-c", code).splitlines()[-1]

    def start(self) -> None:
        address = self.url.removeprefix("http://")
        with (self.folder / "provider.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "django", "runserver", "--noreload", address],
                cwd=ROOT, env=self.env, stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                if httpx2.get(f"{self.issuer}/.well-known/openid-configuration").is_success:
                    return
            except httpx2.TransportError:
                time.sleep(0.1)
        raise AssertionError((self.folder / "provider.log").read_text())

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(15)
            self.process = None


@contextmanager
def provider(*people: str) -> Iterator[Provider]:
    with tempfile.TemporaryDirectory(prefix="alice-provider-") as name:
        folder, url = Path(name), f"http://127.0.0.1:{free_port()}"
        (folder / "key.pem").write_bytes(_key())
        kept = {k: v for k, v in os.environ.items() if not k.startswith("ALICE_")}
        env = kept | {
            "DJANGO_SETTINGS_MODULE": "tests.identity_provider.settings",
            "PROVIDER_FOLDER": str(folder),
            "PROVIDER_URL": url,
            "PYTHONPATH": str(ROOT),
            # The library asks for TLS, which a loopback port has no use for.
            "OAUTHLIB_INSECURE_TRANSPORT": "1",
        }
        made = Provider(url, folder, env)
        made.manage("migrate", "-v0")
        made.manage("shell", "-v0", "-c", SET_UP % (people,))
        made.start()
        try:
            yield made
        finally:
            made.stop()


def _key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
