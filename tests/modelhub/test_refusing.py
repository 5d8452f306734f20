"""What may come into the models folder: whole safetensors and plain data, by content."""

import pickle
import zipfile
from pathlib import Path

import pytest

from accounts.problems import Invalid
from modelhub.detection import detect, refuse
from modelhub.models import CatalogModel
from tests.modelhub import real_headers
from tests.modelhub.conftest import MakeModel

HEADS = {
    "pickle": pickle.dumps({"a": 1}),
    "old pickle": b"cos\nsystem\n(S'touch /tmp/never'\ntR.",
    "GGUF": b"GGUF\x03\0\0\0" + bytes(64),
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(64),
    "gzip": b"\x1f\x8b" + bytes(64),
    "web page": b"\n <!DOCTYPE html><html><body>Sign in</body></html>",
    "program": b"\x7fELF" + bytes(64),
    "script": b"#!/bin/sh\nrm -rf /\n",
    "nothing": b"",
}


@pytest.mark.parametrize("what", HEADS)
@pytest.mark.parametrize("name", ["x.safetensors", "x.ckpt", "x.bin", "x.gguf", "x.weights"])
def test_what_is_no_safetensors_is_refused(what: str, name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(HEADS[what])
    with pytest.raises(Invalid) as refused:
        refuse(file)
    assert refused.value.code == "unsupported_model_format"


@pytest.mark.parametrize("name", ["x.safetensors", "x.pt", "x.bin"])
def test_a_zip_of_a_pickle_is_called_what_it_is(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("archive/data.pkl", HEADS["pickle"])
    with pytest.raises(Invalid, match="zip"):
        refuse(tmp_path / name)


def test_whole_safetensors_are_let_in_under_their_future_name(tmp_path: Path) -> None:
    file = real_headers.build("lora-sdxl-kohya", tmp_path).rename(tmp_path / "x.part")
    refuse(file, "lora.safetensors")


def test_safetensors_under_a_pickles_name_are_told_their_own(tmp_path: Path) -> None:
    file = real_headers.build("lora-sdxl-kohya", tmp_path).rename(tmp_path / "x.ckpt")
    with pytest.raises(Invalid, match="name it"):
        refuse(file)
    assert "name it .safetensors" in detect(file, tmp_path).detail


def test_a_folder_is_let_in_whole_or_not_at_all(make_model: MakeModel) -> None:
    folder = make_model()
    (folder / "README.md").write_text("# Dream")
    (folder / "tokenizer" / "merges.txt").write_text("#version: 0.2\na b\n")
    refuse(folder)
    (folder / "unet" / "pipeline.py").write_text("import os")
    with pytest.raises(Invalid, match="code"):
        refuse(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [("config.json", b"\x80\x04pickle"), ("vocab.txt", b"a\0b"), ("x.model", b"PK\x03\x04")],
)
def test_data_that_is_none_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Invalid):
        refuse(tmp_path / name)


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").symlink_to("/etc/passwd")
    with pytest.raises(Invalid, match="link"):
        refuse(tmp_path)


@pytest.mark.parametrize(
    ("name", "state"),
    [("x.safetensors", "corrupt"), ("x.ckpt", "unsupported"), ("x.gguf", "unsupported")],
)
@pytest.mark.parametrize("what", HEADS)
def test_in_the_folder_it_is_listed_and_never_used(
    what: str, name: str, state: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_bytes(HEADS[what])
    found = detect(file, tmp_path)
    assert (found.state, bool(found.detail)) == (CatalogModel.State(state), True)
