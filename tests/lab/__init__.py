"""The lab: real servers, healthy and sick, that the tests diagnose (see tests/lab/README.md)."""
