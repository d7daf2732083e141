"""Tests of the access logs."""
