"""Attacks that lie in the models folder: what a walk through it finds, and what is made of it."""

import json
import pickle
import struct
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from modelhub import walking
from modelhub.detection import detect
from tests.attacks.in_files import Trap, zipped
from tests.attacks.stage import Stage
from tests.attacks.table import Attack
from tests.model_folders import WEIGHTS, build, change_json, write_json
from tests.modelhub import real_headers

# However hostile, a model is looked at in less, also on a machine busy with other things.
SECONDS = 60
Make = Callable[[Path], object]
EMPTY = {"dtype": "F16", "shape": [0], "data_offsets": [0, 0]}


def _raw(header: bytes, data: int = 0, name: str = "x.safetensors") -> Make:
    return lambda models: (models / name).write_bytes(
        struct.pack("<Q", len(header)) + header + bytes(data)
    )


def _slow(names: int) -> dict[str, object]:
    """Names that fit a pattern's pieces in millions of ways, and never its end."""
    pieces = "transformer_blocks" * 4 + "attn" * 20 + "q" * 60 + "lora_A" * 25
    slow: dict[str, object] = {
        f"{pieces}.attn2.add_q_proj.{number}": EMPTY for number in range(names)
    }
    return slow | {"x.lora_A.weight": EMPTY}


def _header(tensors: Mapping[str, object], data: int = 0) -> Make:
    return _raw(json.dumps(tensors).encode(), data)


def _named(name: str) -> Make:
    return lambda models: real_headers.build("lora-sd1-kohya", models, called=name)


def _link(name: str, target: str) -> Make:
    return lambda models: (models / name).symlink_to(target)


def _whole(change: Make) -> Make:
    return lambda models: change(build(models / "model"))


def _sidecar(name: str, content: bytes) -> Make:
    def make(models: Path) -> None:
        real_headers.build("checkpoint-sdxl", models, called="x")
        (models / name).write_bytes(content)

    return make


def _told(**metadata: str) -> Make:
    tensors = real_headers.shapes("lora-sd1-kohya")
    return lambda models: real_headers.write(models / "x.safetensors", tensors, metadata)


def _tensor(shape: list[object], start: int, end: int) -> dict[str, object]:
    return {"dtype": "F16", "shape": shape, "data_offsets": [start, end]}


def _part(name: str, **config: object) -> Make:
    def make(models: Path) -> None:
        build(models / "model").joinpath("unet").rename(models / name)
        write_json(models / name / "config.json", config)
        for rest in sorted((models / "model").rglob("*"), reverse=True):
            rest.unlink() if rest.is_file() else rest.rmdir()
        (models / "model").rmdir()

    return make


def _led_out(file: Path) -> None:
    file.unlink()
    file.symlink_to("/etc/passwd")


