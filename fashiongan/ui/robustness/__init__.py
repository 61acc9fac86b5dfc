"""The Robustness tab. May import shared; knows no other tab."""
