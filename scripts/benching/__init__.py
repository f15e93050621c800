"""What scripts/bench measures: a module per subject, each with `measure(arguments) -> bool`, true where targets hold.

Modules import their libraries inside `measure`, so that ``scripts/bench --help`` is quick.
"""
