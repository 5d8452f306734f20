from django.apps import AppConfig


class GenerationConfig(AppConfig):
    name = "generation"

    def ready(self) -> None:
        import generation.answers
        import generation.leaving  # noqa: F401 connects them
