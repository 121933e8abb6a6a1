"""hacdr released2hacdr."""

from hacdr_cli import main

if __name__ == '__main__':
    main('released2hacdr')
