"""What the service costs over the bare pipeline: same model, same steps, one client, in turn.

    .venv/bin/python bench/overhead.py [--pairs 20] [--steps 20]

Starts its own server on a free port and a temporary data directory, then alternates a bare
`StableDiffusionPipeline` call in this process with POST /v1/images/generations (b64_json, so the
PNG is encoded, stored and sent). The bare call is made in --dtype: give the one the worker chose,
which /health names, or the ratio compares two precisions. Prints medians, their ratio, and the
stages of the jobs' own records; with --json the same as JSON.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
from server import Server, running

ROOT = Path(__file__).parents[1]
PROMPT = "a serene mountain landscape at sunset"


def bare_pipeline(steps: int, dtype: str) -> Callable[[], object]:
    import torch
    from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

    pipe = StableDiffusionPipeline.from_pretrained(
        ROOT / "modelhub/demo/model",
        dtype=getattr(torch, dtype),
        local_files_only=True,
        use_safetensors=True,
    )
    pipe.scheduler = DPMSolverMultistepScheduler.from_config(
        pipe.scheduler.config, algorithm_type="sde-dpmsolver++", use_karras_sigmas=True
    )
    pipe.set_progress_bar_config(disable=True)

    def draw() -> object:
        generator = torch.Generator("cpu").manual_seed(7)
        return pipe(PROMPT, num_inference_steps=steps, guidance_scale=7.5, generator=generator)

    return draw


def api(client: httpx2.Client, steps: int) -> Callable[[], object]:
    body = {"prompt": PROMPT, "num_inference_steps": steps, "guidance_scale": 7.5, "seed": 7}

    def draw() -> object:
        return client.post("/v1/images/generations", json=body).raise_for_status()

    return draw


def milliseconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def first_step(client: httpx2.Client, steps: int) -> float:
    """Milliseconds from sending POST /v1/jobs to the first event that tells of a step done."""
    start = time.perf_counter()
    job = client.post("/v1/jobs", json={"prompt": PROMPT, "steps": steps}).raise_for_status().json()
    # To its end: the next job must not wait for this one.
    with client.stream("GET", f"/v1/jobs/{job['id']}/events") as events:
        seen = [
            (time.perf_counter() - start) * 1000
            for line in events.iter_lines()
            if line.startswith("data: ") and json.loads(line.removeprefix("data: "))["step"]
        ]
    return seen[0]


def measure(server: Server, pairs: int, steps: int, dtype: str) -> dict[str, Any]:
    bare = bare_pipeline(steps, dtype)
    with httpx2.Client(base_url=server.url, headers=server.headers, timeout=120) as client:
        through = api(client, steps)
        for warm_up in (bare, through, bare, through):
            warm_up()
        timed = [(milliseconds(bare), milliseconds(through)) for _ in range(pairs)]
        steps_ms = [first_step(client, steps) for _ in range(max(3, pairs // 2))]
        listed = client.get("/v1/jobs", params={"limit": 50}).json()["data"]
        jobs = [job for job in listed if job["status"] == "succeeded"]
    bare_ms, api_ms = (statistics.median(column) for column in zip(*timed, strict=True))
    stages = {
        name: statistics.median(job["timings"][name] for job in jobs)
        for name in ("queue_ms", "load_ms", "encode_ms", "denoise_ms", "decode_ms", "save_ms")
    }
    return {
        "pairs": pairs,
        "steps": steps,
        "dtype": dtype,
        "bare_ms": bare_ms,
        "api_ms": api_ms,
        "overhead_ms": statistics.median(a - b for b, a in timed),
        "ratio": statistics.median(a / b for b, a in timed),
        "submit_to_first_step_ms": statistics.median(steps_ms),
        **stages,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="bfloat16")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with running() as server:
        figures = measure(server, options.pairs, options.steps, options.dtype)
    if options.json:
        json.dump(figures, sys.stdout)
        return
    for name, value in figures.items():
        print(
            f"{name:28} {value:10.3f}" if isinstance(value, float) else f"{name:28} {value!s:>10}"
        )


if __name__ == "__main__":
    main()
