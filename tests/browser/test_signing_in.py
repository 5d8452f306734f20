"""The door in a real browser: wrong passwords, the lock, the second factor, proving it again."""

import json
import re
from base64 import b32decode
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from django_otp.oath import totp
from playwright.async_api import Browser, StorageState, expect

from tests.browser.conftest import PASSWORD, PATIENCE_MS, SET_UP, Scheme, Window, opened
from tests.live import Live, service

pytestmark = pytest.mark.asyncio(loop_scope="module")
expect.set_options(timeout=PATIENCE_MS)

PHONE, DESK = 360, 1280
SECURITY, FACTOR = "/web/account/security", "/web/account/second-factor"
AUDIT = "/web/administration/audit"
# Each test has somebody of its own: one's second factor or lock must not be the next one's.
PEOPLE = f"""
for name in ("dora", "erin", "frank", "gina", "hugo"):
    User.objects.create_user(name, password="{PASSWORD}")
User.objects.create_user("carol", password="{PASSWORD}", is_staff=True)
"""
PROTECT = """
import json
from accounts import second_factor
from accounts.models import User
from django_otp.oath import totp
user = User.objects.get(username="{name}")
app = second_factor.begin(user)
codes = second_factor.confirm(user, f"{{totp(app.bin_key):06}}")
print(json.dumps([app.bin_key.hex(), codes]))
"""
AGE = """
from accounts.models import Session, User
for session in Session.objects.filter(user__username="{name}"):
    store = session.get_session_store_class()(session.session_key)
    store["alice_proved_at"] -= 3600
    store.save()
"""


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """Four wrong attempts lock; what another test did wrong is forgotten by its right password."""
    with service(worker=False, ALICE_LOGIN_ATTEMPTS="4") as started:
        started.manage("shell", "-v0", "-c", SET_UP + PEOPLE)
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def person(chromium: Browser, live: Live) -> AsyncIterator[Window]:
    """A window without a session; 4xx of the door itself are no trouble."""
    async with opened(chromium, live) as fresh:
        yield fresh
        assert [t for t in fresh.troubles if not re.search(r"status of 4(03|29)", t)] == []


def protect(live: Live, name: str) -> tuple[bytes, list[str]]:
    """Gives `name` a second factor; the app's secret and the recovery codes."""
    said = live.manage("shell", "-v0", "-c", PROTECT.format(name=name))
    secret, codes = json.loads(said.strip().splitlines()[-1])
    return bytes.fromhex(secret), codes


def secret_of(spelled: str) -> bytes:
    plain = spelled.replace(" ", "")
    return b32decode(plain + "=" * (-len(plain) % 8))


async def try_to_sign_in(window: Window, name: str, password: str = PASSWORD) -> None:
    await window.visit("/web/login")
    await window.page.get_by_label("User name").fill(name)
    await window.page.get_by_label("Password").fill(password)
    await window.page.get_by_role("button", name="Sign in").click()


async def test_a_wrong_password_is_told_and_the_right_one_opens(person: Window) -> None:
    await try_to_sign_in(person, "dora", "wrong")
    await expect(person.page.get_by_role("alert")).to_contain_text("No account opens")
    await expect(person.page.get_by_label("User name")).to_have_value("dora")
    await try_to_sign_in(person, "dora")
    await person.page.wait_for_url("**/web/")


async def test_the_code_of_the_app_follows_the_password(person: Window, live: Live) -> None:
    secret, _ = protect(live, "erin")
    await try_to_sign_in(person, "erin")
    await person.page.get_by_label("Code", exact=True).fill(f"{totp(secret, drift=1):06}")
    await person.is_open_to_all()
    await person.page.get_by_role("button", name="Sign in").click()
    await person.page.wait_for_url("**/web/")


async def test_a_recovery_code_opens_once(person: Window, live: Live) -> None:
    _, codes = protect(live, "frank")
    await try_to_sign_in(person, "frank")
    await person.page.get_by_label("Code", exact=True).fill(codes[0])
    await person.page.get_by_role("button", name="Sign in").click()
    await person.page.wait_for_url("**/web/")
    await person.visit(SECURITY)
    await expect(person.page.get_by_text("Recovery codes left: 9")).to_be_visible()


async def test_turning_the_second_factor_off_is_asked_about(person: Window, live: Live) -> None:
    _, codes = protect(live, "frank")
    await try_to_sign_in(person, "frank")
    await person.page.get_by_label("Code", exact=True).fill(codes[0])
    await person.page.get_by_role("button", name="Sign in").click()
    await person.page.wait_for_url("**/web/")
    await person.visit(SECURITY)
    off = person.page.get_by_role("button", name="Turn off")
    await off.click()
    await person.page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    await expect(off).to_be_focused()
    await off.click()
    await person.page.get_by_role("dialog").get_by_role("button", name="Turn off").click()
    await expect(person.page.get_by_text("asks for your password only")).to_be_visible()


