"""Guards: rules that refuse a plan. One module per subject; `domain` checks one domain, `run` all domains of a run."""
