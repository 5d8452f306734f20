"""Where models come from: one module a source, all of one shape (`contract.Origin`)."""

from collections.abc import Mapping
from types import MappingProxyType

from modelhub.models.downloads import Source
from modelhub.sources import civitai, huggingface, s3, url
from modelhub.sources.contract import Origin

ORIGINS: Mapping[str, Origin] = MappingProxyType(
    {
        Source.HUGGINGFACE: huggingface.HuggingFace(),
        Source.CIVITAI: civitai.CivitAI(),
        Source.URL: url.Url(),
        Source.S3: s3.Bucket(),
    }
)
