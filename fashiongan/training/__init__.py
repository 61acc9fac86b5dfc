"""Training a GAN: the loop, its run folder, several processes, the doctor's remarks, and what to begin with.

The loop knows the contract of a GAN and no GAN. May import gans, data, evaluation (the running score) and checkpoint;
knows no page and no command line.
"""
