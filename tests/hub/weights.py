"""Files of weights that are whole and mean nothing, of any size."""

import json
import random


def safetensors(size: int, seed: int = 1, name: str = "lora_unet_mid.lora_down.weight") -> bytes:
    """A whole file of about `size` bytes."""
    count = max(1, size // 2)
    header = json.dumps(
        {
            "__metadata__": {"ss_network_module": "networks.lora"},
            name: {"dtype": "F16", "shape": [count, 1], "data_offsets": [0, count * 2]},
        }
    ).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + random.Random(seed).randbytes(count * 2)


def pipeline(*, half: bool = False, size: int = 4000) -> dict[str, bytes]:
    """The files of a repository with a pipeline, as they lie on Hugging Face."""
    index = {
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": "0.42.1",
        "scheduler": ["diffusers", "PNDMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
        "feature_extractor": ["transformers", "CLIPImageProcessor"],
        "image_encoder": [None, None],
    }
    files = {
        "model_index.json": json.dumps(index).encode(),
        "README.md": b"# A model",
        "v1-5.safetensors": safetensors(size, 9),
        "v1-5.ckpt": b"\x80\x02pickle",
        "evil.py": b"raise SystemExit",
        "scheduler/scheduler_config.json": b"{}",
        "tokenizer/vocab.json": b'{"a": 0}',
        "tokenizer/merges.txt": b"#version: 0.2\n",
        "tokenizer/tokenizer.py": b"raise SystemExit",
        "feature_extractor/preprocessor_config.json": b"{}",
        "safety_checker/config.json": b"{}",
        "safety_checker/model.safetensors": safetensors(size, 8),
        "text_encoder/config.json": b'{"hidden_size": 768}',
        "unet/config.json": b'{"cross_attention_dim": 768, "sample_size": 64}',
        "vae/config.json": b'{"block_out_channels": [1, 2, 3, 4]}',
    }
    for seed, (part, stem) in enumerate(
        (("text_encoder", "model"), ("unet", "diffusion_pytorch_model"),
         ("vae", "diffusion_pytorch_model"))
    ):  # fmt: skip
        files[f"{part}/{stem}.safetensors"] = safetensors(size * 2, seed)
        files[f"{part}/{stem}.bin"] = b"\x80\x02pickle"
        if half:
            files[f"{part}/{stem}.fp16.safetensors"] = safetensors(size, seed)
    return files
