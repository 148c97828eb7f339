"""Whose a company is."""
# ruff: noqa: RUF012 -- as Django writes it

# pod: begin
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Home",
            fields=[
                ("company", models.SlugField(primary_key=True, serialize=False)),
                ("pod", models.CharField(max_length=63)),
            ],
        ),
    ]


# pod: end
