"""Renderers: a format is one file with `render(report, style) -> str`; the other files here are what they share."""
