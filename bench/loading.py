"""How long an SD 1.5-size model takes to load: one file, its converted copy, plain diffusers.

    .venv/bin/python bench/loading.py [--folder DIR] [--rounds 3] [--keep]

Writes random weights of the true SD 1.5 architecture (some 13 GB in DIR, a temporary folder by
default) as an fp32 file, as fp32 and bf16 diffusers folders, and converts the file. Each load runs
in a fresh process, imports not counted, cold (the files' pages dropped before) and warm, and is
timed twice: until the pipeline is ready, and until every weight was read once, since mapped files
are read late. Ratios are against from_pretrained in the same state.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from generation.engine.contract import ModelRef
from modelhub import components, copies

WAYS = ("from_pretrained fp32", "from_pretrained bf16", "single file", "converted copy")


def prepare(folder: Path) -> None:
    import diffusers
    import torch
    import transformers

    from tests import single_files

    torch.manual_seed(0)
    ours = components.ROOT / "sd1"
    full = folder / "fp32"
    shutil.copytree(ours, full)
    for name, cls in (("unet", "UNet2DConditionModel"), ("vae", "AutoencoderKL")):
        config = json.loads((ours / name / "config.json").read_text())
        getattr(diffusers, cls).from_config(config).save_pretrained(full / name)
    config = json.loads((ours / "text_encoder/config.json").read_text())
    text = transformers.CLIPTextModel(transformers.CLIPTextConfig(**config))
    text.save_pretrained(full / "text_encoder")
    from generation.engine.backends.diffusers_local import tokenizers

    tokenizers.clip(ours / "tokenizer").save_pretrained(full / "tokenizer")
    single_files.write_sd(full, folder / "one.safetensors")
    shutil.rmtree(components.sidecar(folder / "one.safetensors"))
    pipe = diffusers.StableDiffusionPipeline.from_pretrained(
        full, dtype=torch.bfloat16, local_files_only=True, safety_checker=None
    )
    pipe.save_pretrained(folder / "bf16")
    started = time.perf_counter()
    copies.make(folder, folder / "one.safetensors", lambda draft: _converted(folder, draft))
    print(f"converted in {time.perf_counter() - started:.1f} s")


def _converted(folder: Path, draft: Path) -> str:
    from generation.engine import registry

    return registry.convert("diffusers", "cpu", _ref(folder), draft)


def _ref(folder: Path, copy: str = "") -> ModelRef:
    file = str(folder / "one.safetensors")
    return ModelRef("sd/one", file, "sd1", "single_file", 512, copy=copy)


def files_of(folder: Path, way: str) -> list[Path]:
    places = {
        "from_pretrained fp32": folder / "fp32",
        "from_pretrained bf16": folder / "bf16",
        "single file": folder / "one.safetensors",
        "converted copy": folder / copies.CONVERTED,
    }
    place = places[way]
    return [place] if place.is_file() else [f for f in place.rglob("*") if f.is_file()]


def load_once(folder: Path, way: str) -> dict[str, Any]:
    """In a process of its own: seconds until ready, and until all weights were read."""
    import diffusers
    import torch

    from generation.engine.backends.diffusers_local import loading
    from generation.engine.registry import open_backend

    # Imports what is imported at first use, and quietens the libraries.
    open_backend("diffusers", "cpu")
    dtype = torch.bfloat16
    started = time.perf_counter()
    if way.startswith("from_pretrained"):
        pipe = diffusers.StableDiffusionPipeline.from_pretrained(
            folder / way[-4:], dtype=dtype, local_files_only=True, use_safetensors=True
        )
    else:
        copy = str(copies.all_in(folder)[0].path) if way == "converted copy" else ""
        warm = loading.load(_ref(folder, copy), torch.device("cpu"))
        pipe, dtype = warm.pipe, warm.dtype
    ready = time.perf_counter() - started
    for part in (pipe.unet, pipe.vae, pipe.text_encoder):
        for weight in part.parameters():
            weight.detach().flatten()[:: max(1, 2048 // weight.element_size())].sum().item()
    return {"ready": ready, "read": time.perf_counter() - started, "dtype": str(dtype)}


def forget(files: list[Path]) -> None:
    for file in files:
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measure(folder: Path, rounds: int) -> None:
    times: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for _ in range(rounds):
        for way in WAYS:
            for state in ("cold", "warm"):
                if state == "cold":
                    forget(files_of(folder, way))
                told = subprocess.run(
                    [sys.executable, __file__, "--folder", str(folder), "--once", way],
                    capture_output=True, text=True, check=True,
                )  # fmt: skip
                once = json.loads(told.stdout.splitlines()[-1])
                print(state, way, once, flush=True)
                times.setdefault((way, state), []).append(once)
    for state in ("cold", "warm"):
        base = statistics.median(t["read"] for t in times["from_pretrained fp32", state])
        half = statistics.median(t["read"] for t in times["from_pretrained bf16", state])
        for way in WAYS:
            ready = statistics.median(t["ready"] for t in times[way, state])
            read = statistics.median(t["read"] for t in times[way, state])
            dtype = times[way, state][0]["dtype"]
            print(
                f"{state} {way:22} ready {ready:6.2f} s  read {read:6.2f} s  {dtype}"
                f"  x{read / base:.2f} of fp32's, x{read / half:.2f} of bf16's"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--once", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        print(json.dumps(load_once(options.folder, options.once)))
        return
    folder = options.folder or Path(tempfile.mkdtemp(prefix="alice-loading-"))
    try:
        if not (folder / "one.safetensors").exists():
            folder.mkdir(parents=True, exist_ok=True)
            prepare(folder)
        measure(folder, options.rounds)
    finally:
        if not options.keep:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
