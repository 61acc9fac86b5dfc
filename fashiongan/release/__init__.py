"""What goes out of the house: the bundled checkpoints (`make checkpoints`), and the card of a checkpoint on the Hub.

May import everything but studio, cli and ui; only the command line and the Train tab import it.
"""
