# To be sourced: the interpreters of other versions, where there are any, for the scripts that try flowexport under each.

# The interpreter of a version: on the PATH, one that pyenv has and does not put there, or one that uv has.
interpreter() {
    local candidate
    for candidate in "$(command -v "python$1" || true)" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python \
        "$(.venv/bin/uv python find --managed-python --no-python-downloads "$1" 2>/dev/null || true)"; do
        if "$candidate" -c '' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

# Says that there is no such interpreter, which is a fault where nothing may be skipped.
missing() {
    echo "skipped: no Python $1 on the PATH, in pyenv or in uv: .venv/bin/uv python install $1"
    [ "${FLOWEXPORT_REQUIRE_ALL:-}" != 1 ] || exit 1
}
