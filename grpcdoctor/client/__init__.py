"""The reflection-driven client: where descriptors come from, how a call is made, how its messages are shown."""
