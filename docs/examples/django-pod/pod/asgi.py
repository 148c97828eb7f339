"""The site as a pod."""

# pod: begin
from django.conf import settings
from project.asgi import application as site

from pods.middleware import AsgiPod, SqliteTable, by_first_segment

homes = SqliteTable(settings.DATABASES["shared"]["NAME"], "pod_home", "company")
who_owns = by_first_segment(homes)
application = AsgiPod(site, me=settings.POD, who_owns=who_owns, pods=settings.PODS)
# pod: end
