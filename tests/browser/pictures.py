"""Pictures for the gallery's browser tests, hung at once and without a worker."""

import uuid
from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from gallery import albums, curating, storage
from gallery.metadata import Recipe
from gallery.models import Image
from gallery.storage import StoredFile

HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
# How many of each kind: every test finds its own by the word in the prompt.
KINDS = {
    "many": 60, "keys": 8, "range": 6, "marked": 3, "doomed": 4, "large": 6, "crowd": 4, "tagged": 2,
    "filed": 4, "pair": 2, "shared": 1, "again": 1, "bare": 3,
}  # fmt: skip
SHAPES = ((96, 64), (64, 64), (64, 96))


def hang() -> None:
    alice, bob = User.objects.get(username="alice"), User.objects.get(username="bob")
    moment = timezone.now()
    for kind, count in KINDS.items():
        for number in range(count):
            moment -= timedelta(minutes=1)
            _hang(alice, f"{kind} {number}", number, created_at=moment)
    _hang(alice, HOSTILE, 1, created_at=moment - timedelta(days=1))
    hostile = alice.images.get(prompt=HOSTILE)
    curating.set_tags(hostile, ["<b>bold</b>"])
    albums.add_to_album(albums.make_album(alice, HOSTILE), [hostile])
    _hang(bob, "lent", 1, is_public=True, public_until=timezone.now() + timedelta(hours=2))


def _hang(owner: User, prompt: str, number: int, **fields: object) -> None:
    width, height = SHAPES[number % len(SHAPES)]
    recipe = Recipe(
        prompt=prompt, negative_prompt="fog", model="sd/demo", width=width, height=height,
        num_inference_steps=9, guidance_scale=3.5, scheduler="ddim", scheduler_label="DDIM",
        seed=number, clip_skip=1,
    )  # fmt: skip
    key = uuid.uuid4()
    rgb = bytes((x * 5 + number * 40) % 256 for x in range(width * height * 3))
    stored = storage.stage(rgb, width, height, recipe, f"{key}-1")
    Image.objects.create(
        id=key, owner=owner, prompt=prompt, negative_prompt="fog", model="sd/demo", seed=number,
        recipe=recipe.to_json(), **{n: getattr(stored, n) for n in StoredFile.__slots__}, **fields,
    )  # fmt: skip
