"""The pipeline up to the plan: arguments, base commit, reading, planning and the guards of a run."""
