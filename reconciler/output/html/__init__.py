"""The report as web pages that stand alone: no network, no framework, openable from disk.

Belongs here: views (what a page shows, every hostile text made visible already), the templates, our style sheet and
scripts, and the catalogue of texts, one file a language. Banned here: jinja2 anywhere but in `pages.py`, texts of our
own in templates or scripts, inline event handlers and `style` attributes (the pages' Content-Security-Policy forbids
them), and whatever is banned in `output`.
"""
