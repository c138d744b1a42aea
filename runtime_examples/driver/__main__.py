"""``python FOLDER PROGRAM… -- COMMAND …``: what ``drive.sh`` starts. Python's own library is all that it needs."""

import os
import sys
from pathlib import Path

OLDEST = (3, 11)

if __name__ == "__main__":
    if sys.version_info < OLDEST:  # as where there is no Python: what the program can do alone
        at = sys.argv.index("--")
        os.execvp(sys.argv[1], sys.argv[1:at] + sys.argv[at + 1 :])
    # `python -I FOLDER` runs a folder's __main__.py without making the folder a package.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from driver.commands import main

    sys.exit(main(sys.argv[1:]))
