"""The pipeline up to the plan: arguments, base commit, reading, and planning with every guard."""
