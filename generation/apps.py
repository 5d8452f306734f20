from django.apps import AppConfig


class GenerationConfig(AppConfig):
    name = "generation"
    verbose_name = "Jobs and workers"

    def ready(self) -> None:
        import generation.answers
        import generation.leaving  # noqa: F401 connects them
