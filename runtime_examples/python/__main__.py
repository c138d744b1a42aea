"""``python FOLDER COMMAND …``: what ``run.sh`` starts."""

import sys

from program.example import main

sys.exit(main(sys.argv[1:]))
