# Sets `python` to an interpreter that has the packages named: $PYTHON, the repository's, or one made here.

has_packages() { # INTERPRETER PACKAGE…
  "$1" -c 'import importlib.util, sys; sys.exit(any(importlib.util.find_spec(n) is None for n in sys.argv[1:]))' \
    "${@:2}" 2>/dev/null
}

find_python() { # PACKAGE…
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} "$here/../../.venv/bin/python" "$here/.venv/bin/python"; do
    python=$candidate
    if has_packages "$python" "$@"; then return; fi
  done
  # Two may start at once: the second waits, and finds all done.
  exec 9>"$here/.venv.lock"
  flock 9
  if ! has_packages "$python" "$@"; then
    "${PYTHON:-python3}" -m venv "$here/.venv" >&2
    "$python" -m pip install --quiet --disable-pip-version-check "$@" >&2
  fi
  exec 9>&-
}
