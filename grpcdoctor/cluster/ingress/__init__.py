"""Ingress controllers: one file each, from the objects that it reads to what it speaks to the backend."""
