"""Doubles of model vendors: HTTP servers on loopback that speak a vendor's documented format."""
