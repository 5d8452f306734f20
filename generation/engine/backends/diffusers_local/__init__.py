"""Draws with diffusers pipelines on this machine's own device: CUDA, ROCm, MPS or CPU."""
