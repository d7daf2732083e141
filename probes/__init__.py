"""Active questions put to a target. One probe is one file; probes measure and never judge.

A probe module has `NAME`, `ready(session)` (may it run now?) and `async run(session) -> Measurement`. Optional are
`QUICK = True` (part of --quick), `wanted(session)` (does this run ask for it at all?), `skipped(session)` (why it did
not run; without it, or where it gives None, nothing is said) and `finish(session, facts)` (the facts at the end).
Probes that are ready at the same time run at the same time; each runs at most once. A probe never raises for what a
peer does; if it raises all the same, that is a bug in grpcdoctor and shown as one.
"""
