"""Guards: rules that refuse a plan. One file per subject; `domain` judges one domain, `run` the whole run."""
