"""What the project publishes: the bundled checkpoints (`make checkpoints`), the model card of a checkpoint on the Hub,
and checkpoints to other programs (ONNX) and from them (a DCGAN's state dict).

This folder may import everything except studio, cli and ui. Only the command line and the Train tab import it.
"""
