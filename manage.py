#!/usr/bin/env python
"""Django's command line."""

import os
import sys

from aliceproject.env import SettingError


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aliceproject.settings")
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except SettingError as problem:
        # For an operator, not a programmer: where, which key, which value, what is allowed.
        sys.exit(f"ALICE cannot start. {problem}")


if __name__ == "__main__":
    main()
