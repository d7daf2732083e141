"""Descriptors as proto source."""
