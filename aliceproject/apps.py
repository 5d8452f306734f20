from django.apps import AppConfig


class AliceprojectConfig(AppConfig):
    name = "aliceproject"

    def ready(self) -> None:
        from aliceproject import checks, queue  # noqa: F401 - checks registers itself

        queue.harden()
