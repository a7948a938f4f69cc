"""HTTP to `Call` and `Reply` back to HTTP, by AWS's protocols and signatures; it knows no service."""
