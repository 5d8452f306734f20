"""Whole downloads from a hub that speaks the real protocols, faults included."""

import errno
import fcntl
import json
import logging
import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from pytest_django import Settings

from accounts.models import AuditEntry, User
from modelhub import catalog, deleting, downloads, scanning
from modelhub.downloads import Asked, lanes, places, sweeping
from modelhub.models import Alias, CatalogModel, Download, DownloadFile, Upload
from modelhub.sources.contract import MOST_FILES
from tests.hub.server import Hub, git_sha1, sha256
from tests.hub.weights import pipeline, safetensors
from tests.modelhub.downloads.conftest import Fetch, work

MB = 10**6
# A second, on a machine that has other things to do as well.
PATIENCE = 8.0
Status = Download.Status


def failed(download: Download) -> str:
    assert download.status == Status.FAILED, (download.status, download.error_message)
    return download.error_code


def test_a_file_of_a_repository_lands_under_its_own_name(
    hub: Hub, fetch: Fetch, models_dir: Path
) -> None:
    data = safetensors(300_000)
    hub.repo("maker/lakes", {"lake.safetensors": data, "other.safetensors": data[:-2]})
    done = fetch("huggingface", repo="maker/lakes", file="lake.safetensors")
    assert done.status == Status.COMPLETED, done.error_message
    assert (models_dir / done.target).read_bytes() == data
    assert done.fetched_bytes == done.done_bytes == done.total_bytes == len(data)
    assert not places.of(done).exists()


def test_files_of_one_name_are_called_as_their_repositories(hub: Hub, fetch: Fetch) -> None:
    """Tools give all their LoRAs one name; two of them are two models."""
    name = "pytorch_lora_weights.safetensors"
    for seed, repo in enumerate(("maker/ink", "maker/chalk")):
        hub.repo(repo, {name: safetensors(1000, seed), "other.safetensors": safetensors(900)})
        done = fetch("huggingface", repo=repo, file=name)
        assert (done.status, done.target) == (
            Status.COMPLETED,
            f"loras/{repo.rpartition('/')[2]}.safetensors",
        )


def test_a_pipeline_comes_without_what_nobody_runs(
    hub: Hub, fetch: Fetch, models_dir: Path
) -> None:
    files = pipeline()
    hub.repo("maker/tiny", files)
    done = fetch("huggingface", repo="maker/tiny")
    assert done.status == Status.COMPLETED, done.error_message
    folder = models_dir / "tiny"
    got = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    left_out = {name for name in files if name not in got}
    assert left_out == {
        "README.md", "v1-5.safetensors", "v1-5.ckpt", "evil.py", "tokenizer/tokenizer.py",
        "safety_checker/model.safetensors", "text_encoder/model.bin",
        "unet/diffusion_pytorch_model.bin", "vae/diffusion_pytorch_model.bin",
    }  # fmt: skip
    assert all(got[name] == files[name] for name in got)


def test_half_precision_is_taken_under_the_names_that_loaders_look_for(
    hub: Hub, fetch: Fetch, models_dir: Path
) -> None:
    files = pipeline(half=True)
    hub.repo("maker/tiny", files)
    assert fetch("huggingface", repo="maker/tiny").status == Status.COMPLETED
    got = (models_dir / "tiny/unet/diffusion_pytorch_model.safetensors").read_bytes()
    assert got == files["unet/diffusion_pytorch_model.fp16.safetensors"]


def test_half_precision_that_is_not_whole_is_left(hub: Hub, fetch: Fetch, models_dir: Path) -> None:
    files = pipeline(half=True)
    del files["vae/diffusion_pytorch_model.fp16.safetensors"]
    hub.repo("maker/tiny", files)
    assert fetch("huggingface", repo="maker/tiny").status == Status.COMPLETED
    got = (models_dir / "tiny/unet/diffusion_pytorch_model.safetensors").read_bytes()
    assert got == files["unet/diffusion_pytorch_model.safetensors"]


def sharded(files: dict[str, bytes], variant: str, *parts: str) -> dict[str, bytes]:
    """The same pipeline with some parts in shards, as its variant."""
    made = dict(files)
    for part in parts:
        stem = "model" if part == "text_encoder" else "diffusion_pytorch_model"
        del made[f"{part}/{stem}.{variant}.safetensors"]
        shards = [f"{stem}.{variant}-0000{n}-of-00002.safetensors" for n in (1, 2)]
        for name in shards:
            made[f"{part}/{name}"] = safetensors(500, len(name) + ord(part[0]), name=name)
        listed = {"weight_map": {name: name for name in shards}}
        made[f"{part}/{stem}.safetensors.index.{variant}.json"] = json.dumps(listed).encode()
    return made


def test_half_precision_in_shards_keeps_the_names_that_their_list_says(
    hub: Hub, fetch: Fetch, models_dir: Path
) -> None:
    hub.repo("maker/tiny", sharded(pipeline(half=True), "fp16", "unet", "text_encoder"))
    done = fetch("huggingface", repo="maker/tiny")
    assert done.status == Status.COMPLETED, done.error_message
    unet = sorted(path.name for path in (models_dir / "tiny" / "unet").iterdir())
    assert unet == [
        "config.json",
        "diffusion_pytorch_model.fp16-00001-of-00002.safetensors",
        "diffusion_pytorch_model.fp16-00002-of-00002.safetensors",
        "diffusion_pytorch_model.safetensors.index.fp16.json",
    ]
    assert done.model is not None
    assert done.model.state == CatalogModel.State.READY, done.model.detail


