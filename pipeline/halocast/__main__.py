"""``python -m halocast`` is the command ``halocast``."""

from halocast.cli import main

if __name__ == "__main__":
    main()
