"""What the engine costs over the bare pipeline: same model, same order, same process, in turn.

    .venv/bin/python bench/engine.py [--model DIR] [--pairs 10] [--steps 20] [--side 0] [--bf16]

Alternates a plain StableDiffusionPipeline call with Runner.run, checks that both made the same
pixels, and prints medians, their ratio and the engine's own stages; with --json the same as JSON.
--bf16 makes both compute in bfloat16 on a CPU, whatever the model's size.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from generation.engine.backends.diffusers_local import device as devices
from generation.engine.backends.diffusers_local import schedulers
from generation.engine.contract import JobSpec, ModelRef, Result, Task
from generation.engine.registry import open_backend
from generation.engine.runner import Runner
from generation.engine.samplers import SAMPLERS

DEMO = Path(__file__).parents[1] / "modelhub/demo/model"
PROMPT = "a serene mountain landscape at sunset"


def bare(folder: Path, spec: JobSpec, dtype: str) -> Callable[[], bytes]:
    import diffusers
    import torch

    pipe = diffusers.DiffusionPipeline.from_pretrained(
        folder, dtype=getattr(torch, dtype), local_files_only=True, use_safetensors=True
    )
    pipe.set_progress_bar_config(disable=True)
    pipe.to("cuda" if torch.cuda.is_available() else "cpu")
    schedule = pipe.scheduler.config

    def draw() -> bytes:
        pipe.scheduler = schedulers.build(spec.scheduler, schedule)
        image = pipe(
            spec.prompt,
            width=spec.width,
            height=spec.height,
            num_inference_steps=spec.num_inference_steps,
            guidance_scale=spec.guidance_scale,
            generator=torch.Generator("cpu").manual_seed(spec.seed),
        ).images[0]
        return bytes(image.tobytes())

    return draw


def engine(folder: Path, spec: JobSpec, family: str) -> Callable[[], Result]:
    runner = Runner(open_backend("diffusers"), cache_size=1, idle_seconds=0)
    model = ModelRef(spec.model, str(folder), family, "diffusers", spec.width)

    def draw() -> Result:
        [result] = runner.run(model, [spec], lambda step: None)
        return result

    return draw


def timed(call: Callable[[], Any]) -> tuple[float, float, Any]:
    """Wall and processor milliseconds (the latter bears other programs' company), and the answer."""
    start, busy = time.perf_counter(), time.process_time()
    answer = call()
    spent = time.process_time() - busy
    return (time.perf_counter() - start) * 1000, spent * 1000, answer


def measure(options: argparse.Namespace) -> dict[str, Any]:
    import torch

    if options.bf16:
        devices.BF16_WORTH = 0
    unet = json.loads((options.model / "unet" / "config.json").read_text())
    side = options.side or unet["sample_size"] * 8
    spec = JobSpec(
        Task.TXT2IMG, "bench", PROMPT, "", side, side, options.steps, 7.5, options.scheduler, 7
    )
    ours = engine(options.model, spec, options.family)
    load_ms = ours().timings.load_ms
    plain = bare(options.model, spec, "bfloat16" if options.bf16 else "float32")
    plain()
    pairs = [(timed(plain), timed(ours)) for _ in range(options.pairs)]
    answers = [(pixels, result) for (_, _, pixels), (_, _, result) in pairs]
    stages = [result.timings for _, result in answers]
    return {
        "side": side,
        "steps": options.steps,
        "threads": torch.get_num_threads(),
        "same_pixels": all(pixels == r.pictures[0].raster.rgb for pixels, r in answers),
        "load_ms": load_ms,
        "bare_ms": statistics.median(b[0] for b, _ in pairs),
        "engine_ms": statistics.median(e[0] for _, e in pairs),
        "ratio": statistics.median(e[0] / b[0] for b, e in pairs),
        "bare_cpu_ms": statistics.median(b[1] for b, _ in pairs),
        "engine_cpu_ms": statistics.median(e[1] for _, e in pairs),
        "cpu_ratio": statistics.median(e[1] / b[1] for b, e in pairs),
        "encode_ms": statistics.median(t.encode_ms for t in stages),
        "denoise_ms": statistics.median(t.denoise_ms for t in stages),
        "decode_ms": statistics.median(t.decode_ms for t in stages),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=DEMO)
    parser.add_argument("--family", default="sd-custom")
    parser.add_argument("--scheduler", default="dpm++_sde_karras", choices=SAMPLERS)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--side", type=int, default=0)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measure(options)
    if options.json:
        json.dump(figures, sys.stdout)
        return
    for name, value in figures.items():
        print(
            f"{name:20} {value:10.3f}" if isinstance(value, float) else f"{name:20} {value!s:>10}"
        )


if __name__ == "__main__":
    main()
