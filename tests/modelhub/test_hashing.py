"""Digests: of every model in time, and what is told by them."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from modelhub import hashing
from modelhub.models import Alias, CatalogModel
from modelhub.scanning import scan
from tests.modelhub import real_headers
from tests.modelhub.conftest import MakeModel

pytestmark = pytest.mark.django_db
State = CatalogModel.State


def small(folder: Path, name: str) -> Path:
    """A LoRA of a few kilobytes, so that reading it all takes no time."""
    folder.mkdir(exist_ok=True)
    return real_headers.build("embedding-sd1", folder, called=name)


def test_a_file_has_the_digest_of_its_bytes(models_dir: Path) -> None:
    file = small(models_dir, "x")
    scan()
    assert hashing.hash_waiting(60, rest=0)
    assert CatalogModel.objects.get().sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_folder_has_one_digest_for_all_its_weights(
    make_model: MakeModel, models_dir: Path
) -> None:
    first, second = make_model("one"), make_model("two")
    assert hashing.digest_of(first) == hashing.digest_of(second)
    weights = next((second / "unet").glob("*.safetensors"))
    weights.rename(weights.with_name("other.safetensors"))
    assert hashing.digest_of(first) != hashing.digest_of(second)


def test_the_newest_comes_first_and_the_rest_goes_on_later(models_dir: Path) -> None:
    for name in ("a", "b", "c"):
        small(models_dir, name)
        scan()
    assert not hashing.hash_waiting(0, rest=0)
    assert CatalogModel.objects.exclude(sha256="").get().path == "c.safetensors"
    assert hashing.hash_waiting(60, rest=0)
    assert not hashing.waiting().exists()


def test_the_older_of_two_alike_is_the_original(models_dir: Path) -> None:
    small(models_dir, "b")
    scan()
    shutil.copyfile(models_dir / "b.safetensors", models_dir / "a.safetensors")
    scan()
    hashing.hash_waiting(60, rest=0)
    copy = CatalogModel.objects.get(path="a.safetensors")
    assert str(copy.duplicate_of) == "embedding/b"
    (models_dir / "b.safetensors").unlink()
    scan()
    copy.refresh_from_db()
    assert copy.duplicate_of is None


def test_a_model_that_came_back_elsewhere_has_its_old_row(models_dir: Path) -> None:
    """Copied, then deleted: sizes agree, times do not, the digest does."""
    file = small(models_dir, "x")
    scan()
    hashing.hash_waiting(60, rest=0)
    old = CatalogModel.objects.get()
    Alias.objects.create(name="mine", model=old)
    CatalogModel.objects.update(visibility="staff")
    small(models_dir / "sub", "y")
    os.utime(models_dir / "sub" / "y.safetensors", ns=(1, 1))
    file.unlink()
    scan()
    assert CatalogModel.objects.count() == 2
    hashing.hash_waiting(60, rest=0)
    now = CatalogModel.objects.get()
    assert (now.pk, now.path, now.public_id) == (old.pk, "sub/y.safetensors", "embedding/y")
    assert (now.visibility, now.state, now.aliases.count()) == ("staff", State.READY, 1)


def test_a_file_that_changed_since_it_was_looked_at_waits(models_dir: Path) -> None:
    file = small(models_dir, "x")
    scan()
    os.utime(file, ns=(1, 1))
    assert hashing.hash_waiting(60, rest=0)
    assert CatalogModel.objects.get().sha256 == ""
    scan()
    hashing.hash_waiting(60, rest=0)
    assert CatalogModel.objects.get().sha256 != ""


def test_a_file_that_is_gone_stops_nothing(models_dir: Path) -> None:
    small(models_dir, "a")
    scan()
    small(models_dir, "b")
    scan()
    (models_dir / "b.safetensors").unlink()
    assert hashing.hash_waiting(60, rest=0)
    assert CatalogModel.objects.exclude(sha256="").get().path == "a.safetensors"


def test_hashing_rests_as_long_as_it_works(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []
    monkeypatch.setattr("modelhub.hashing.time.sleep", rests.append)
    hashing.digest_of(small(models_dir, "x"), rest=1.0)
    assert len(rests) == 1
    assert rests[0] > 0
