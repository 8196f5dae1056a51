"""`reconciler schema`."""

import json
from pathlib import Path

import click

from reconciler.cli.console import Console, common

NAMES = ("workspace", "product", "domain", "plan", "saved-plan", "apply", "report", "status", "journal", "diagnostics")


@click.command("schema", short_help="Print a JSON Schema.")
@click.argument("name", type=click.Choice(NAMES))
@click.option("--product", metavar="NAME", help="With `domain`: the schema with this product's limits in it.")
@click.option(
    "--role",
    type=click.Choice(("customer", "admin")),
    default="customer",
    show_default=True,
    help="With --product: for whom. A customer cannot turn on what is not offered.",
)
@common
def command(console: Console, name: str, product: str | None, role: str) -> int:
    """Print a JSON Schema (2020-12), for editors and other programs.

    The schemas are what `validate` itself uses. `schema domain --product NAME` has that product's limits in it, so
    that an editor underlines the mailbox that is one too many.
    """
    if product is not None and name != "domain":
        raise click.UsageError("--product goes with `schema domain` only")
    if product is None:
        from reconciler.config.schema.compiled import load_schema

        text = json.dumps(load_schema(name), indent=2, ensure_ascii=False)
    else:
        from reconciler.app.schema import product_schema

        schema = product_schema(Path.cwd(), console.workspace, product, "admin" if role == "admin" else "customer")
        text = json.dumps(schema, indent=2, ensure_ascii=False)
    console.results([text])
    return 0
