import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import names
from accounts.models import User


@pytest.mark.parametrize(
    "twin",
    [
        "Alice",
        "ALICE",
        "\N{FULLWIDTH LATIN SMALL LETTER A}lice",
        "\N{CYRILLIC SMALL LETTER A}lice",
        "\N{CYRILLIC CAPITAL LETTER A}LICE",
        "al\N{LATIN SMALL LETTER DOTLESS I}ce",
        "al\N{CYRILLIC SMALL LETTER BYELORUSSIAN-UKRAINIAN I}ce",
        "\N{GREEK SMALL LETTER ALPHA}lic\N{CYRILLIC SMALL LETTER IE}",
    ],
)
def test_names_that_look_alike_have_one_key(twin: str) -> None:
    assert names.key_of(twin) == names.key_of("alice")


@pytest.mark.parametrize("other", ["alice1", "alíce", "alic", "allce", "алиса", "a.lice"])
def test_other_names_have_keys_of_their_own(other: str) -> None:
    assert names.key_of(other) != names.key_of("alice")


@given(st.text(max_size=150))
def test_case_never_tells_names_apart(name: str) -> None:
    assert names.key_of(name) == names.key_of(name.casefold())


@given(st.text(alphabet=st.characters(categories=["L", "N"]), max_size=150))
def test_a_key_always_fits_its_column(name: str) -> None:
    longest = User._meta.get_field("name_key").max_length
    assert longest is not None
    assert len(names.key_of(User.normalize_username(name)[:150])) <= longest


@pytest.mark.parametrize(
    "name", ["local", "Admin", "ROOT", "\N{FULLWIDTH LATIN SMALL LETTER A}dmin"]
)
def test_names_that_speak_for_the_server_are_reserved(name: str) -> None:
    assert names.reserved(name)
