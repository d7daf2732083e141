"""Active questions put to a target. One probe is one file; probes measure and never judge.

A probe module has `NAME`, `ready(session)` (may it run now?), `async run(session) -> Measurement`, and optionally
`SKIPPED` (why it did not run, for those that every run is expected to show) and `QUICK = True` (part of --quick).
Probes that are ready at the same time run at the same time; each runs at most once. A probe never raises for what a
peer does; if it raises all the same, that is a bug in grpcdoctor and shown as one.
"""
