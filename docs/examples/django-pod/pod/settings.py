"""The settings of a pod, whose name is in the environment: POD=pod_eu0"""
# ruff: noqa: F403, F405 -- the names of the settings of the site

# pod: begin
import os

from project.settings import *

POD = os.environ["POD"]
PODS = ["pod_eu0", "pod_us0"]
DATA = BASE_DIR / "var" / POD
INSTALLED_APPS = [*INSTALLED_APPS, "pod"]
DATABASES = {
    "default": {**DATABASES["default"], "NAME": DATA / "site.sqlite3"},
    "shared": {**DATABASES["default"], "NAME": DATA.parent / "shared.sqlite3"},
}
DATABASE_ROUTERS = ["pod.databases.Databases"]
MEDIA_ROOT = DATA / "media"
# pod: end
