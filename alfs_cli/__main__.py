"""`python -m alfs_cli` is `alfs`."""

from alfs_cli.cli import main

if __name__ == "__main__":
    main()
