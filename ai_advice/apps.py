"""Django app config."""

from django.apps import AppConfig


class AiAdviceConfig(AppConfig):
    """AiAdvice."""

    name = "ai_advice"
