"""How Sphinx builds these pages: offline, and with every broken reference an error."""

import sys
from pathlib import Path

# The checkout's own package, installed or not.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pods import __version__

project = "Pods"
copyright = "2026, the Pods developers"
author = "the Pods developers"
release = version = __version__

extensions = ["sphinx.ext.autodoc"]
exclude_patterns = ["_build", "examples"]
html_theme = "alabaster"
html_theme_options = {
    "description": "An HTTP router that lets one site live in many pods",
    "fixed_sidebar": True,
}

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"

# References are checked within this project only: the pages of others are not at hand offline.
nitpick_ignore_regex = [(r"py:.*", r"(?!pods\.).*")]
