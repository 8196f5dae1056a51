"""The JSON Schemas, and whether a document fits one: jsonschema-rs decides, `explain` says in words what it refused."""

from reconciler.config.document.loader import Document
from reconciler.config.schema.compiled import Validator
from reconciler.core.diagnostics import Diagnostic, error, sort_diagnostics


def check(document: Document, against: Validator) -> tuple[Diagnostic, ...]:
    """What is wrong with a document, in the order of the file; empty if it fits the schema."""
    if against.decides.is_valid(document.value):
        return ()
    # Importing jsonschema takes longer than loading a file, and most files are right.
    from reconciler.config.schema.explain import explain

    return explain(document, against) or _own_words(document, against)


def _own_words(document: Document, against: Validator) -> tuple[Diagnostic, ...]:
    """The decider's own errors, for what the explainer does not see: the decision stands."""
    found = []
    for fault in against.decides.iter_errors(document.value):
        text = f"this does not fit the schema: {fault.message}"
        found.append(error("SCH001", text, document.span(fault.instance_path)))
    return sort_diagnostics(found)
