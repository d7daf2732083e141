"""How fast, how polite and how large grpcdoctor is, measured against grpcurl in the same run.

`python -m benchmarks` runs all and prints a table and JSON; `python -m benchmarks.cold_probe` (and so on) runs one.
"""
