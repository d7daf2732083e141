"""What an Envoy says of itself: reading it, the views of it, and how it would route a request."""
