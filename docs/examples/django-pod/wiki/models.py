"""Companies, and the pages that they write."""

from django.conf import settings
from django.db import models


class Company(models.Model):
    """A tenant of the site."""

    slug = models.SlugField(unique=True)

    def __str__(self) -> str:
        return self.slug


class Page(models.Model):
    company = models.ForeignKey(Company, models.CASCADE, related_name="pages")
    title = models.SlugField()
    text = models.TextField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        related_name="+",
        # pod: begin: people are in another database; on_delete was PROTECT
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        # pod: end
    )

    class Meta:
        constraints = (models.UniqueConstraint(fields=("company", "title"), name="one_title"),)

    def __str__(self) -> str:
        return self.title
