"""What several tabs share: who may do what, what is refused at the door, sentences, toasts, plots and lists.

Knows the studio; knows no tab.
"""
