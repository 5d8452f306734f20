import uuid
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, Usage, User
from gallery import sharing
from gallery.models import Album, AlbumEntry, Image, Tag
from tests.admin_pages import administrator, allowed, assert_fits_policy, queries_of
from tests.gallery.conftest import Keep

IMAGES = "/admin/gallery/image/"


@pytest.fixture
def admin(db: None) -> Client:
    return administrator()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_pages_fit_the_policy(admin: Client, alice: User, keep: Keep) -> None:
    image = keep(alice, prompt='<script>alert(1)</script> " onload="x')
    assert_fits_policy(admin, IMAGES)
    assert_fits_policy(admin, f"{IMAGES}{image.pk}/change/")


def test_list_costs_the_same_for_many(admin: Client, keep: Keep) -> None:
    costs = []
    for size in range(2):
        for index in range(4):
            keep(User.objects.create(username=f"user{size}{index}"))
        costs.append(queries_of(admin, IMAGES))
    assert costs[0] == costs[1]


def test_list_shows_thumbnails_that_staff_can_open(admin: Client, alice: User, keep: Keep) -> None:
    image = keep(alice)
    where = f"{IMAGES}{image.pk}/thumbnail"
    assert f'src="{where}"' in admin.get(IMAGES).content.decode()
    assert admin.get(where)["Content-Type"] == "image/webp"


def test_thumbnails_are_for_staff_alone(alice: User, keep: Keep) -> None:
    image = keep(alice)
    owner, (clerk, _) = Client(), allowed()
    owner.force_login(alice)
    statuses = [
        client.get(f"{IMAGES}{image.pk}/thumbnail").status_code
        for client in (owner, Client(), clerk)
    ]
    assert statuses == [302, 302, 200]
    assert administrator().get(f"{IMAGES}{uuid.uuid4()}/thumbnail").status_code == 404


def test_recipe_is_shown_and_cannot_be_changed(admin: Client, alice: User, keep: Keep) -> None:
    image = keep(alice)
    page = f"{IMAGES}{image.pk}/change/"
    assert "num_inference_steps" in admin.get(page).content.decode()
    assert admin.post(page, {"prompt": "changed"}).status_code == 403
    assert admin.get(f"{IMAGES}add/").status_code == 403


@pytest.mark.parametrize("query", ["mountain", "alice", "sd/demo"])
def test_search_finds(admin: Client, alice: User, keep: Keep, query: str) -> None:
    image = keep(alice)
    assert str(image.pk) in admin.get(f"{IMAGES}?q={query}").content.decode()
    assert str(image.pk) in admin.get(f"{IMAGES}?q={str(image.pk)[:13]}").content.decode()
    assert str(image.pk) not in admin.get(f"{IMAGES}?q=nothing-of-that").content.decode()


@pytest.mark.django_db(transaction=True)
def test_deleting_one_removes_row_and_files(admin: Client, keep: Keep, images_dir: Path) -> None:
    image = keep(User.objects.create(username="dora"))
    reply = admin.post(f"{IMAGES}{image.pk}/delete/", {"post": "yes"})
    assert reply.status_code == 302
    assert not Image.objects.exists()
    assert files(images_dir) == []


@pytest.mark.django_db(transaction=True)
def test_what_is_deleted_is_no_longer_charged(admin: Client, keep: Keep) -> None:
    image = keep(User.objects.create(username="dora"))
    Usage.objects.update_or_create(
        user=image.owner, defaults={"stored_images": 1, "stored_bytes": image.size_bytes}
    )
    admin.post(f"{IMAGES}{image.pk}/delete/", {"post": "yes"})
    assert Usage.objects.get().stored_bytes == 0


@pytest.mark.django_db(transaction=True)
def test_delete_action_removes_rows_and_files(admin: Client, keep: Keep, images_dir: Path) -> None:
    dora = User.objects.create(username="dora")
    gone, kept = [keep(dora), keep(dora)], keep(dora)
    chosen = [str(image.pk) for image in gone]
    form = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    admin.post(IMAGES, form)
    assert list(Image.objects.all()) == [kept]
    assert len(files(images_dir)) == 2


