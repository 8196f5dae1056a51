"""YAML files become desired state, and desired state becomes YAML files.

Belongs here: reading YAML with its locations, the schemas and explanations of what they reject, checks between files,
decoding into values of `reconciler.core`, references to secrets, and writing and editing YAML (`import`, `drift
--adopt`).
Banned here: servers, DNS and the network, printing, and libraries other than PyYAML, jsonschema and jsonschema-rs.
No other package imports those three.
"""
