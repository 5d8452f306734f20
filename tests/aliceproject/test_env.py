"""Settings are typed, refused with words, and remember what they declared."""

from pathlib import Path

import pytest

from aliceproject.env import Environment, SettingError


def environment(tmp_path: Path, file: str = "", **variables: str) -> Environment:
    (tmp_path / ".env").write_text(file)
    return Environment(tmp_path / ".env", variables)


def test_the_process_wins_over_the_file(tmp_path: Path) -> None:
    env = environment(tmp_path, "ALICE_A=file", ALICE_A="process")
    assert env.text("ALICE_A", help="") == "process"


def test_the_file_wins_over_the_default(tmp_path: Path) -> None:
    env = environment(tmp_path, "ALICE_A=file")
    assert env.text("ALICE_A", "default", help="") == "file"


def test_an_empty_value_means_the_default(tmp_path: Path) -> None:
    env = environment(tmp_path, ALICE_A="")
    assert env.integer("ALICE_A", 7, low=1, high=9, help="") == 7


def test_our_own_name_wins_over_an_alias_and_says_so(tmp_path: Path) -> None:
    env = environment(tmp_path, ALICE_A="1", OLD="2")
    assert env.text("ALICE_A", help="", aliases=("OLD",)) == "1"
    assert env.warnings == ["ALICE_A=1 wins over OLD=2: both set one thing"]


def test_an_alias_that_agrees_says_nothing(tmp_path: Path) -> None:
    env = environment(tmp_path, ALICE_A="1", OLD="1")
    env.text("ALICE_A", help="", aliases=("OLD",))
    assert env.warnings == []


@pytest.mark.parametrize("raw", ["0", "10", "x", "1.5", "nan", ""])
def test_a_whole_number_outside_its_range_names_source_key_value_and_range(
    tmp_path: Path, raw: str
) -> None:
    env = environment(tmp_path, ALICE_A=raw or " ")
    with pytest.raises(SettingError, match=r"environment: ALICE_A='.*a whole number from 1 to 9"):
        env.integer("ALICE_A", 5, low=1, high=9, help="")


@pytest.mark.parametrize("raw", ["-1", "nan", "inf", "x"])
def test_a_number_outside_its_range_is_refused(tmp_path: Path, raw: str) -> None:
    env = environment(tmp_path, ALICE_A=raw)
    with pytest.raises(SettingError, match="a number from 0 to 1"):
        env.number("ALICE_A", 0.5, low=0, high=1, help="")


def test_a_conflict_of_secrets_tells_neither(tmp_path: Path) -> None:
    env = environment(tmp_path, ALICE_A="one", OLD="two")
    assert env.secret("ALICE_A", help="", aliases=("OLD",)) == "one"
    assert env.warnings == ["ALICE_A wins over OLD: both set one thing"]


@pytest.mark.parametrize(("raw", "value"), [("TRUE", True), ("1", True), ("off", False)])
def test_flags_read_the_usual_words(tmp_path: Path, raw: str, value: bool) -> None:
    assert environment(tmp_path, ALICE_A=raw).flag("ALICE_A", default=False, help="") is value


def test_an_unclear_flag_is_refused_rather_than_false(tmp_path: Path) -> None:
    env = environment(tmp_path, ALICE_REQUIRE_AUTH="ture")
    with pytest.raises(SettingError, match="must be true or false"):
        env.flag("ALICE_REQUIRE_AUTH", default=True, help="")


def test_a_refusal_names_the_file(tmp_path: Path) -> None:
    env = environment(tmp_path, "ALICE_A=x")
    with pytest.raises(SettingError, match=r"\.env: ALICE_A='x'"):
        env.choice("ALICE_A", "a", ("a", "b"), help="")


@pytest.mark.parametrize("raw", ["example.com", "ftp://example.com", "http://", "https:///"])
def test_a_url_needs_a_known_scheme_and_a_host(tmp_path: Path, raw: str) -> None:
    env = environment(tmp_path, ALICE_A=raw)
    with pytest.raises(SettingError, match="a URL beginning http:// or https://"):
        env.url("ALICE_A", ("http", "https"), help="")


def test_names_are_split_at_commas(tmp_path: Path) -> None:
    assert environment(tmp_path, ALICE_A=" a, b ,").names("ALICE_A", help="") == ["a", "b"]


def test_a_folder_is_absolute(tmp_path: Path) -> None:
    folder = environment(tmp_path, ALICE_A="~/x").folder("ALICE_A", tmp_path, help="")
    assert folder == Path.home() / "x"


def test_a_name_nothing_reads_is_unknown(tmp_path: Path) -> None:
    env = environment(tmp_path, "ALICE_TYPO=1", ALICE_A="1", OTHER="1", ALICE_KEY="a caller's")
    env.text("ALICE_A", help="")
    assert env.unknown() == ["ALICE_TYPO"]
