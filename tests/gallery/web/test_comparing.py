"""Two pictures beside each other, and what their recipes do not share."""

from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import AuditEntry, User
from gallery.models import Image
from gallery.web import comparing
from tests.gallery.conftest import Asked, Keep, recipe

COMPARE = "/web/gallery/compare"


def address(left: Image, right: Image | None = None) -> str:
    return f"{COMPARE}?left={left.pk}" + (f"&right={right.pk}" if right else "")


def differing(left: Image, right: Image) -> set[str]:
    return {row.label for row in comparing.differences(left, right) if row.differs}


def marked(pieces: comparing.Text) -> list[str]:
    return [text for text, own in pieces if own]


def test_a_picture_does_not_differ_from_itself(alice: User, keep: Keep) -> None:
    image = keep(alice)
    assert differing(image, image) == set()


def test_only_what_differs_is_marked(alice: User, keep: Keep) -> None:
    changed = recipe(seed=7, num_inference_steps=30, clip_skip=2).to_json()
    left, right = keep(alice, seed=42), keep(alice, seed=7, recipe=changed)
    assert differing(left, right) == {"Seed", "Steps", "Clip skip"}


def test_prompts_are_compared_word_by_word(alice: User, keep: Keep) -> None:
    left, right = keep(alice, prompt="a red boat at sea"), keep(alice, prompt="a blue boat at sea")
    row = next(comparing.differences(left, right))
    assert (marked(row.left), marked(row.right)) == (["red"], ["blue"])


def test_very_long_prompts_differ_as_a_whole(alice: User, keep: Keep) -> None:
    long = "word " * 5000
    row = next(comparing.differences(keep(alice, prompt=long), keep(alice, prompt=long + "x")))
    assert row.differs
    assert len(row.left) == len(row.right) == 1


def test_the_page_counts_the_differences(hers: Client, alice: User, keep: Keep) -> None:
    left, right = keep(alice, seed=1), keep(alice, seed=2)
    page = hers.get(address(left, right)).content.decode()
    assert "values differ" in page
    assert "<mark>1</mark>" in page


def test_with_one_picture_the_other_is_chosen_from_a_wall(
    hers: Client, alice: User, keep: Keep
) -> None:
    left, right = keep(alice), keep(alice)
    page = hers.get(address(left)).content.decode()
    assert f"left={left.pk}&amp;right={right.pk}" in page
    assert f"right={left.pk}" not in page


def test_with_none_the_first_is_chosen(hers: Client, alice: User, keep: Keep) -> None:
    assert f'href="?left={keep(alice).pk}"' in hers.get(COMPARE).content.decode()


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_picture_of_another_is_absent(his: Client, alice: User, keep: Keep, side: str) -> None:
    for key in (keep(alice).pk, uuid4(), "x"):
        assert his.get(f"{COMPARE}?{side}={key}").status_code == 404


def test_a_shared_one_can_be_compared(his: Client, alice: User, bob: User, keep: Keep) -> None:
    sides = keep(bob), keep(alice, is_public=True)
    assert his.get(address(*sides)).status_code == 200


def test_staff_who_compare_a_private_picture_leave_a_trace(
    staff: User, alice: User, keep: Keep
) -> None:
    client, image = Client(), keep(alice)
    client.force_login(staff)
    client.get(address(image))
    entry = AuditEntry.objects.get(action="private_picture_viewed")
    assert entry.target_id == str(image.pk)


def test_prompts_are_text_and_never_markup(hers: Client, alice: User, keep: Keep) -> None:
    hostile = keep(alice, prompt='"><svg onload=alert(1)> boat')
    page = hers.get(address(hostile, keep(alice))).content.decode()
    assert "<svg onload" not in page


def test_choosing_asks_as_much_for_many_as_for_one(
    hers: Client, alice: User, keep: Keep, asked: Asked
) -> None:
    hers.get(COMPARE)
    keep(alice)
    for_one = asked(COMPARE)
    for _ in range(4):
        keep(alice)
    assert asked(COMPARE) == for_one
