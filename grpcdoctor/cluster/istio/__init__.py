"""Istio's rules, as pilot applies them: which protocol and which TLS are spoken on a hop, and which object decides."""
