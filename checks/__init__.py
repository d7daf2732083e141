"""Pure functions from what was observed to findings. One rule is one file; a file that starts with `_` is shared.

A check module has three public names: `RULE` (its Rule), `NEEDS` (the facts it reads; it runs where at least one of
them was observed) and `check(run)`, which yields findings and blind spots. Checks do no I/O and import no probe.
"""
