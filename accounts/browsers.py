"""What a browser calls itself, in words its owner knows it by."""

import re

# The first row that fits wins: most browsers also claim to be those below them.
PROGRAMS = (
    (re.compile(r"Edg(e|A|iOS)?/"), "Edge"),
    (re.compile(r"OPR/|Opera"), "Opera"),
    (re.compile(r"Firefox/|FxiOS/"), "Firefox"),
    (re.compile(r"Chrome/|CriOS/|Chromium/"), "Chrome"),
    (re.compile(r"Safari/"), "Safari"),
)
SYSTEMS = (
    (re.compile("iPhone"), "iPhone"),
    (re.compile("iPad"), "iPad"),
    (re.compile("Android"), "Android"),
    (re.compile("Windows"), "Windows"),
    (re.compile("Mac OS X|Macintosh"), "macOS"),
    (re.compile("CrOS"), "ChromeOS"),
    (re.compile("Linux|X11"), "Linux"),
)


def name_of(agent: str) -> str:
    """Such as `Firefox on Linux`; a User-Agent nobody knows stands for itself."""
    program = next((name for pattern, name in PROGRAMS if pattern.search(agent)), "")
    system = next((name for pattern, name in SYSTEMS if pattern.search(agent)), "")
    if not program:
        return agent[:60] or "An unknown program"
    return f"{program} on {system}" if system else program
