"""Side-cars: what is right is taken, what is wrong is told, and nothing in one hurts."""

import json
from pathlib import Path
from typing import Any

import pytest

from modelhub.detection import Detected, detect
from modelhub.detection.sidecars import MAX_BYTES
from modelhub.families import Prediction
from modelhub.models import CatalogModel
from tests.modelhub import real_headers
from tests.modelhub.conftest import MakeModel

WHOLE = {
    "model_type": "SDXL",
    "base_model": "SDXL 1.0",
    "description": "Two merged",
    "merged_from": ["a", "b"],
    "title": "Dream",
    "trigger_words": ["dreamy, soft"],
    "recommended_resolutions": [[832, 1216], "1216x832", {"width": 1024, "height": 1024}],
    "nsfw": False,
    "defaults": {"steps": 30, "guidance_scale": 6, "scheduler": "euler", "clip_skip": 1},
}


def beside(folder: Path, text: str | bytes, suffix: str = ".json", name: str = "x") -> Detected:
    """An SDXL checkpoint with a side-car of this content, as it is found."""
    model = real_headers.build("checkpoint-sdxl", folder, called=name)
    data = text if isinstance(text, bytes) else text.encode()
    model.with_name(name + suffix).write_bytes(data)
    return detect(model, folder)


def test_a_whole_one_is_taken(tmp_path: Path) -> None:
    found = beside(tmp_path, json.dumps(WHOLE))
    assert found.sidecar_problem == ""
    assert found.trigger_words == ("dreamy", "soft")
    assert found.sidecar["defaults"]["steps"] == 30
    sizes = [(s["width"], s["height"]) for s in found.sidecar["recommended_resolutions"]]
    assert sizes == [(832, 1216), (1216, 832), (1024, 1024)]


@pytest.mark.parametrize("suffix", [".yaml", ".yml"])
def test_yaml_says_the_same(suffix: str, tmp_path: Path) -> None:
    text = "title: Dream\nmodel_type: SDXL\ndefaults:\n  steps: 30\n"
    found = beside(tmp_path, text, suffix)
    assert found.sidecar == {"title": "Dream", "model_type": "SDXL", "defaults": {"steps": 30}}


@pytest.mark.parametrize("name", ["dream.yaml", "dream/alice.yaml", "dream/alice.json"])
def test_a_folder_has_one_beside_or_within(
    name: str, make_model: MakeModel, models_dir: Path
) -> None:
    folder = make_model("dream")
    (models_dir / name).write_text('{"title": "Dream"}')
    assert detect(folder, models_dir).sidecar == {"title": "Dream"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model_type", "SD4"),
        ("title", ["x"]),
        ("nsfw", "no"),
        ("merged_from", {"a": 1}),
        ("merged_from", ["a"] * 51),
        ("prediction_type", "magic"),
        ("recommended_resolutions", [[1, 2]]),
        ("recommended_resolutions", ["800x"]),
        ("recommended_resolutions", [[800]]),
        ("recommended_resolutions", ["1" * 5000 + "x64"]),
        ("defaults", 7),
        ("favourite", True),
    ],
)
def test_what_is_wrong_is_told_and_the_rest_is_taken(key: str, value: Any, tmp_path: Path) -> None:
    found = beside(tmp_path, json.dumps({"description": "kept", key: value}))
    assert found.sidecar == {"description": "kept"}
    assert key in found.sidecar_problem
    assert found.state == CatalogModel.State.READY


@pytest.mark.parametrize(
    ("key", "value"),
    [("steps", 0), ("steps", True), ("guidance_scale", "7"), ("width", 63), ("clip_skip", 13),
     ("scheduler", 1), ("scheduler", "nope"), ("guidance_scale", float("inf")), ("speed", 1)],
)  # fmt: skip
def test_a_wrong_default_is_told_by_its_name(key: str, value: Any, tmp_path: Path) -> None:
    found = beside(tmp_path, json.dumps({"defaults": {"height": 512, key: value}}))
    assert found.sidecar == {"defaults": {"height": 512}}
    assert f"defaults.{key}" in found.sidecar_problem


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n"


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        (".json", b"{"),
        (".json", b"[]"),
        (".json", b"\xff\xfe"),
        (".json", b"[" * 30_000),
        (".json", b'{"title": "' + b"x" * MAX_BYTES + b'"}'),
        (".json", b'{"steps": ' + b"9" * 5000 + b"}"),
        (".yaml", BOMB.encode()),
        (".yaml", b"- " * 20 + b"x"),
        (".yaml", b"[" * 30_000),
        (".yaml", b"!!python/object/apply:os.system ['touch /tmp/never']"),
        (".yaml", b"title: [a, b"),
        (".yaml", b"? [a]\n: b\n"),
        (".yaml", b"title: \x00\n"),
        (".yaml", b"just a text"),
        (".yaml", b""),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_hostile_one_is_told_and_the_model_works(
    suffix: str, content: bytes, tmp_path: Path
) -> None:
    found = beside(tmp_path, content, suffix)
    assert (found.state, found.sidecar) == (CatalogModel.State.READY, {})
    assert found.sidecar_problem.startswith(f"x{suffix}: ")


def test_text_that_no_database_takes_is_made_plain(tmp_path: Path) -> None:
    found = beside(tmp_path, '{"title": "a\\u0000b\\ud800c\\u202ed\\ne"}')
    assert found.sidecar["title"] == "a b c d e"


def test_a_link_out_of_the_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text('{"title": "secret"}')
    folder = tmp_path / "models"
    model = real_headers.build("checkpoint-sdxl", folder, called="x")
    (folder / "x.json").symlink_to(tmp_path / "secret")
    found = detect(model, folder)
    assert (found.sidecar, "link" in found.sidecar_problem) == ({}, True)


def test_a_type_that_the_weights_deny_is_told(tmp_path: Path) -> None:
    found = beside(tmp_path, '{"model_type": "SD"}')
    assert found.sidecar_problem == "model_type is SD, its weights are Stable Diffusion XL"


def test_what_weights_cannot_say_it_says(tmp_path: Path) -> None:
    model = real_headers.build("checkpoint-sd2-v", tmp_path)
    model.with_suffix(".yaml").write_text("prediction_type: epsilon")
    found = detect(model, tmp_path)
    assert (found.prediction_type, found.variant) == (Prediction.EPSILON, "base")
    assert found.native_resolution == 512


def test_two_are_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("title: other")
    found = beside(tmp_path, '{"title": "first"}')
    assert found.sidecar == {"title": "first"}
    assert found.sidecar_problem == "x.yaml is not read beside x.json"


def test_trigger_words_of_other_programs_are_read(tmp_path: Path) -> None:
    theirs = {"activation text": "emma, smile", "preferred weight": 0.8, "notes": "x"}
    assert beside(tmp_path, json.dumps(theirs)).trigger_words == ("emma", "smile")
    (tmp_path / "x.json").unlink()
    words = json.dumps({"trainedWords": ["anna", 7], "model": {"nsfw": True}})
    found = beside(tmp_path, words, ".civitai.info")
    assert (found.trigger_words, found.sidecar_problem) == (("anna",), "")


@pytest.mark.parametrize("content", ["{", "[]", '{"trainedWords": 7}', "[" * 100_000])
def test_what_is_wrong_in_files_of_others_is_their_business(content: str, tmp_path: Path) -> None:
    found = beside(tmp_path, content, ".civitai.info")
    assert (found.sidecar, found.sidecar_problem) == ({}, "")