async def test_a_second_factor_is_set_up_from_the_menu(person: Window) -> None:
    await person.sign_in("dora")
    await person.page.get_by_label("Account menu").click()
    await person.page.get_by_role("link", name="Security and sign-in").click()
    await person.page.get_by_role("link", name="Set up").click()
    await person.page.get_by_role("button", name="Show the QR code").click()
    await expect(person.page.get_by_role("img", name="A QR code")).to_be_visible()
    await person.is_open_to_all()
    spelled = await person.page.locator(".secret-key").inner_text()
    await person.page.get_by_label("Code", exact=True).fill(f"{totp(secret_of(spelled)):06}")
    await person.page.get_by_role("button", name="Turn on").click()
    await expect(person.page.get_by_role("listitem")).to_have_count(10)


async def test_an_old_session_proves_it_again_and_goes_on(person: Window, live: Live) -> None:
    await person.sign_in("gina")
    live.manage("shell", "-v0", "-c", AGE.format(name="gina"))
    await person.visit(FACTOR)
    await expect(person.page).to_have_url(re.compile("/web/confirm"))
    await person.page.get_by_label("Password").fill("wrong")
    await person.page.get_by_role("button", name="Confirm").click()
    await expect(person.page.get_by_role("alert")).to_contain_text("not right")
    await person.page.get_by_label("Password").fill(PASSWORD)
    await person.page.get_by_role("button", name="Confirm").click()
    await expect(person.page).to_have_url(re.compile(FACTOR))


async def test_other_browsers_are_seen_and_signed_out(
    person: Window, chromium: Browser, live: Live
) -> None:
    async with opened(chromium, live) as other:
        await other.sign_in("gina")
        await person.sign_in("gina")
        await person.visit(SECURITY)
        sessions = person.page.get_by_role("listitem")
        before = await sessions.count()
        await person.page.get_by_role("button", name="Sign out all others").click()
        await expect(person.page.get_by_text("Every other browser is signed out.")).to_be_visible()
        assert (before >= 2, await sessions.count()) == (True, 1)
        await other.visit("/web/")
        await expect(other.page).to_have_url(re.compile("/web/login"))


async def test_a_new_password_opens_and_the_old_one_does_not(person: Window) -> None:
    await person.sign_in("hugo")
    await person.visit("/web/account/password")
    fields = person.page.locator("input[type=password]")
    for number, text in enumerate((PASSWORD, "staple battery 9", "staple battery 9")):
        await fields.nth(number).fill(text)
    await person.page.get_by_role("button", name=re.compile("Change")).click()
    await expect(person.page.get_by_text("Your password is changed.")).to_be_visible()
    await person.page.get_by_label("Account menu").click()
    await person.page.get_by_role("button", name="Sign out", exact=True).click()
    await expect(person.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await try_to_sign_in(person, "hugo")
    await expect(person.page.get_by_role("alert")).to_be_visible()
    await try_to_sign_in(person, "hugo", "staple battery 9")
    await person.page.wait_for_url("**/web/")


async def test_staff_read_the_log_in_words_and_by_filter(person: Window) -> None:
    await person.sign_in("carol")
    await person.visit(AUDIT)
    await person.page.get_by_label("Who did it").fill("carol")
    await person.page.get_by_role("button", name="Find").click()
    await person.page.wait_for_url("**actor=carol*")
    entry = person.page.locator(".trail details", has_text="carol signed in by password").first
    await entry.locator("summary").click()
    await expect(entry.get_by_role("link", name="login", exact=True)).to_be_visible()
    async with person.page.expect_download() as taken:
        await person.page.get_by_role("button", name="CSV").click()
    assert (await taken.value).suggested_filename.endswith(".csv")


@pytest.mark.parametrize(("scheme", "width"), [("light", DESK), ("dark", DESK), ("light", PHONE),
                                               ("dark", PHONE)])  # fmt: skip
async def test_the_pages_are_open_to_all(
    chromium: Browser, live: Live, carols: StorageState, scheme: Scheme, width: int
) -> None:
    async with opened(chromium, live, scheme=scheme, width=width, storage_state=carols) as window:
        for path in (SECURITY, "/web/account/password", FACTOR, AUDIT, f"{AUDIT}?action=login"):
            await window.visit(path)
            await window.is_open_to_all()
        assert window.troubles == []


async def test_the_lock_says_how_long(person: Window) -> None:
    """The last test of this file: the address stays locked."""
    for _ in range(4):
        await try_to_sign_in(person, "alice", "wrong")
        await expect(person.page.get_by_role("alert")).to_be_visible()
    await try_to_sign_in(person, "alice")
    await expect(person.page.get_by_role("heading", name="Locked for a while")).to_be_visible()
    await expect(person.page.get_by_role("alert")).to_contain_text("15 minutes")
    await person.is_open_to_all()
