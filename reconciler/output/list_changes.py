"""What was added to a list and what was taken out, in deepdiff's words. The only user of deepdiff."""


def list_changes(before: tuple[str, ...], after: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(added, removed) of two canonical lists that are known to differ, each sorted.

    deepdiff is imported at the first call: most plans have no such change. The lists go in as mappings of each text to
    itself, which it compares by key; its shortcuts (private names, "too different to look deeper") are turned off,
    because a name may begin with two underscores and every target counts.
    """
    from deepdiff import DeepDiff

    found = DeepDiff(
        dict(zip(before, before, strict=True)),
        dict(zip(after, after, strict=True)),
        view="tree",
        ignore_private_variables=False,
        threshold_to_diff_deeper=0,
    )
    added = (str(node.t2) for node in found.get("dictionary_item_added", ()))
    removed = (str(node.t1) for node in found.get("dictionary_item_removed", ()))
    return tuple(sorted(added)), tuple(sorted(removed))
