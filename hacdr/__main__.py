"""``python -m hacdr``: the console command ``hacdr``.

Python imports the package, and with it torch, before it comes here. What torch reads in
the environment must have been there by then: if it was not, the process begins again.
"""

import os
import sys

given = dict(os.environ)

from hacdr_cli import main  # noqa: E402

if __name__ == '__main__':
    if os.environ != given:
        command = [sys.executable, '-m', 'hacdr', *sys.argv[1:]]
        os.execv(sys.executable, getattr(sys, 'orig_argv', command))
    main()
