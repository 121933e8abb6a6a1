"""hacdr convert retinal_lesions."""

from hacdr_cli import main

if __name__ == '__main__':
    main('convert', 'retinal_lesions')
