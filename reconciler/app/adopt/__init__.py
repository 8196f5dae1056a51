"""From the server into the files: `import`, `drift --adopt`, and the edits that they make to domain files."""
