"""YAML text becomes a document: values with a location for each."""
