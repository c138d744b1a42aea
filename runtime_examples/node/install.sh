# Sourced by run.sh, check.sh and snippet.sh: fetches the packages of package-lock.json, once.
install() {
  (
    flock 9
    if [[ ! node_modules/.package-lock.json -nt package-lock.json ]]; then
      # onnxruntime-node's own script would fetch CUDA's provider; for the CPU the package holds all.
      ONNXRUNTIME_NODE_INSTALL=skip npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
    fi
  ) 9>.lock
}
