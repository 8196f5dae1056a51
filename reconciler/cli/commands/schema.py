"""`reconciler schema`."""

import json
from pathlib import Path

import click

from reconciler.cli.console import Console, common

NAMES = ("workspace", "product", "domain", "plan", "saved-plan", "apply", "report", "status", "journal", "diagnostics")


@click.command("schema", short_help="Print a JSON Schema, or update a workspace's copies.")
@click.argument("name", required=False, metavar="[KIND]", type=click.Choice(NAMES))
@click.option("--product", metavar="NAME", help="With `domain`: compile the limits of this product into the schema.")
@click.option(
    "--role",
    type=click.Choice(("customer", "admin")),
    default="customer",
    show_default=True,
    help="With --product: the role of the account. A customer cannot turn on a feature that the product lacks.",
)
@click.option("--write", is_flag=True, help="Update the schemas in the workspace, in the folder `schemas`.")
@common
def command(console: Console, name: str | None, product: str | None, role: str, write: bool) -> int:
    """Print a JSON Schema (2020-12), for editors and other programs.

    KIND is workspace, product, domain, plan, saved-plan, apply, report, status, journal or diagnostics. `validate`
    uses the same schemas. `schema domain --product NAME` contains the limits of that product, so that an editor
    underlines the first mailbox beyond the limit.

    `schema --write` updates the copies to which the first lines of a workspace's files refer. Run it after each update
    of the program: `validate` warns about copies that differ from the schemas of the program.
    """
    if write:
        if name is not None or product is not None:
            raise click.UsageError("--write takes neither KIND nor --product: it writes all copies of the workspace")
        return _write(console)
    if name is None:
        raise click.UsageError(f"missing KIND: one of {', '.join(NAMES)}; or use --write")
    if product is not None and name != "domain":
        raise click.UsageError("--product requires the kind `domain`")
    if product is None:
        from reconciler.config.schema.compiled import load_schema

        text = json.dumps(load_schema(name), indent=2, ensure_ascii=False)
    else:
        from reconciler.app.schema import product_schema

        schema = product_schema(Path.cwd(), console.workspace, product, "admin" if role == "admin" else "customer")
        text = json.dumps(schema, indent=2, ensure_ascii=False)
    console.results([text])
    return 0


def _write(console: Console) -> int:
    from reconciler.app.schema import write_copies
    from reconciler.config.workspace import find_root

    here = Path.cwd()
    written = write_copies(find_root(here, console.workspace))
    console.results(str(path.relative_to(here) if path.is_relative_to(here) else path) for path in written)
    if not written:
        console.say("The schemas of the workspace are up to date.")
    return 0
