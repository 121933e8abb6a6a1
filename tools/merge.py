"""hacdr merge."""

from hacdr_cli import main

if __name__ == '__main__':
    main('merge')