@pytest.mark.django_db(transaction=True)
def test_a_file_that_cannot_go_keeps_no_other_from_it(
    admin: Client, alice: User, keep: Keep, images_dir: Path
) -> None:
    stuck, gone = keep(alice), keep(alice)
    (images_dir / stuck.file).unlink()
    (images_dir / stuck.file).mkdir()
    chosen = [str(stuck.pk), str(gone.pk)]
    form = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    page = admin.post(IMAGES, form, follow=True).content.decode()
    assert "1 could not be deleted yet" in page
    assert list(Image.objects.values_list("pk", "state")) == [(stuck.pk, "deleting")]
    assert AuditEntry.objects.filter(action="picture_deleted").count() == 2


@pytest.mark.django_db(transaction=True)
def test_deleting_a_user_in_the_administration_deletes_the_files(
    admin: Client, keep: Keep, images_dir: Path
) -> None:
    dora = User.objects.create(username="dora")
    keep(dora)
    admin.post(f"/admin/accounts/user/{dora.pk}/delete/", {"post": "yes"})
    assert not User.objects.filter(username="dora").exists()
    assert files(images_dir) == []


def test_share_is_ended_and_its_links_with_it(admin: Client, alice: User, keep: Keep) -> None:
    image = keep(alice)
    sharing.set_privacy(image, public=True)
    link = sharing.link(image)
    admin.post(IMAGES, {"action": "end_share", "_selected_action": [str(image.pk)]})
    assert not Image.objects.get(pk=image.pk).is_public
    assert Client().get(link).status_code == 404


def test_share_action_shares_ones_own_for_a_week_and_is_remembered(
    admin: Client, keep: Keep
) -> None:
    image = keep(User.objects.get(username="root"))
    admin.post(IMAGES, {"action": "share", "_selected_action": [str(image.pk)]})
    image.refresh_from_db()
    assert image.shared
    assert AuditEntry.objects.get(action="privacy_changed").actor_name == "root"


def test_pictures_of_others_and_lost_ones_are_not_shared(
    admin: Client, alice: User, keep: Keep
) -> None:
    images = [keep(alice), keep(User.objects.get(username="root"))]
    Image.objects.filter(pk=images[1].pk).update(state=Image.State.LOST)
    form = {"action": "share", "_selected_action": [str(image.pk) for image in images]}
    page = admin.post(IMAGES, form, follow=True).content.decode()
    assert "2 left alone" in page
    assert not Image.objects.filter(is_public=True).exists()


def test_looking_at_a_private_picture_leaves_a_trace(
    admin: Client, alice: User, keep: Keep
) -> None:
    image = keep(alice)
    for _ in range(2):
        admin.get(f"{IMAGES}{image.pk}/change/")
    entry = AuditEntry.objects.get(action="private_picture_viewed")
    assert (entry.actor_name, entry.target_id) == ("root", str(image.pk))


@pytest.mark.parametrize(("share", "seen"), [("now", 0), ("ended", 1), ("never", 2)])
def test_shares_are_filtered(admin: Client, alice: User, keep: Keep, share: str, seen: int) -> None:
    images = [keep(alice) for _ in range(3)]
    for image in images[:2]:
        sharing.set_privacy(image, public=True)
    Image.objects.filter(pk=images[1].pk).update(public_until=timezone.now())
    page = admin.get(IMAGES, {"share": share}).content.decode()
    shown = [index for index, image in enumerate(images) if f"/{image.pk}/change/" in page]
    assert shown == [seen]


def test_tags_and_albums_are_shown(admin: Client, alice: User, keep: Keep) -> None:
    image = keep(alice)
    Tag.objects.create(image=image, name="harbour")
    album = Album.objects.create(owner=alice, name="<b>Boats</b>")
    AlbumEntry.objects.create(album=album, image=image)
    assert "harbour" in admin.get(f"{IMAGES}{image.pk}/change/").content.decode()
    page = admin.get("/admin/gallery/album/").content.decode()
    assert "&lt;b&gt;Boats" in page
    assert_fits_policy(admin, f"/admin/gallery/album/{album.pk}/change/")


def test_list_of_albums_costs_the_same_for_many(admin: Client, keep: Keep) -> None:
    costs = []
    for size in range(2):
        for index in range(3):
            user = User.objects.create(username=f"user{size}{index}")
            album = Album.objects.create(owner=user, name="Boats")
            AlbumEntry.objects.create(album=album, image=keep(user))
        costs.append(queries_of(admin, "/admin/gallery/album/"))
    assert costs[0] == costs[1]
