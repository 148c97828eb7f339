"""Whose a company is: written when it is created, on the pod where that happens."""

# pod: begin
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.signals import pre_save
from django.dispatch import receiver


class Home(models.Model):
    company = models.SlugField(primary_key=True)
    pod = models.CharField(max_length=63)


@receiver(pre_save, sender="wiki.Company")
def settle(instance, **options):
    mine = {"pod": settings.POD}
    home, _ = Home.objects.get_or_create(company=instance.slug, defaults=mine)
    if home.pod != settings.POD:
        raise ValidationError(f"{instance.slug} is a company of {home.pod}.")


# pod: end
