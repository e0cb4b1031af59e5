"""``gaitway export``, for hands used to Isaac Lab's scripts: ``python scripts/export.py --help``."""

import sys

from gaitway.cli import main

if __name__ == "__main__":
    sys.argv[0:1] = ["gaitway", "export"]
    main()
