from django.apps import AppConfig


class AliceprojectConfig(AppConfig):
    name = "aliceproject"

    def ready(self) -> None:
        from aliceproject import queue

        queue.harden()
