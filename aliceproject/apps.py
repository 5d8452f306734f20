from django.apps import AppConfig


class AliceprojectConfig(AppConfig):
    name = "aliceproject"

    def ready(self) -> None:
        from aliceproject import checks, inline, queue  # noqa: F401 - checks registers itself

        inline.harden()
        queue.harden()
