"""hacdr convert e_ophtha."""

from hacdr_cli import main

if __name__ == '__main__':
    main('convert', 'e_ophtha')
