"""Says in words what is in a scene, in many ways."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence

import numpy as np

from modelhub.demo.training.scenes import Scene

Random = np.random.Generator

# Singular phrases carry their article as "a"; an adjective may go between the two.
GROUND_WORDS: Mapping[str, Sequence[str]] = {
    "mountains": (
        "a mountain landscape",
        "mountains",
        "a mountain range",
        "tall mountains",
        "mountain peaks",
        "rocky mountains",
        "an alpine landscape",
    ),
    "lake": (
        "a lake",
        "a mountain lake",
        "a calm lake",
        "a lake with reflections",
        "a lake landscape",
    ),
    "sea": ("the sea", "the ocean", "a calm sea", "ocean waves", "the open water", "a seascape"),
    "beach": (
        "a beach",
        "a sandy beach",
        "a tropical beach",
        "the sea shore",
        "a coast",
        "the seaside",
    ),
    "desert": (
        "a desert",
        "sand dunes",
        "a desert landscape",
        "dunes",
        "a sandy desert",
        "the desert",
    ),
    "forest": (
        "a forest",
        "a pine forest",
        "the woods",
        "a forest landscape",
        "trees in a forest",
        "woodland",
    ),
    "meadow": (
        "a meadow",
        "a green field",
        "green hills",
        "a grassy meadow",
        "rolling hills",
        "the countryside",
    ),
    "snow": (
        "a snowy landscape",
        "snow",
        "a snow field",
        "a winter landscape",
        "snowy hills",
        "winter",
    ),
}
AUTUMN_WORDS: Mapping[str, Sequence[str]] = {
    "forest": ("an autumn forest", "a forest in autumn", "autumn trees", "a golden autumn forest"),
    "meadow": ("an autumn meadow", "a golden field", "autumn hills", "a field in autumn"),
    "lake": ("an autumn lake", "a lake in autumn", "a lake with autumn trees"),
}
SNOWY_PEAKS = ("snowy mountains", "snowy peaks", "mountains with snow", "a snowy mountain range")
FLOWERY = (
    "a meadow with flowers",
    "a flower field",
    "a field of flowers",
    "wildflowers in a meadow",
)
BACKDROP = ("mountains in the background", "distant mountains", "mountains behind", "mountains")
TIME_WORDS: Mapping[str, Sequence[str]] = {
    "dawn": (
        "at dawn",
        "at sunrise",
        "in the early morning",
        "in the morning light",
        "at daybreak",
    ),
    "noon": (
        "at noon",
        "on a sunny day",
        "at midday",
        "in daylight",
        "on a bright day",
        "under a blue sky",
    ),
    "sunset": ("at sunset", "at dusk", "in the evening", "under a red sky", "in the golden hour"),
    "night": ("at night", "at midnight", "under the stars", "on a starry night", "on a dark night"),
    "storm": (
        "in a storm",
        "in the rain",
        "during a thunderstorm",
        "under dark clouds",
        "on a stormy day",
    ),
    "mist": ("in the mist", "in fog", "on a foggy day", "on a misty morning", "in the haze"),
}
TIME_NOUNS: Mapping[str, Sequence[str]] = {
    "dawn": ("dawn", "sunrise", "a pink morning sky", "early morning"),
    "noon": ("noon", "a blue sky", "a sunny day", "bright daylight"),
    "sunset": ("sunset", "a red sunset", "an orange sunset", "dusk", "an evening sky"),
    "night": ("night", "a night sky", "a starry sky", "a starry night"),
    "storm": ("a storm", "a thunderstorm", "rain", "a stormy sky"),
    "mist": ("mist", "fog", "thick fog", "haze"),
}
THING_WORDS: Mapping[str, Sequence[str]] = {
    "house": ("a house", "a cottage", "a cabin", "a small house", "a hut"),
    "tree": ("a tree", "a lonely tree", "a single tree", "a big tree"),
    "palm": ("a palm tree", "a palm", "a tall palm tree"),
    "cactus": ("a cactus", "a green cactus", "a tall cactus"),
    "boat": ("a boat", "a sailboat", "a sailing boat", "a ship", "a small boat"),
    "lighthouse": ("a lighthouse", "a red and white lighthouse", "a tall lighthouse"),
}
ADJECTIVES = [
    "serene",
    "peaceful",
    "beautiful",
    "quiet",
    "calm",
    "majestic",
    "lonely",
    "dreamy",
    "scenic",
    "wide",
    "epic",
    "tranquil",
    "stunning",
    "lovely",
    "wild",
    "silent",
    "vast",
    "magical",
    "pretty",
    "gorgeous",
    "breathtaking",
]
OPENINGS = (
    "a photo of",
    "a picture of",
    "a painting of",
    "an illustration of",
    "a view of",
    "an image of",
    "a landscape with",
    "photograph of",
    "a drawing of",
)
TAILS = (
    "digital art",
    "highly detailed",
    "oil painting",
    "landscape photography",
    "masterpiece",
    "best quality",
    "4k",
    "8k",
    "soft light",
    "cinematic lighting",
    "vivid colors",
    "concept art",
    "watercolor",
    "high resolution",
    "sharp focus",
    "flat illustration",
    "minimalist",
    "trending on artstation",
    "realistic",
    "wallpaper",
)


def caption(scene: Scene, rng: Random) -> str:
    """One of the many captions of a scene; empty once in ten, for guidance without a prompt."""
    fate = rng.random()
    if fate < 0.10:
        return ""
    if fate < 0.13:
        return _join_words(_pick(rng, TIME_NOUNS[scene.time]), rng)
    text = _as_tags(scene, rng) if fate < 0.28 else _as_sentence(scene, rng)
    return _join_words(text, rng)


def _as_sentence(scene: Scene, rng: Random) -> str:
    ground = _with_adjective(_ground(scene, rng), rng)
    named = scene.thing is not None and rng.random() < 0.92
    thing = _pick(rng, THING_WORDS[scene.thing]) if scene.thing and named else None
    extras = _extras(scene, rng)
    when = _pick(rng, TIME_WORDS[scene.time]) if rng.random() < 0.95 else ""
    form = rng.random()
    if thing and form < 0.45:
        joint = "on" if scene.ground in ("sea", "lake", "beach") else "in"
        ground = f"{thing} {_pick(rng, (joint, 'in', 'by', 'with'))} {ground}"
    elif thing:
        extras.insert(int(rng.integers(len(extras) + 1)), thing)
    if extras:
        ground += " with " + " and ".join(extras)
    if when and form > 0.82:
        return f"{_pick(rng, TIME_NOUNS[scene.time])} over {ground}"
    if when and form > 0.72:
        return f"{when} {ground}"
    comma = "," if rng.random() < 0.2 else ""
    opening = _pick(rng, OPENINGS) + " " if rng.random() < 0.25 else ""
    return f"{opening}{ground}{comma} {when}".strip()


def _as_tags(scene: Scene, rng: Random) -> str:
    tags = [_ground(scene, rng), _pick(rng, TIME_NOUNS[scene.time]), *_extras(scene, rng)]
    if scene.thing:
        tags.append(_pick(rng, THING_WORDS[scene.thing]))
    bare = [tag.removeprefix("a ").removeprefix("an ").removeprefix("the ") for tag in tags]
    return ", ".join(bare[number] for number in rng.permutation(len(bare)))


def _ground(scene: Scene, rng: Random) -> str:
    if scene.autumn:
        return _pick(rng, AUTUMN_WORDS[scene.ground])
    if scene.ground == "mountains" and scene.snowy and rng.random() < 0.7:
        return _pick(rng, SNOWY_PEAKS)
    if scene.flowers and rng.random() < 0.75:
        return _pick(rng, FLOWERY)
    return _pick(rng, GROUND_WORDS[scene.ground])


def _extras(scene: Scene, rng: Random) -> list[str]:
    night = scene.time == "night"
    wanted = [
        (scene.backdrop and scene.ground != "lake", 0.75, BACKDROP),
        (scene.clouds and scene.time != "storm", 0.55, ("clouds", "a cloudy sky", "white clouds")),
        (scene.orb and night, 0.65, ("the moon", "a full moon", "moonlight", "a bright moon")),
        (scene.orb and not night, 0.35, ("the sun", "a bright sun", "sunlight")),
        (scene.aurora, 0.95, ("northern lights", "an aurora", "green northern lights")),
        (scene.lightning, 0.9, ("lightning", "a lightning bolt")),
    ]
    return [_pick(rng, words) for there, odds, words in wanted if there and rng.random() < odds]


def _with_adjective(phrase: str, rng: Random) -> str:
    if rng.random() > 0.4:
        return phrase
    adjective = _pick(rng, ADJECTIVES)
    for article in ("an ", "a "):
        if phrase.startswith(article):
            new = "an" if adjective[0] in "aeiou" else "a"
            return f"{new} {adjective} {phrase.removeprefix(article)}"
    if phrase.startswith("the "):
        return f"the {adjective} {phrase.removeprefix('the ')}"
    return f"{adjective} {phrase}"


def _join_words(text: str, rng: Random) -> str:
    if rng.random() < 0.35:
        chosen = rng.permutation(len(TAILS))[: int(rng.integers(1, 4))]
        text = ", ".join([text, *(TAILS[number] for number in chosen)])
    if rng.random() < 0.12:
        # A word it cannot know, so that it learns to read past such words.
        letters = rng.choice(list(string.ascii_lowercase), int(rng.integers(3, 9)))
        words = text.split(" ")
        words.insert(int(rng.integers(len(words) + 1)), "".join(letters))
        text = " ".join(words)
    return text


def _pick(rng: Random, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def words() -> list[str]:
    """Every word a caption may hold, each once, in a fixed order."""
    tables = (GROUND_WORDS, AUTUMN_WORDS, TIME_WORDS, TIME_NOUNS, THING_WORDS)
    phrases = [phrase for table in tables for row in table.values() for phrase in row]
    phrases += [*SNOWY_PEAKS, *FLOWERY, *BACKDROP, *ADJECTIVES, *OPENINGS, *TAILS, *MORE_WORDS]
    return sorted({word for phrase in phrases for word in phrase.split()})


# Drawn by no table above but by the code that joins them, or likely in what people type.
MORE_WORDS = [
    "a",
    "an",
    "the",
    "and",
    "with",
    "in",
    "on",
    "by",
    "over",
    "under",
    "at",
    "of",
    "clouds",
    "cloudy",
    "sky",
    "white",
    "moon",
    "full",
    "moonlight",
    "bright",
    "sun",
    "sunlight",
    "northern",
    "lights",
    "aurora",
    "green",
    "lightning",
    "bolt",
    "blue",
    "red",
    "no",
    "without",
    "very",
]
