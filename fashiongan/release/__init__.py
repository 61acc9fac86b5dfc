"""What the project publishes: the bundled checkpoints (`make checkpoints`), and the model card of a checkpoint on the
Hub.

This folder may import everything except studio, cli and ui. Only the command line and the Train tab import it.
"""
