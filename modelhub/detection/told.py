"""What a file's own metadata says: cut to size, shown, believed only where weights are silent.

Trainers write it: `ss_` keys by kohya's scripts and what descends from them, `modelspec.` keys by
many. Values are text; some of the text is JSON again, and can be megabytes.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from modelhub.families import Family, Prediction, traits_of

LONGEST_VALUE = 500
MAX_KEYS = 40
MAX_NESTED_BYTES = 8_000_000
# Lists, objects and their members: each takes two bytes there, and thirty times as many in memory.
MAX_NESTED_PIECES = 200_000
MAX_TRIGGER_WORDS = 20
TOP_TAGS = 10
LONGEST_TRIGGER_WORD = 100
# Control characters, halves of surrogate pairs, and what turns the direction of text around.
UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufeff]+")

KEPT = (
    "modelspec.title", "modelspec.author", "modelspec.description", "modelspec.architecture",
    "modelspec.implementation", "modelspec.resolution", "modelspec.prediction_type",
    "modelspec.date", "modelspec.license", "modelspec.usage_hint", "modelspec.trigger_phrase",
    "modelspec.tags", "modelspec.merged_from", "ss_base_model_version", "ss_sd_model_name",
    "ss_output_name", "ss_network_module", "ss_network_dim", "ss_network_alpha", "ss_resolution",
    "ss_num_train_images", "ss_num_epochs", "ss_steps", "ss_learning_rate", "ss_clip_skip",
    "ss_training_comment", "format", "name", "step", "software",
)  # fmt: skip
PREDICTIONS: Mapping[str, Prediction] = {
    "epsilon": Prediction.EPSILON,
    "eps": Prediction.EPSILON,
    "v": Prediction.V,
    "v_prediction": Prediction.V,
    "v-prediction": Prediction.V,
    "sample": Prediction.SAMPLE,
    "flow": Prediction.FLOW,
    "flow_prediction": Prediction.FLOW,
}
# Within what an architecture is called: the variant, and for Stable Diffusion 2 what it predicts.
ARCHITECTURES: tuple[tuple[str, str], ...] = (
    ("refiner", "refiner"),
    ("inpaint", "inpaint"),
    ("-512", "base"),
    ("large-turbo", "3.5-large-turbo"),
    ("turbo", "turbo"),
    ("lightning", "lightning"),
    ("hyper", "hyper"),
    ("lcm", "lcm"),
    ("schnell", "schnell"),
    ("kontext", "kontext"),
)
ARCHITECTURE_KEYS = ("modelspec.architecture", "modelspec.title", "ss_sd_model_name")


def plain(text: str, limit: int = LONGEST_VALUE) -> str:
    """`text` on one line, with nothing in it that no database or page takes, cut to `limit`."""
    return UNSHOWN.sub(" ", text[: 4 * limit]).strip()[:limit]


def kept(metadata: Mapping[str, str]) -> dict[str, Any]:
    """The keys worth showing, cut to size; pictures and training records stay in the file."""
    told = {key: plain(metadata[key]) for key in KEPT if metadata.get(key)}
    return dict(list(told.items())[:MAX_KEYS])


def words(texts: Iterable[object]) -> tuple[str, ...]:
    """Trigger words: split at commas, each once, cut to size."""
    parts = (part for text in texts if isinstance(text, str) for part in text.split(","))
    clean = (plain(part, LONGEST_TRIGGER_WORD) for part in parts)
    return tuple(dict.fromkeys(word for word in clean if word))[:MAX_TRIGGER_WORDS]


def trigger_words(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """What its author says, else the tags most of its training pictures had."""
    said = words([metadata.get("modelspec.trigger_phrase", "")])
    return said or words(_top_tags(metadata.get("ss_tag_frequency", "")))


def _top_tags(text: str) -> list[str]:
    counts: Counter[str] = Counter()
    for folder in _nested(text).values():
        for tag, count in folder.items() if isinstance(folder, dict) else ():
            if isinstance(count, int) and not isinstance(count, bool):
                counts[tag.strip()] += count
    return [tag for tag, _ in counts.most_common(TOP_TAGS)]


def _nested(text: str) -> dict[str, Any]:
    pieces = sum(text.count(mark) for mark in "[{,")
    if not text or len(text) > MAX_NESTED_BYTES or pieces > MAX_NESTED_PIECES:
        return {}
    try:
        made = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return made if isinstance(made, dict) else {}


def prediction(metadata: Mapping[str, str]) -> Prediction | None:
    """What the file says it predicts; None where it says nothing that is known."""
    said = PREDICTIONS.get(metadata.get("modelspec.prediction_type", "").strip().lower())
    architecture = metadata.get("modelspec.architecture", "").lower()
    if said or "stable-diffusion-v2" not in architecture:
        return said
    return Prediction.V if architecture.endswith("-v") else Prediction.EPSILON


def variant(family: Family, metadata: Mapping[str, str]) -> str:
    """The variant that metadata names, of those the family has."""
    told = " ".join(metadata.get(key, "").lower()[:LONGEST_VALUE] for key in ARCHITECTURE_KEYS)
    return named_in(family, told)


def named_in(family: Family, text: str) -> str:
    """The first variant of the family that `text` names; empty: none."""
    known = traits_of(family).variants
    return next((name for part, name in ARCHITECTURES if part in text and name in known), "")
