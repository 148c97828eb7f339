"""Files of a company."""

from django.db import models
from wiki.models import Company


class File(models.Model):
    company = models.ForeignKey(Company, models.CASCADE, related_name="files")
    content = models.FileField()
    sha256 = models.CharField(max_length=64)

    def __str__(self) -> str:
        return self.content.name
