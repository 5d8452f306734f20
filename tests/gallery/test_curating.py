from collections.abc import Callable
from functools import partial

import pytest

from accounts import audit
from accounts.audit import Source
from accounts.models import User
from accounts.problems import Forbidden, Invalid, NotFound
from gallery import curating, storage
from gallery.models import Image
from tests.accounts.conftest import at_once
from tests.gallery.conftest import Keep


def tags_of(image: Image) -> list[str]:
    return [tag.name for tag in image.tags.all()]


def test_tags_are_trimmed_lowered_and_each_once() -> None:
    tags = curating.clean_tags([" Sunset ", "sunset", "ÄPFEL", "new york"])
    assert tags == curating.Tags(("sunset", "äpfel", "new york"), ("sunset",))


def test_two_spellings_of_one_letter_are_one_tag() -> None:
    assert curating.clean_tags(["caf\u00e9", "cafe\u0301"]).names == ("caf\u00e9",)


@pytest.mark.parametrize(
    "word", ["", "  ", "x" * 51, "a\x00b", "a\nb", "a\u202eb", "\ud800", "a,b", "a\u2028b"]
)
def test_what_is_no_tag_is_refused(word: str) -> None:
    with pytest.raises(Invalid) as caught:
        curating.clean_tags(["fine", word])
    assert caught.value.param == "tags"


def test_twenty_tags_are_the_most_once_merged() -> None:
    names = [f"tag {number}" for number in range(20)]
    assert len(curating.clean_tags([*names, "TAG 3"]).names) == 20
    with pytest.raises(Invalid):
        curating.clean_tags([*names, "one more"])


def test_tags_are_replaced(alice: User, keep: Keep) -> None:
    image = keep(alice)
    curating.set_tags(image, ["a", "b"])
    curating.set_tags(image, ["b", "c"])
    assert tags_of(image) == ["b", "c"]
    curating.set_tags(image, [])
    assert tags_of(image) == []


def test_tags_are_added_and_taken_off(alice: User, keep: Keep) -> None:
    image = keep(alice)
    curating.add_tags(image, ["a", "B"])
    curating.add_tags(image, ["b", "c"])
    curating.drop_tags(image, ["A", "never there"])
    assert tags_of(image) == ["b", "c"]


def test_adding_beyond_twenty_adds_nothing(alice: User, keep: Keep) -> None:
    image = keep(alice)
    curating.set_tags(image, [f"t{number}" for number in range(19)])
    with pytest.raises(Invalid):
        curating.add_tags(image, ["x", "y"])
    assert len(tags_of(image)) == 19


def test_counts_are_of_ones_own_pictures(alice: User, bob: User, keep: Keep) -> None:
    first, second, gone = keep(alice), keep(alice), keep(alice)
    for image, names in ((first, ["a", "b"]), (second, ["a"]), (gone, ["a", "c"])):
        curating.set_tags(image, names)
    curating.set_tags(keep(bob, is_public=True), ["a", "d"])
    Image.objects.filter(pk=gone.pk).update(state=Image.State.DELETING)
    assert curating.tag_counts(alice) == [("a", 2), ("b", 1)]


def test_marks_are_kept(alice: User, keep: Keep) -> None:
    image = keep(alice)
    curating.set_favourite(image, on=True, by=Source(alice))
    curating.set_keep(image, on=True)
    assert (image.favourite, image.keep) == (True, True)
    image.refresh_from_db()
    assert (image.favourite, image.keep) == (True, True)


@pytest.mark.parametrize("deed", ["set_tags", "add_tags", "drop_tags"])
def test_tags_are_their_owners_to_set(
    alice: User, bob: User, staff: User, keep: Keep, deed: str
) -> None:
    image = keep(alice, is_public=True)
    curating.set_tags(image, ["hers"])
    for user in (bob, staff):
        with pytest.raises(Forbidden):
            getattr(curating, deed)(image, ["his"], audit.Source(user))
    assert tags_of(image) == ["hers"]


def test_marks_are_their_owners_to_set(alice: User, bob: User, keep: Keep) -> None:
    image = keep(alice, is_public=True)
    for mark in (curating.set_favourite, curating.set_keep):
        with pytest.raises(Forbidden):
            mark(image, on=True, by=Source(bob))
    assert not Image.objects.filter(favourite=True).exists()


@pytest.mark.django_db(transaction=True)
def test_tags_that_are_added_at_once_all_stay(alice: User, keep: Keep) -> None:
    image = keep(alice)
    names = [f"tag {number}" for number in range(6)]
    done, refused = at_once(*[partial(curating.add_tags, image, [name]) for name in names])
    assert (len(done), refused) == (len(names), [])
    assert sorted(tag.name for tag in image.tags.all()) == names


@pytest.mark.parametrize(
    "deed",
    [
        lambda image: curating.set_tags(image, ["x"]),
        lambda image: curating.add_tags(image, ["x"]),
        lambda image: curating.set_keep(image, on=True),
    ],
)
@pytest.mark.parametrize("gone", [True, False])
def test_nothing_is_made_of_a_picture_that_was_deleted_meanwhile(
    alice: User, keep: Keep, deed: Callable[[Image], object], gone: bool
) -> None:
    image = keep(alice)
    (storage.delete if gone else storage.hide)(Image.objects.get(pk=image.pk))
    with pytest.raises(NotFound):
        deed(image)
