"""The Robustness tab. This folder may import shared. It must not know other tabs."""
