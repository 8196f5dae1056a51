"""Files become values: YAML is read and checked here, and what it says becomes desired state.

Belongs here: reading YAML with its places, the schemas and what their refusals mean in words, checks between files,
decoding into values of `reconciler.core`, references to secrets, and writing and editing YAML (`import`, `drift
--adopt`).
Banned here: servers, DNS and the network, printing, and other libraries than PyYAML, jsonschema and jsonschema-rs.
No other package imports those three.
"""
