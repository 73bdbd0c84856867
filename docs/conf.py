"""How the documentation is built: `make docs`, warnings are errors."""

import alfs_cli

project = "alfs"
author = "the authors of alfs"
release = version = alfs_cli.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["jupyter_execute"]
nitpicky = False  # types of numpy and pandas are named, not linked

# Pages are Markdown; headings can be linked to.
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4

# The notebooks are texts, run when the pages are built; what they hold is what came out.
nb_execution_mode = "cache"
nb_execution_cache_path = "../build/notebooks"
nb_execution_raise_on_error = True
nb_execution_timeout = 300

# A docstring writes `names` as Markdown does.
default_role = "code"
autodoc_typehints = "none"
autodoc_member_order = "bysource"

highlight_language = "none"
smartquotes = False  # two hyphens before a word are an option
man_pages = [("commands", "alfs", "audit labels, train networks that withstand wrong ones", "", 1)]
man_show_urls = False
html_theme = "furo"
html_title = f"alfs {release}"
html_show_sphinx = False
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["alfs.css"]
html_copy_source = False
