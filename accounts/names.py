"""User names that would be taken for one another, and names nobody may register."""

import unicodedata

# By key: who bore one of these would be believed to speak for the server.
RESERVED = frozenset(
    {"admin", "administrator", "anonymous", "local", "nobody", "root", "staff", "system"}
)
# Letters that look like a Latin one in one of their cases, after case folding.
CYRILLIC = str.maketrans(
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445"
    "\u0455\u0456\u0458\u04bb\u04cf\u0501\u051b\u051d",
    "abekmhopctyxsijhldqw",
)
GREEK = str.maketrans(
    "\u03b1\u03b2\u03b5\u03b6\u03b7\u03b9\u03ba\u03bc\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7",
    "abezhikmvoptux",
)
LATIN = str.maketrans("\u0131\u0251\u0261", "iag")
TWINS = CYRILLIC | GREEK | LATIN


def key_of(username: str) -> str:
    """What `username` looks like: equal for names that differ in case, width or alphabet only."""
    wide = unicodedata.normalize("NFKC", username).casefold()
    return unicodedata.normalize("NFKC", wide).translate(TWINS)


def reserved(username: str) -> bool:
    return key_of(username) in RESERVED
