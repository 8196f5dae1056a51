"""What the demo tells the commands that it runs: that what they print is shown on a terminal after all."""

ON_DEMO_TERMINAL = "RECONCILER_DEMO_TERMINAL"
"""The variable that the demo sets, where it has a terminal itself, for processes whose output it passes on."""
