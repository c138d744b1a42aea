"""``python -m flowexport``, and what the installed command starts."""

import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # Ctrl-C before the command line is ready ends the process, without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from flowexport.cli.main import main

if __name__ == "__main__":
    main()
