"""How long a look through the models folder takes: python -m bench.scan_models [models].

A tenth are diffusers folders, the others files of every kind; SQLite, in a folder of its own.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

MODELS = int(sys.argv[1]) if len(sys.argv) > 1 else 1000


def fill(folder: Path) -> None:
    from tests.model_folders import build
    from tests.modelhub import real_headers

    for number in range(MODELS):
        if number % 10 == 0:
            build(folder / f"folder-{number}")
        else:
            name = real_headers.NAMES[number % len(real_headers.NAMES)]
            real_headers.build(name, folder / "many", called=f"file-{number}")


def timed(title: str) -> None:
    from modelhub.scanning import scan

    begin = time.perf_counter()
    counts = scan().counts()
    took = time.perf_counter() - begin
    told = ", ".join(f"{count} {group}" for group, count in counts.items() if count)
    print(f"{title:24} {took:6.2f} s ({told})", flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        os.environ |= {"ALICE_DATA_DIR": place, "DJANGO_SETTINGS_MODULE": "aliceproject.settings"}
        import django
        from django.conf import settings
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        folder = Path(settings.ALICE_MODELS_DIR)
        fill(folder)
        timed(f"first scan of {MODELS}")
        for _ in range(3):
            timed("nothing changed")


if __name__ == "__main__":
    main()
