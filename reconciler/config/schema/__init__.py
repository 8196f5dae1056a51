"""JSON Schemas: loading, compiling a product's limits into them, and explaining what they reject."""
