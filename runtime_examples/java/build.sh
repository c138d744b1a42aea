# Sourced by run.sh, check.sh and snippet.sh, in this folder: builds what they need, where a source is newer.
build() {
  mkdir -p target
  (
    flock 9
    [[ -e target/built && -z $(find pom.xml src/main -newer target/built -print -quit) ]] && exit
    mvn -q -B -Dstyle.color=never -DskipTests package >&2
    # ONNX Runtime would unpack its library at every start; from here it is loaded as it is.
    local platform
    case "$(uname -s)-$(uname -m)" in
      Linux-x86_64) platform=linux-x64 ;;
      Linux-aarch64) platform=linux-aarch64 ;;
      Darwin-arm64) platform=osx-aarch64 ;;
      *) echo "flow: onnxruntime's jar has no library for $(uname -s) on $(uname -m)" >&2; exit 2 ;;
    esac
    (cd target && jar xf lib/onnxruntime-*.jar "ai/onnxruntime/native/$platform")
    rm -rf target/native
    mv "target/ai/onnxruntime/native/$platform" target/native
    touch target/built
  ) 9>.lock
}

# Sets `java`: with the library on the classpath, and a folder of its own for ONNX Runtime's temporary files.
set_java() {
  local here=$1
  mkdir -p "$here/target/tmp"
  # Each start makes an empty folder there, which stays where a process was killed.
  rmdir "$here"/target/tmp/onnxruntime-java* 2>/dev/null || true
  # ONNX Runtime would write a device's id into the user's cache folder; Java cannot set a variable of its own process.
  export ORT_DISABLE_TELEMETRY=${ORT_DISABLE_TELEMETRY-1}
  # Java decodes its arguments, and with them a bundle's path, by the locale.
  [[ $(locale charmap 2>/dev/null) == UTF-8 ]] || export LC_ALL=C.UTF-8
  java=(java -XX:+UseSerialGC "-Djava.io.tmpdir=$here/target/tmp" "-Donnxruntime.native.path=$here/target/native"
    -cp "$here/target/classes:$here/target/lib/*")
}