@pytest.mark.parametrize("variant", ["fp16", "bf16"])
def test_a_part_that_comes_in_one_variant_alone_is_taken_in_that(
    hub: Hub, fetch: Fetch, models_dir: Path, variant: str
) -> None:
    files = pipeline()
    weights = files.pop("unet/diffusion_pytorch_model.safetensors")
    files[f"unet/diffusion_pytorch_model.{variant}.safetensors"] = weights
    hub.repo("maker/tiny", files)
    done = fetch("huggingface", repo="maker/tiny")
    assert done.status == Status.COMPLETED, done.error_message
    got = (models_dir / "tiny/unet/diffusion_pytorch_model.safetensors").read_bytes()
    assert got == weights


def test_everything_is_fetched_at_one_commit(hub: Hub, fetch: Fetch) -> None:
    repo = hub.repo("maker/tiny", pipeline())
    fetch("huggingface", repo="maker/tiny")
    resolved = [heard.path for heard in hub.heard if "/resolve/" in heard.path]
    assert resolved
    assert all(f"/resolve/{repo.commit}/" in path for path in resolved)


def test_the_name_of_the_repository_means_the_model(hub: Hub, fetch: Fetch) -> None:
    hub.repo("maker/tiny", pipeline())
    done = fetch("huggingface", repo="maker/tiny")
    assert Alias.objects.get(name="maker/tiny").model == done.model
    assert done.model is not None
    assert done.model.source["repo"] == "maker/tiny"


def test_the_repository_of_the_settings_is_the_default(
    hub: Hub, fetch: Fetch, settings: Settings
) -> None:
    hub.repo("maker/tiny", pipeline())
    done = fetch("huggingface", repo="maker/tiny")
    CatalogModel.objects.create(public_id="sd/aaa", path="aaa", native_resolution=512)
    CatalogModel.objects.update(state=CatalogModel.State.READY)
    CatalogModel.objects.filter(path="aaa").update(created_at="2000-01-01T00:00Z")
    settings.ALICE_DEFAULT_MODEL = "maker/none"
    assert catalog.default(None) != done.model
    settings.ALICE_DEFAULT_MODEL = "maker/tiny"
    assert catalog.default(None) == done.model
    assert AuditEntry.objects.get(action="model_changed").detail["alias"] == "maker/tiny"


def test_a_repository_that_was_here_already_names_its_model_too(
    hub: Hub, fetch: Fetch, models_dir: Path
) -> None:
    data = safetensors(10_000, name="model.weight")
    hub.repo("maker/lake", {"lake.safetensors": data})
    first = fetch("url", url=f"{hub.storage}/x/{hub.keep(data)}", name="hill")
    CatalogModel.objects.update(state=CatalogModel.State.READY)
    second = fetch("huggingface", repo="maker/lake")
    assert (second.model, len(hub.at_storage())) == (first.model, 1)
    assert Alias.objects.get(name="maker/lake").model == first.model


@pytest.mark.parametrize("repo", ["search/tiny", "sd/tiny", "maker/lora"])
def test_a_repository_that_cannot_be_an_alias_is_none(hub: Hub, fetch: Fetch, repo: str) -> None:
    lora = {"one.safetensors": safetensors(1000)}
    hub.repo(repo, lora if repo == "maker/lora" else pipeline())
    done = fetch("huggingface", repo=repo)
    assert done.status == Status.COMPLETED, done.error_message
    assert not Alias.objects.exists()


def test_a_repository_of_many_pages_is_read_to_its_end(hub: Hub, fetch: Fetch) -> None:
    hub.page_size = 3
    hub.repo("maker/tiny", pipeline())
    assert fetch("huggingface", repo="maker/tiny").status == Status.COMPLETED


@pytest.mark.parametrize(
    ("files", "code", "words"),
    [
        ({"model.ckpt": b"\x80\x02"}, "unsupported_model_format", "only in formats that can carry"),
        ({"a.safetensors": b"", "b.safetensors": b""}, "unsupported_model_format", "name one of"),
        ({"README.md": b""}, "source_not_found", "no weights"),
        (
            {"model_index.json": b'{"_class_name": "EvilPipeline"}'},
            "unsupported_model_format", "no pipeline that runs here",
        ),
        (
            {"model_index.json": json.dumps({
                "_class_name": "StableDiffusionPipeline", "unet": ["evil", "Unet"]}).encode()},
            "unsupported_model_format", "foreign code",
        ),
    ],
)  # fmt: skip
def test_what_cannot_run_here_is_refused_before_any_weights_come(
    hub: Hub, fetch: Fetch, files: dict[str, bytes], code: str, words: str
) -> None:
    hub.repo("maker/odd", files)
    done = fetch("huggingface", repo="maker/odd")
    assert failed(done) == code
    assert words in done.error_message
    assert hub.at_storage() == []


def test_a_part_that_has_only_pickles_is_refused(hub: Hub, fetch: Fetch) -> None:
    files = pipeline()
    del files["unet/diffusion_pytorch_model.safetensors"]
    hub.repo("maker/old", files)
    done = fetch("huggingface", repo="maker/old")
    assert failed(done) == "unsupported_model_format"
    assert "unet" in done.error_message


def test_a_gated_repository_says_what_to_do(hub: Hub, fetch: Fetch, settings: Settings) -> None:
    hub.repo("maker/gated", pipeline(), gated=True)
    done = fetch("huggingface", repo="maker/gated")
    assert failed(done) == "source_token_needed"
    assert "ALICE_HUGGINGFACE_TOKEN" in done.error_message
    hub.tokens.add("hf_right")
    settings.ALICE_HUGGINGFACE_TOKEN = "hf_right"
    assert work(downloads.resume(done)).status == Status.COMPLETED


