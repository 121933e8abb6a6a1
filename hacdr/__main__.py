"""``python -m hacdr``: the console command ``hacdr``.

Python imports the package before it comes here. What torch reads in the environment
must be there when torch is loaded: if torch was loaded without it, as before Python
3.10, the process begins again.
"""

import os
import sys

given = dict(os.environ)

from hacdr_cli import forget_package, main  # noqa: E402

if __name__ == '__main__':
    if os.environ != given and 'torch' in sys.modules:
        command = [sys.executable, '-m', 'hacdr', *sys.argv[1:]]
        os.execv(sys.executable, getattr(sys, 'orig_argv', command))
    # On the way here it was imported without its parts.
    forget_package()
    main()
