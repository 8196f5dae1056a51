"""Plans as annotations of a GitHub workflow run."""

from collections.abc import Iterator, Mapping, Sequence

from reconciler.core.plan import Plan
from reconciler.output.documents import NO_FILES
from reconciler.output.github import annotation
from reconciler.output.plan_remarks import remarks
from reconciler.output.plan_words import summary_words, count_changes


def render_plans_github(plans: Sequence[Plan], paths: Mapping[str, str] = NO_FILES) -> Iterator[str]:
    """An annotation for each diagnostic, deletion, change that sends mail outside, and change made on the server.

    The gravest come first, then the summary. `paths` as in `annotation`.
    """
    yield from (annotation(remark, paths) for remark in remarks(plans))
    yield summary_words(count_changes(plans))
