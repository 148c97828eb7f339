"""manage.py create_company NAME"""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError, CommandParser

from wiki.models import Company


class Command(BaseCommand):
    help = "Creates a company, whose pages are below its name."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")

    def handle(self, *arguments: Any, name: str, **options: Any) -> None:
        company = Company(slug=name)
        try:
            company.full_clean()
            company.save()
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
