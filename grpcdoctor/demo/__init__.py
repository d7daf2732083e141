"""Gateways and servers on loopback, broken in one known way, for grpcdoctor to diagnose: a demo and a self-test.

A scenario is one file in `scenarios/`; `Stage` has what they are built of, `staged` runs one.
"""
