"""The Colorize tab. May import shared; knows no other tab."""
