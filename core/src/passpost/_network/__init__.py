"""Connections: which addresses may be reached, and how to dial them."""
