"""Settings of the documentation site: `make docs` builds it into build/site.

The pages are the Markdown files that GitHub shows, unchanged on disk. The source directory is the repository's root,
so that links of a page to CONTRIBUTING.md or to a file of the code are the same in both places. What the site has more
than GitHub (navigation, the reference of names and commands) is added while a page is read: docs/site_pages.py.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path[:0] = [str(ROOT), str(DOCS)]

import site_pages  # noqa: E402

from nvfair_tools import __version__  # noqa: E402

project = "nvfair-tools"
version = release = __version__
copyright = "the authors of nvfair-tools, Apache-2.0"
html_title = f"nvfair-tools {__version__}"

root_doc = "docs/README"
ROOT_PAGES = ["CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"]
include_patterns = ["docs/**.md", *ROOT_PAGES]
# Folders and files of the root that hold no page are not even looked through.
exclude_patterns = [path.name for path in ROOT.iterdir() if path.name not in ("docs", *ROOT_PAGES)]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_click"]
myst_heading_anchors = 4  # the same anchors as GitHub's
suppress_warnings = ["myst.header"]  # a page may leave out a level of headings
highlight_language = "text"
default_role = "code"
smartquotes = False  # two hyphens are an option

# Types and libraries of the extras are not needed to read signatures and docstrings.
autodoc_mock_imports = [
    "accelerate", "alembic", "av", "cachetools", "cv2", "ffmpeg", "h11", "httpx", "imageio_ffmpeg", "insightface",
    "jinja2", "matplotlib", "mediapipe", "onnxruntime", "PIL", "psutil", "safetensors", "scipy", "skimage",
    "sqlalchemy", "starlette", "structlog", "torch", "uvicorn",
]  # fmt: skip
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88

html_theme = "furo"
html_static_path = ["site/static"]
html_extra_path = ["site/root"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"top_of_page_buttons": []}


def setup(app: Sphinx) -> None:
    """Adds to each page what the site has more than GitHub."""
    app.connect("source-read", site_pages.add_to_page)
    app.connect("autodoc-process-docstring", site_pages.convert_docstring)
