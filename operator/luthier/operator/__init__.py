"""The control plane: watches experiments and keeps their pods and status as they should be.

One round for one experiment is four lines in `controller.py`:
observe (I/O), decide (pure), execute (I/O), project (pure).
"""