def test_a_token_goes_to_its_own_host_only(
    hub: Hub, fetch: Fetch, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "hf_canary_4711"
    settings.ALICE_HUGGINGFACE_TOKEN = secret
    hub.repo("maker/tiny", pipeline())
    done = fetch("huggingface", repo="maker/tiny")
    assert done.status == Status.COMPLETED
    assert any(secret in heard.headers.get("authorization", "") for heard in hub.heard)
    assert not any("authorization" in heard.headers for heard in hub.at_storage())
    kept = repr([list(m.objects.values()) for m in (Download, CatalogModel, AuditEntry)])
    kept += repr([list(d.files.values()) for d in Download.objects.all()])
    assert secret not in kept + caplog.text
    assert "X-Amz-Signature" not in kept + caplog.text


def test_a_model_of_civitai_lands_with_what_is_known_of_it(
    hub: Hub, fetch: Fetch, models_dir: Path
) -> None:
    data = safetensors(200_000)
    hub.civitai(7, "lake_v1.safetensors", data)
    done = fetch("civitai", modelId=7)
    assert done.status == Status.COMPLETED, done.error_message
    assert (models_dir / "loras/lake_v1.safetensors").read_bytes() == data
    assert done.asked["trainedWords"] == ["lakestyle"]
    assert done.name == "Lake style v1.0"


def test_what_civitai_says_of_a_model_is_cut_to_plain_words(hub: Hub, fetch: Fetch) -> None:
    model = hub.civitai(7, "lake.safetensors", safetensors(1000), hashes=["no"], sizeKB="much")
    model |= {"name": "Lake\0\u202e\x1b[2J" + "x" * 5000}
    model["modelVersions"][0] |= {"baseModel": ["\0"], "modelId": {"a": []}, "name": 5,
                                  "trainedWords": ["a\0b", {}, "c" * 900]}  # fmt: skip
    done = fetch("civitai", modelId=7)
    assert done.status == Status.COMPLETED, done.error_message
    assert done.name.startswith("Lake [2Jxxx")
    told = {name: done.asked[name] for name in ("model", "baseModel", "trainedWords")}
    assert told == {"model": 7, "baseModel": "", "trainedWords": ["a b", "c" * 200]}


def test_the_file_of_a_version_that_a_link_describes_is_the_one_that_comes(
    hub: Hub, fetch: Fetch, models_dir: Path
) -> None:
    half, whole = safetensors(1000), safetensors(2000)
    hub.civitai(8, "whole.safetensors", whole, primary=False, metadata={"fp": "fp32"})
    hub.civitai(7, "half.safetensors", half)
    files = hub.models[7]["modelVersions"][0]["files"]
    files += hub.models[8]["modelVersions"][0]["files"]
    done = fetch("civitai", modelId=7, fp="FP32")
    assert (done.status, done.error_message) == (Download.Status.COMPLETED, "")
    assert [file.read_bytes() for file in models_dir.rglob("whole.safetensors")] == [whole]
    assert failed(fetch("civitai", modelId=7, fp="fp8")) == "source_not_found"


@pytest.mark.parametrize("page", [True, False])
def test_civitai_without_a_login_says_what_to_do(
    hub: Hub, fetch: Fetch, settings: Settings, page: bool
) -> None:
    hub.civitai(7, "lake.safetensors", safetensors(1000))
    hub.locked.add(70)
    hub.shows_login = page
    done = fetch("civitai", modelId=7)
    assert failed(done) == "source_token_needed"
    assert "ALICE_CIVITAI_TOKEN" in done.error_message
    hub.tokens.add("civ")
    settings.ALICE_CIVITAI_TOKEN = "civ"
    assert work(downloads.resume(done)).status == Status.COMPLETED


def test_civitai_pickles_and_other_types_are_refused(hub: Hub, fetch: Fetch) -> None:
    hub.civitai(7, "lake.pt", b"\x80\x02" * 100, "TextualInversion")
    hub.civitai(8, "x.safetensors", b"", "Workflows")
    assert failed(fetch("civitai", modelId=7)) == "unsupported_model_format"
    assert failed(fetch("civitai", versionId=80)) == "unsupported_model_format"


def test_texts_that_no_database_takes_do_not_stop_a_download(hub: Hub, fetch: Fetch) -> None:
    model = hub.civitai(7, "lake\ud800\x00.safetensors", safetensors(1000))
    model["name"] = "Lake\ud800 style\x00"
    model["modelVersions"][0] |= {
        "baseModel": "SD\x00 1.5",
        "trainedWords": ["a\x00b", 5, "\ud800"],
    }
    done = fetch("civitai", modelId=7)
    assert done.status == Status.COMPLETED, done.error_message
    assert (done.name, done.asked["baseModel"]) == ("Lake style v1.0", "SD 1.5")
    assert done.asked["trainedWords"] == ["a b", "5"]


@pytest.mark.parametrize(
    "path", ["unet/a\x00.json", "unet/\ud800.json", "unet/" + "x" * 600 + ".json"]
)
def test_a_repository_with_files_of_no_name_is_refused(hub: Hub, fetch: Fetch, path: str) -> None:
    hub.repo("maker/tiny", pipeline() | {path: b"{}"})
    assert failed(fetch("huggingface", repo="maker/tiny")) == "source_failed"


def test_a_url_is_called_as_its_host_says(hub: Hub, fetch: Fetch, models_dir: Path) -> None:
    data = safetensors(50_000)
    blob = hub.keep(data)
    url = f'{hub.storage}/x/{blob}?response-content-disposition=attachment%3B filename%3D"../../la%20ke.safetensors"'.replace(
        " ", "%20"
    ).replace('"', "%22")
    done = fetch("url", url=url, kind="lora")
    assert done.status == Status.COMPLETED, done.error_message
    assert (models_dir / "loras/la ke.safetensors").read_bytes() == data


# --- Lines that break


def test_a_line_that_breaks_at_every_twentieth_costs_no_byte_twice(
    hub: Hub, fetch: Fetch, models_dir: Path
) -> None:
    data = safetensors(5 * MB)
    hub.repo("maker/big", {"big.safetensors": data})
    hub.faults.drop = 0.05
    done = fetch("huggingface", repo="maker/big")
    assert done.status == Status.COMPLETED, done.error_message
    got = (models_dir / done.target).read_bytes()
    assert sha256(got) == sha256(data)
    ranges = [heard for heard in hub.at_storage() if "range" in heard.headers]
    assert len(ranges) >= 19
    assert hub.sent < 1.1 * len(data)


def test_a_file_that_changed_is_begun_anew(
    hub: Hub, fetch: Fetch, caplog: pytest.LogCaptureFixture
) -> None:
    data = safetensors(2 * MB)
    hub.repo("maker/big", {"big.safetensors": data})
    hub.faults.drop = 0.5
    hub.faults.etags.extend(['"one"', '"two"', '"two"', '"two"'])
    done = fetch("huggingface", repo="maker/big")
    assert done.status == Status.COMPLETED, done.error_message
    assert "starts again from zero" in caplog.text


def test_two_halves_are_not_joined_on_a_weak_etag(hub: Hub, fetch: Fetch) -> None:
    """It says "much the same", and no sum would show that the halves are of two files."""
    data = safetensors(MB)
    hub.faults.drop = 0.9
    hub.faults.etags.extend(['W/"same"'] * 5)
    url = f"{hub.storage}/x/{hub.keep(data)}"
    hub.faults.drops = 1
    done = fetch("url", url=url, name="lake")
    assert done.status == Status.COMPLETED, done.error_message
    assert not any("range" in heard.headers for heard in hub.at_storage())


def test_a_host_that_knows_no_ranges_is_asked_for_all_of_it(hub: Hub, fetch: Fetch) -> None:
    data = safetensors(2 * MB)
    hub.repo("maker/big", {"big.safetensors": data})
    hub.faults.statuses.append((503, {}))
    hub.faults.deaf = True
    assert fetch("huggingface", repo="maker/big").status == Status.COMPLETED


def test_a_host_that_knows_no_ranges_is_not_asked_for_ever(
    hub: Hub, transactional_db: None
) -> None:
    hub.repo("maker/big", {"big.safetensors": safetensors(4 * MB)})
    hub.faults.deaf, hub.faults.drop = True, 0.5
    row = downloads.start(Asked("huggingface", {"repo": "maker/big"}))
    lanes.run(20, bool)
    row.refresh_from_db()
    assert failed(row) == "source_changed"
    assert len(hub.at_storage()) == 5


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_host_in_trouble_is_asked_again(hub: Hub, fetch: Fetch, status: int) -> None:
    hub.repo("maker/big", {"big.safetensors": safetensors(1000)})
    hub.faults.statuses.extend([(status, {"Retry-After": "1"})] * 3)
    hub.hub_statuses.append((status, {}))
    assert fetch("huggingface", repo="maker/big").status == Status.COMPLETED


def test_a_host_that_asks_for_time_gets_it(hub: Hub, transactional_db: None) -> None:
    hub.repo("maker/big", {"big.safetensors": safetensors(1000)})
    hub.faults.statuses.append((429, {"Retry-After": "50"}))
    row = downloads.start(Asked("huggingface", {"repo": "maker/big"}))
    lanes.run(5, bool)
    row.refresh_from_db()
    assert row.status == Status.QUEUED
    assert 49 < (row.next_try_at - row.created_at).total_seconds() < 70


def test_a_host_that_stays_in_trouble_ends_it(hub: Hub, fetch: Fetch) -> None:
    hub.repo("maker/big", {"big.safetensors": safetensors(1000)})
    hub.faults.statuses.extend([(503, {})] * 100)
    assert failed(fetch("huggingface", repo="maker/big")) == "source_busy"
    assert len(hub.at_storage()) == 8


def test_a_missing_file_is_not_asked_for_again(hub: Hub, fetch: Fetch) -> None:
    hub.repo("maker/big", {"big.safetensors": safetensors(1000)})
    hub.blobs.clear()
    assert failed(fetch("huggingface", repo="maker/big")) == "source_not_found"
    assert len(hub.at_storage()) == 1


# --- Wrong content


def test_other_content_than_announced_is_thrown_away(
    hub: Hub, fetch: Fetch, models_dir: Path
) -> None:
    data = safetensors(100_000)
    hub.repo("maker/big", {"big.safetensors": data})
    hub.faults.body = safetensors(100_000, seed=2)
    done = fetch("huggingface", repo="maker/big")
    assert failed(done) == "checksum_mismatch"
    assert [p.name for p in models_dir.rglob("*") if p.is_file()] == []
    assert not CatalogModel.objects.exists()


@pytest.mark.parametrize(
    ("path", "was", "becomes"),
    [
        ("vae/config.json", b"1", b"2"),
        ("model_index.json", b"0.42.1", b"0.42.2"),
        ("tokenizer/vocab.json", b"a", b"b"),
    ],
)
def test_a_changed_byte_of_a_small_file_is_refused(
    hub: Hub, fetch: Fetch, path: str, was: bytes, becomes: bytes
) -> None:
    """As valid and as long as before: only its sum tells."""
    files = pipeline()
    hub.repo("maker/tiny", files)
    hub.faults.swapped[path] = files[path].replace(was, becomes, 1)
    assert failed(fetch("huggingface", repo="maker/tiny")) == "checksum_mismatch"
    assert not CatalogModel.objects.exists()


def test_a_small_file_is_known_by_what_git_calls_it(hub: Hub, fetch: Fetch) -> None:
    files = pipeline()
    hub.repo("maker/tiny", files)
    done = fetch("huggingface", repo="maker/tiny")
    row = DownloadFile.objects.get(download=done, path="vae/config.json")
    assert row.git_sha1 == git_sha1(files["vae/config.json"])
    assert row.sha256 == sha256(files["vae/config.json"])
    large = DownloadFile.objects.filter(download=done, path__endswith=".safetensors")
    assert set(large.values_list("git_sha1", flat=True)) == {""}


def test_a_model_of_too_many_files_is_refused_before_any_row(hub: Hub, fetch: Fetch) -> None:
    more = {f"vae/{number}.json": b"{}" for number in range(MOST_FILES)}
    hub.repo("maker/tiny", pipeline() | more)
    assert failed(fetch("huggingface", repo="maker/tiny")) == "source_too_much"
    assert not DownloadFile.objects.exists()


@pytest.mark.parametrize("length", [10**13, 50])
def test_another_length_than_known_is_refused_before_a_byte(
    hub: Hub, fetch: Fetch, length: int
) -> None:
    hub.repo("maker/big", {"big.safetensors": safetensors(100_000)})
    hub.faults.length = length
    done = fetch("huggingface", repo="maker/big")
    assert failed(done) == "size_mismatch"
    assert done.fetched_bytes == 0


def test_ten_terabytes_are_too_many(hub: Hub, fetch: Fetch) -> None:
    blob = hub.keep(safetensors(1000))
    hub.faults.length = 10**13
    done = fetch("url", url=f"{hub.storage}/x/{blob}", name="huge")
    assert failed(done) == "storage_full"
    assert done.fetched_bytes == 0


def test_a_page_instead_of_a_file_is_named(hub: Hub, fetch: Fetch) -> None:
    hub.repo("maker/big", {"big.safetensors": safetensors(1000)})
    hub.faults.page = True
    assert failed(fetch("huggingface", repo="maker/big")) == "source_sent_a_page"


def test_a_pickle_by_another_name_is_refused_by_its_first_bytes(hub: Hub, fetch: Fetch) -> None:
    blob = hub.keep(b"\x80\x02}q\x00." + bytes(20 * MB))
    hub.faults.pause = 0.005
    done = fetch("url", url=f"{hub.storage}/x/{blob}", name="nice")
    assert failed(done) == "unsupported_model_format"
    assert done.fetched_bytes < MB


def test_a_redirect_into_this_network_is_not_followed(hub: Hub, fetch: Fetch) -> None:
    hub.repo("maker/big", {"big.safetensors": safetensors(1000)})
    hub.faults.onward = "http://169.254.169.254/latest/meta-data/"
    assert failed(fetch("huggingface", repo="maker/big")) == "address_not_allowed"
    hub.faults.onward = "http://elsewhere.example/x"
    hub.repo("maker/other", {"other.safetensors": safetensors(1001)})
    assert failed(fetch("huggingface", repo="maker/other")) == "host_not_allowed"


def test_a_mirror_opens_its_own_port_alone(hub: Hub, fetch: Fetch) -> None:
    inner = f"{hub.url.rpartition(':')[0]}:6379/x.safetensors"
    assert failed(fetch("url", url=inner)) == "address_not_allowed"
    hub.repo("maker/big", {"big.safetensors": safetensors(1000)})
    hub.faults.onward = inner
    assert failed(fetch("huggingface", repo="maker/big")) == "address_not_allowed"


def test_metadata_that_names_an_inner_address_is_not_believed(hub: Hub, fetch: Fetch) -> None:
    hub.civitai(7, "x.safetensors", b"", downloadUrl="http://10.0.0.1/x.safetensors")
    assert failed(fetch("civitai", modelId=7)) == "address_not_allowed"


# --- Names


def test_what_is_here_under_another_name_is_not_fetched(
    hub: Hub, fetch: Fetch, models_dir: Path
) -> None:
    data = safetensors(10_000)
    hub.repo("maker/one", {"one.safetensors": data})
    hub.repo("maker/two", {"two.safetensors": data})
    first = fetch("huggingface", repo="maker/one")
    CatalogModel.objects.update(state=CatalogModel.State.READY)
    second = fetch("huggingface", repo="maker/two")
    assert second.status == Status.COMPLETED
    assert "here already" in second.error_message
    assert second.model == first.model
    assert len(hub.at_storage()) == 1


def test_one_that_was_missing_comes_back_under_another_name(
    hub: Hub, fetch: Fetch, models_dir: Path
) -> None:
    data = safetensors(10_000)
    hub.repo("maker/one", {"one.safetensors": data})
    first = fetch("huggingface", repo="maker/one")
    (models_dir / first.target).unlink()
    scanning.scan()
    again = fetch("url", url=f"{hub.storage}/x/{hub.keep(data)}", name="two")
    assert again.status == Status.COMPLETED, again.error_message
    assert again.model == first.model
    assert CatalogModel.objects.get().path == again.target


@pytest.mark.parametrize("name", ["lake.safetensors", "LAKE", "la\uff4be", "Lake.safetensors"])
def test_twins_of_an_installed_name_are_taken(
    hub: Hub, transactional_db: None, models_dir: Path, name: str
) -> None:
    (models_dir / "loras").mkdir()
    (models_dir / "loras/lake.safetensors").write_bytes(b"mine")
    ref = {"url": f"{hub.storage}/x/y", "name": name}
    with pytest.raises(places.NameTaken):
        downloads.start(Asked("url", ref))
    assert not Download.objects.exists()


def test_a_name_taken_meanwhile_stays_whose_it_is(
    hub: Hub, transactional_db: None, models_dir: Path
) -> None:
    blob = hub.keep(safetensors(1000))
    row = downloads.start(Asked("url", {"url": f"{hub.storage}/x/{blob}", "name": "lake"}))
    (models_dir / "lake.safetensors").write_bytes(b"mine")
    assert failed(work(row)) == "already_exists"
    assert (models_dir / "lake.safetensors").read_bytes() == b"mine"


def test_force_replaces_a_file_and_a_folder(hub: Hub, fetch: Fetch, models_dir: Path) -> None:
    data = safetensors(1000)
    (models_dir / "lake.safetensors").write_bytes(b"old")
    url = f"{hub.storage}/x/{hub.keep(data)}"
    done = fetch("url", url=url, name="lake", kind="checkpoint", force=True)
    assert done.status == Status.COMPLETED, done.error_message
    assert (models_dir / "lake.safetensors").read_bytes() == data
    hub.repo("maker/tiny", pipeline())
    (models_dir / "tiny").mkdir()
    (models_dir / "tiny/old.txt").write_text("old")
    assert fetch("huggingface", repo="maker/tiny", force=True).status == Status.COMPLETED
    assert not (models_dir / "tiny/old.txt").exists()


def test_force_replaces_a_folder_of_any_name(hub: Hub, fetch: Fetch, models_dir: Path) -> None:
    """Also of the name under which what is replaced steps aside."""
    hub.repo("maker/replaced", pipeline())
    (models_dir / "replaced").mkdir()
    (models_dir / "replaced/old.txt").write_text("old")
    done = fetch("huggingface", repo="maker/replaced", force=True)
    assert done.status == Status.COMPLETED, done.error_message
    assert {path.name for path in (models_dir / "replaced").iterdir()} >= {"model_index.json"}
    assert not (models_dir / "replaced/old.txt").exists()


def test_nothing_takes_the_place_of_a_model_that_is_to_go(
    hub: Hub, fetch: Fetch, models_dir: Path
) -> None:
    old, new = safetensors(1000), safetensors(1000, seed=2)
    first = fetch("url", url=f"{hub.storage}/x/{hub.keep(old)}", name="lake")
    CatalogModel.objects.update(state=CatalogModel.State.DELETING)
    row = downloads.start(
        Asked("url", {"url": f"{hub.storage}/x/{hub.keep(new)}", "name": "lake"}, force=True)
    )
    lanes.run(5, bool)
    row.refresh_from_db()
    assert (row.status, "deleted" in row.error_message) == (Status.QUEUED, True)
    assert (models_dir / first.target).read_bytes() == old
    deleting.finish()
    assert work(row).status == Status.COMPLETED, row.error_message
    assert (models_dir / row.target).read_bytes() == new


@pytest.mark.parametrize("force", [False, True])
def test_no_model_takes_the_place_of_a_folder_of_models(
    hub: Hub, fetch: Fetch, models_dir: Path, force: bool
) -> None:
    (models_dir / "loras/mine").mkdir(parents=True)
    (models_dir / "loras/mine/lake.safetensors").write_bytes(safetensors(1000))
    (models_dir / "shelf").mkdir()
    (models_dir / "shelf/hill.safetensors").write_bytes(safetensors(1000))
    for name in ("LoRAs", "vaes", "shelf"):
        hub.repo(f"maker/{name}", pipeline())
        with pytest.raises(places.NameTaken):
            fetch("huggingface", repo=f"maker/{name}", force=force)
    assert (models_dir / "loras/mine/lake.safetensors").exists()
    assert (models_dir / "shelf/hill.safetensors").exists()
    assert not (models_dir / "vaes").exists()


def test_a_folder_that_became_one_of_models_meanwhile_is_not_replaced(
    hub: Hub, transactional_db: None, models_dir: Path
) -> None:
    hub.repo("maker/tiny", pipeline())
    row = downloads.start(Asked("huggingface", {"repo": "maker/tiny"}, force=True))
    (models_dir / "tiny").mkdir()
    (models_dir / "tiny/hill.safetensors").write_bytes(safetensors(1000))
    assert failed(work(row)) == "already_exists"
    assert (models_dir / "tiny/hill.safetensors").exists()


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("folder", [False, True])
def test_a_folder_on_another_disk_says_so(
    hub: Hub, fetch: Fetch, models_dir: Path, another_disk: Path, force: bool, folder: bool
) -> None:
    hub.repo("maker/tiny", pipeline() if folder else {"tiny.safetensors": safetensors(1000)})
    (models_dir / "controlnets").symlink_to(another_disk)
    row = fetch("huggingface", repo="maker/tiny", kind="controlnet", force=force)
    assert failed(row) == "other_disk"
    assert "controlnets" in row.error_message
    assert list(another_disk.iterdir()) == []


@pytest.mark.parametrize("link", [True, False])
@pytest.mark.parametrize("folder", [True, False])
def test_one_that_was_placed_and_not_noted_is_noted(
    hub: Hub, fetch: Fetch, models_dir: Path, folder: bool, link: bool
) -> None:
    """Whoever had put it there died at that moment."""
    hub.repo("maker/tiny", pipeline() if folder else {"tiny.safetensors": safetensors(1000)})
    done = fetch("huggingface", repo="maker/tiny")
    sent = hub.sent
    CatalogModel.objects.all().delete()
    if link and not folder:
        places.of(done).mkdir()
        (places.of(done) / "tiny.safetensors").hardlink_to(models_dir / done.target)
    Download.objects.update(
        status=Status.VERIFYING, holder="dead", lease_until=F("created_at"), finished_at=None
    )
    done.refresh_from_db()
    assert work(done).status == Status.COMPLETED, done.error_message
    assert hub.sent == sent
    assert done.model == CatalogModel.objects.get()
    assert not places.of(done).exists()


def test_a_stranger_of_the_name_is_not_taken_for_what_was_placed(
    hub: Hub, fetch: Fetch, models_dir: Path
) -> None:
    hub.repo("maker/tiny", {"tiny.safetensors": safetensors(1000)})
    done = fetch("huggingface", repo="maker/tiny")
    (models_dir / done.target).write_bytes(safetensors(1000, seed=2))
    Download.objects.update(
        status=Status.VERIFYING, holder="dead", lease_until=F("created_at"), finished_at=None
    )
    done.refresh_from_db()
    assert failed(work(done)) == "already_exists"


# --- Cancelling, going on, sharing the line


class Running:
    """The lanes at work in a thread, as the cluster runs them."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.thread = threading.Thread(target=lanes.run, args=(60, self.stop.is_set))
        self.thread.start()

    def end(self) -> None:
        self.stop.set()
        self.thread.join(10)
        assert not self.thread.is_alive()


def until(row: Download, *statuses: str, least: int = 0, seconds: float = 60) -> Download:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        row.refresh_from_db()
        if row.status in statuses and row.done_bytes >= least:
            return row
        time.sleep(0.02)
    raise AssertionError(f"{row.status} {row.done_bytes} {row.error_message}")


def test_a_cancel_ends_it_within_a_second_and_it_can_be_taken_up(
    hub: Hub, transactional_db: None, models_dir: Path
) -> None:
    hub.repo("maker/big", {"big.safetensors": safetensors(16 * MB)})
    hub.faults.pause = 0.1
    row = downloads.start(Asked("huggingface", {"repo": "maker/big"}))
    running = Running()
    until(row, Status.DOWNLOADING, least=MB)
    assert downloads.cancel(row).status == Status.CANCELLED
    running.thread.join(PATIENCE)
    assert not running.thread.is_alive()
    part = next(places.of(row).rglob("*.part")).stat().st_size
    hub.faults.pause = 0
    assert work(downloads.resume(row)).status == Status.COMPLETED
    # What was sent cannot be counted: the first sender notices late that nobody reads on.
    assert hub.at_storage()[-1].headers["range"] == f"bytes={part}-"


def test_a_silent_server_does_not_keep_a_cancel_waiting(hub: Hub, transactional_db: None) -> None:
    hub.repo("maker/big", {"big.safetensors": safetensors(8 * MB)})
    hub.faults.pause = 30
    row = downloads.start(Asked("huggingface", {"repo": "maker/big"}))
    running = Running()
    until(row, Status.DOWNLOADING, least=1000)
    downloads.cancel(row)
    running.thread.join(PATIENCE)
    assert not running.thread.is_alive()


def test_a_stop_gives_it_back_as_far_as_it_came(hub: Hub, transactional_db: None) -> None:
    hub.repo("maker/big", {"big.safetensors": safetensors(8 * MB)})
    hub.faults.pause = 0.05
    row = downloads.start(Asked("huggingface", {"repo": "maker/big"}))
    running = Running()
    until(row, Status.DOWNLOADING, least=MB)
    running.end()
    row.refresh_from_db()
    assert (row.status, row.holder, row.attempts) == (Status.QUEUED, "", 0)
    assert row.done_bytes >= MB


def test_whoever_lost_his_lease_writes_nothing_more(hub: Hub, transactional_db: None) -> None:
    hub.repo("maker/big", {"big.safetensors": safetensors(8 * MB)})
    hub.faults.pause = 0.05
    row = downloads.start(Asked("huggingface", {"repo": "maker/big"}))
    running = Running()
    until(row, Status.DOWNLOADING, least=MB)
    Download.objects.update(holder="another", done_bytes=0, lease_until=F("created_at"))
    Download.objects.update(status=Status.QUEUED, next_try_at="2100-01-01T00:00Z")
    running.thread.join(3)
    row.refresh_from_db()
    assert (row.holder, row.done_bytes, row.status) == ("another", 0, Status.QUEUED)
    running.end()


@pytest.mark.parametrize("locks", [True, False])
def test_what_a_late_writer_adds_is_in_no_model(
    hub: Hub, transactional_db: None, models_dir: Path, locks: bool
) -> None:
    """Stopped in the middle of a piece, he wakes when another has finished his download."""
    data = safetensors(4 * MB)
    hub.repo("maker/big", {"big.safetensors": data})
    hub.faults.pause = 0.05
    row = downloads.start(Asked("huggingface", {"repo": "maker/big"}))
    running = Running()
    until(row, Status.DOWNLOADING, least=MB)
    downloads.cancel(row)
    running.end()
    with next(places.of(row).rglob("*.part")).open("ab") as late:
        if locks:
            fcntl.flock(late, fcntl.LOCK_EX)
        downloads.resume(row)
        running = Running()
        until(row, Status.DOWNLOADING, Status.VERIFYING, Status.COMPLETED, least=2 * MB)
        late.write(b"late" * 1000)
        late.flush()
        hub.faults.pause = 0
        running.thread.join(30)
        until(row, Status.COMPLETED)
        if locks:
            late.write(b"later" * 1000)
    assert (models_dir / row.target).read_bytes() == data


def test_three_come_at_once_and_not_four(hub: Hub, transactional_db: None) -> None:
    hub.faults.pause = 0.1
    for n in range(4):
        hub.repo(f"maker/m{n}", {f"m{n}.safetensors": safetensors(2 * MB, n)})
        downloads.start(Asked("huggingface", {"repo": f"maker/m{n}"}))
    running = Running()
    counts = set()
    end = time.monotonic() + 30
    while Download.objects.filter(status__in=Download.OPEN).exists() and time.monotonic() < end:
        counts.add(Download.objects.filter(status=Status.DOWNLOADING).count())
        time.sleep(0.05)
    running.end()
    assert max(counts) == 3
    assert set(Download.objects.values_list("status", flat=True)) == {Status.COMPLETED}


def test_the_share_of_the_line_holds_for_all_together(
    hub: Hub, transactional_db: None, settings: Settings
) -> None:
    settings.ALICE_DOWNLOAD_MB_PER_SECOND = 2
    for n in range(3):
        hub.repo(f"maker/m{n}", {f"m{n}.safetensors": safetensors(2 * MB, n)})
        downloads.start(Asked("huggingface", {"repo": f"maker/m{n}"}))
    began = time.monotonic()
    lanes.run(60, bool)
    assert set(Download.objects.values_list("status", flat=True)) == {Status.COMPLETED}
    # Six megabytes at two a second, less what may come at once after a silence.
    assert time.monotonic() - began > 2.3


def test_what_uploads_still_need_is_not_free(
    hub: Hub, fetch: Fetch, staff: User, monkeypatch: pytest.MonkeyPatch, models_dir: Path
) -> None:
    hub.repo("maker/big", {"big.safetensors": safetensors(1000)})
    free = shutil.disk_usage(models_dir).free
    Upload.objects.create(
        filename="x.safetensors", size_bytes=free + 10**9, received_bytes=10**6, created_by=staff
    )
    assert failed(fetch("huggingface", repo="maker/big")) == "storage_full"
    assert hub.at_storage() == []


def test_no_room_is_said_before_anything_comes(
    hub: Hub, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repo("maker/big", {"big.safetensors": safetensors(1000)})
    monkeypatch.setattr(places, "SPARE_BYTES", 10**18)
    assert failed(fetch("huggingface", repo="maker/big")) == "storage_full"
    assert hub.at_storage() == []


def test_another_type_than_was_said_is_told(hub: Hub, fetch: Fetch) -> None:
    hub.repo("maker/ink", {"ink.safetensors": safetensors(1000)})
    done = fetch("huggingface", repo="maker/ink", kind="vae")
    assert done.model
    assert (done.status, done.model.kind) == (Status.COMPLETED, "lora")
    assert "of the type LoRA, not VAE" in done.error_message
    hub.repo("maker/wash", {"wash.safetensors": safetensors(1000, seed=2)})
    assert fetch("huggingface", repo="maker/wash", kind="lycoris").error_message == ""


def test_a_folder_that_is_a_link_takes_no_download(
    hub: Hub, fetch: Fetch, models_dir: Path, tmp_path: Path
) -> None:
    hub.repo("maker/ink", {"ink.safetensors": safetensors(1000)})
    (tmp_path / "real").mkdir()
    (models_dir / "loras").symlink_to(tmp_path / "real")
    done = fetch("huggingface", repo="maker/ink")
    assert failed(done) == "other_disk"
    assert list((tmp_path / "real").iterdir()) == []
    (models_dir / "loras").unlink()
    assert work(downloads.resume(done)).model


@pytest.mark.parametrize(
    ("number", "code"), [(errno.EROFS, "storage_unavailable"), (errno.ENOSPC, "storage_full")]
)
def test_a_disk_that_refuses_is_named(
    hub: Hub, fetch: Fetch, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    hub.repo("maker/big", {"big.safetensors": safetensors(1000)})

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        done = fetch("huggingface", repo="maker/big")
    assert failed(done) == code
    assert "models folder" in done.error_message
    assert work(downloads.resume(done)).status == Status.COMPLETED


def test_a_sweep_leaves_what_begins_meanwhile(db: None, models_dir: Path) -> None:
    begun: list[Download] = []

    def begin(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """Another process, right after the rows were read."""
        told = execute(sql, params, many, context)
        if sql.startswith("SELECT") and " OR " in sql and not begun:
            begun.append(Download(source="url", name="x"))
            begun[0].save()
            places.of(begun[0]).mkdir(parents=True)
        return told

    with connection.execute_wrapper(begin):
        sweeping.sweep()
        assert places.of(begun[0]).exists()
        Download.objects.all().delete()
        assert sweeping.sweep() == 1
    assert not places.of(begun[0]).exists()


def test_a_deleted_download_leaves_nothing(hub: Hub, transactional_db: None) -> None:
    hub.repo("maker/big", {"big.safetensors": safetensors(2 * MB)})
    hub.faults.drop = 0.3
    hub.faults.statuses.extend([(503, {})] * 1)
    row = downloads.start(Asked("huggingface", {"repo": "maker/big"}))
    lanes.run(5, bool)
    downloads.cancel(row)
    folder = places.of(row)
    downloads.forget(row)
    assert not folder.exists()
    assert not Download.objects.exists()
