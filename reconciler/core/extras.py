"""The hint for a missing extra of the program, for all packages that need one."""


def install_hint(extra: str) -> str:
    """Say how to install the program with an extra.

    No package index has the distribution, so that the hint must not name it: pip would install whatever project has
    registered the name by then.
    """
    return (
        f"Install the program with the extra `{extra}`, in a clone of its repository: pipx install --force '.[{extra}]'"
    )
