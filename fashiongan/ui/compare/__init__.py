"""The Compare tab. May import shared; knows no other tab."""
