"""One module a command: ``hacdr NAME`` and ``tools/NAME.py`` are this.

Each has ``add_arguments(parser)`` and ``run(args)``; the first line of its docstring is
what ``hacdr --help`` says of it. ``hacdr_cli.COMMANDS`` lists them. Importing one loads
neither torch nor mmseg, which takes seconds: ``run`` imports what needs them, and
``check(args)``, where there is one, refuses before that what is easy to refuse.
"""