MODELS: Mapping[str, Make] = {
    "link-to-a-secret": _link("x.safetensors", "/etc/passwd"),
    "link-to-the-root": _link("x", "/"),
    "link-round-and-round": _link("x", "."),
    "link-to-nothing": _link("x.safetensors", "nowhere"),
    "part-that-links-out": _whole(lambda model: _led_out(model / "unet" / WEIGHTS["unet"])),
    # Neither read nor hashed: no loader takes a file of that name.
    "part-with-a-link-beside-its-weights": _whole(
        lambda model: (model / "unet" / "extra.safetensors").symlink_to("/etc/passwd")
    ),
    "tensor-named-twice": _raw(b'{"a": {}, "a": {}}'),
    "metadata-named-twice": _raw(b'{"__metadata__": {"a": "b", "a": "c"}}'),
    "name-of-a-megabyte": _header({"a" * 2**20: EMPTY}),
    "name-that-matches-slowly": _header({"transformer_blocks.0." * 20_000: EMPTY}),
    "names-that-match-slowly": _header(_slow(5_000)),
    "tags-of-a-million-lists": _told(ss_tag_frequency='{"a":[' + "[]," * 1_000_000 + "[]]}"),
    "names-without-end": _raw(b"{" + b'"a":[],' * 1_100_000 + b'"b":0}'),
    "header-of-26-megabytes": _raw(b'{"a":"' + b"x" * 26_000_000 + b'"}'),
    "numbers-of-5000-digits": _raw(b'{"a":{"shape":[' + b"9" * 5000 + b"]}}"),
    "tensors-that-overlap": _header({"a": _tensor([4], 0, 8), "b": _tensor([2], 4, 8)}, 8),
    "tensors-with-a-gap": _header({"a": _tensor([1], 0, 2), "b": _tensor([2], 4, 8)}, 8),
    "shape-larger-than-its-data": _header({"a": _tensor([2**40], 0, 2)}, 2),
    "shape-below-nothing": _header({"a": _tensor([-1, -1], 0, 2)}, 2),
    "shape-of-truths": _header({"a": _tensor([True], 0, 2)}, 2),
    "shape-of-a-thousand-sides": _header({"a": _tensor([1] * 1000, 0, 2)}, 2),
    "tags-of-deep-json": _told(ss_tag_frequency="[" * 200_000),
    "tags-of-megabytes": _told(ss_tag_frequency='{"a":{"' + "x" * 5_000_000 + '":1}}'),
    "metadata-that-turns-text": _told(**{"modelspec.title": "\u202e\x1b[2J\x00" * 9}),
    "sidecar-yaml-bomb": _sidecar("x.yaml", b"a: &a [x]\nb: &b [*a,*a]\nc: [*b,*b]\n"),
    "sidecar-yaml-object": _sidecar("x.yml", b"!!python/object/apply:os.system [id]"),
    "sidecar-yaml-depth": _sidecar("x.yaml", b"[" * 50_000),
    "sidecar-yaml-of-a-gigabyte": _sidecar("x.yaml", b"title: " + b"x" * 10**7),
    "sidecar-json-depth": _sidecar("x.json", b"[" * 50_000),
    "sidecar-that-is-a-pickle": _sidecar("x.json", pickle.dumps({"title": "x"})),
    "sidecar-of-html": _sidecar("x.json", b'{"description": "<script>", "steps": NaN}'),
    "part-of-a-foreign-class": _part("part", _class_name="../../evil"),
    "part-with-an-auto-map": _part("part", architectures=["Evil"], auto_map={"AutoModel": "x.y"}),
    "index-with-a-custom-pipeline": _whole(
        lambda model: change_json(model / "model_index.json", _class_name=["pipeline", "Evil"])
    ),
    "code-beside-the-weights": _whole(
        lambda model: (model / "text_encoder" / "modeling_evil.py").write_text("import os")
    ),
    "name-of-two-lines": _named("a\nb"),
    "name-that-turns-text": _named("a\u202eb"),
    "name-of-a-terminal": _named("\x1b]0;x\x07"),
    "name-of-300-letters": _named("x" * 240),
    "hidden": _named(".hidden"),
}


def _files(trap: bytes) -> Mapping[str, bytes]:
    return {
        "a-pickle": trap,
        "an-old-pickle": b"cos\nsystem\n(S'touch never'\ntR.",
        "a-zip": zipped({"archive/data.pkl": trap}),
        "a-program": b"\x7fELF" + trap,
        "a-web-page": b"<html><script>alert(1)</script>",
    }


def look(row: Attack, _: Stage, folder: Path) -> None:
    """`model`: a name above, or `file`: what content at which `path`. `expect`: states, `skipped`,
    or `nothing`. Nothing in it runs, and it takes no time.
    """
    canary, models = folder / "canary", folder / "models"
    models.mkdir()
    for variant in row.variants():
        _lay(variant, models, pickle.dumps(Trap(canary)))
        begin = time.monotonic()
        walked = walking.walk(models)
        found = [detect(path, models) for path in walked.models]
        told = {str(one.state) for one in found} or {"skipped" if walked.skipped else "nothing"}
        assert told <= row.expected, (told, walked.skipped, [one.detail for one in found])
        assert time.monotonic() - begin < SECONDS
        assert all(bool(one.detail or one.sidecar_problem) for one in found) or told == {"ready"}
    assert not canary.exists()


def _lay(row: Attack, models: Path, trap: bytes) -> None:
    if "model" in row.given:
        MODELS[row.given["model"]](models)
        return
    file = models / row.given["path"]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_files(trap)[row.given["file"]])
