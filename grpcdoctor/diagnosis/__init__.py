"""Runs a plan of probes and checks over a target and correlates the findings into ranked causes."""
