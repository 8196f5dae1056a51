"""Views of a plan and of its outcomes, one file per format."""
