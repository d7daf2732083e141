"""Gateway API: which listener takes a route, and what each implementation then speaks to the backend."""
