"""ALICE, the Artificial Latent Image Composition Engine."""

__version__ = "0.1.0"
