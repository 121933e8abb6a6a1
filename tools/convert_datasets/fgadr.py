"""hacdr convert fgadr."""

from hacdr_cli import main

if __name__ == '__main__':
    main('convert', 'fgadr')
