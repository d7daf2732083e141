"""The facts that probes measure and checks read: one file a layer, every field with a default.

Defaults keep the examples on the rules' pages short and let an older saved run be replayed.
"""
