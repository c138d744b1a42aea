"""``python FOLDER COMMAND …``: what ``run.sh`` starts."""

import sys

from program.commands import main

sys.exit(main(sys.argv[1:]))
