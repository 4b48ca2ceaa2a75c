"""Entry point of `python -m newsreel`."""

from newsreel.command import main

if __name__ == "__main__":
    main()
