"""The report as self-contained web pages: no network, no framework. A browser can open them from disk.

Belongs here: views (the values that a page shows, with all untrusted text made visible), the templates, our style
sheet and scripts, and the catalogue of texts, one file per language. Banned here: jinja2 outside `pages.py`, our own
texts in templates or scripts, inline event handlers and `style` attributes (the Content-Security-Policy of the pages
forbids them), and everything that is banned in `output`.
"""
