# Makes sure that what HiGHS needs to be built is here: CMake and libclang. Sourced by ./offcut and ./test.
#
# What is missing is installed, saying so: from Debian's packages if we may (root or sudo), otherwise from Python's packages into
# .tools beside the project. OFFCUT_SETUP=python chooses the second way. Nothing is installed if nothing is missing.

offcut_say() { printf 'offcut set-up: %s\n' "$*" >&2; }

offcut_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
offcut_tools="$offcut_root/.tools"

offcut_has_libclang() {
    local found
    found=$(find -L ${LIBCLANG_PATH:+"$LIBCLANG_PATH"} /usr/lib /usr/lib64 /usr/local/lib -maxdepth 4 \
        \( -name 'libclang.so*' -o -name 'libclang-[0-9]*.so*' \) -print -quit 2>/dev/null) || true
    [ -n "$found" ]
}

offcut_install_debian() {
    local as_root=""
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null && sudo -n true 2>/dev/null || return 1
        as_root="sudo -n"
    fi
    command -v apt-get >/dev/null || return 1
    offcut_say "installing Debian packages: $*"
    local log
    log=$(mktemp)
    $as_root apt-get update -qq >"$log" 2>&1 && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >>"$log" 2>&1 && return 0
    tail -n 5 "$log" >&2
    return 1
}

offcut_install_python() {
    offcut_say "installing Python packages cmake and libclang into .tools"
    python3 -m venv "$offcut_tools" >&2 && "$offcut_tools/bin/python" -m pip install -q cmake libclang >&2
}

offcut_use_tools() {
    [ -x "$offcut_tools/bin/cmake" ] || return 0
    PATH="$offcut_tools/bin:$PATH"
    LIBCLANG_PATH=$(dirname "$(find "$offcut_tools" -name 'libclang*.so*' | head -n 1)")
    # The Python package has the library but not the compiler's own headers; GCC's serve as well.
    BINDGEN_EXTRA_CLANG_ARGS="-I$("${CC:-gcc}" -print-file-name=include) ${BINDGEN_EXTRA_CLANG_ARGS:-}"
    export PATH LIBCLANG_PATH BINDGEN_EXTRA_CLANG_ARGS
}

offcut_setup() {
    local tool
    for tool in cargo c++ python3; do
        command -v "$tool" >/dev/null || { offcut_say "'$tool' is missing: install Rust, a C++ compiler and Python 3 first"; return 1; }
    done
    offcut_use_tools
    local missing=()
    command -v cmake >/dev/null || missing+=(cmake)
    offcut_has_libclang || missing+=(libclang-dev)
    [ "${#missing[@]}" -gt 0 ] || return 0
    offcut_say "HiGHS is built from source and needs: ${missing[*]}"
    if [ "${OFFCUT_SETUP:-}" != python ] && offcut_install_debian "${missing[@]}"; then
        return 0
    fi
    offcut_install_python && offcut_use_tools && return 0
    offcut_say "could not install ${missing[*]}: install them by hand and try again"
    return 1
}

# Makes sure that the tests of reports have a browser, if it may be installed; without one they are skipped and say so. Called by ./test only.
offcut_setup_browser() {
    local program
    for program in chromium chromium-browser google-chrome; do
        command -v "$program" >/dev/null && return 0
    done
    [ -z "${OFFCUT_CHROMIUM:-}" ] || return 0
    offcut_install_debian chromium || offcut_say "no Chromium, and it cannot be installed: THE TESTS OF REPORTS IN A BROWSER ARE SKIPPED"
}

# Makes sure that the tests of ONNX files have the Python package onnx, which has nine networks as test data; without it they are skipped and say so. Called by ./test only.
offcut_setup_onnx() {
    if "$offcut_tools/onnx/bin/python" -c 'import onnx' 2>/dev/null; then return 0; fi
    offcut_say "installing the Python package onnx into .tools/onnx"
    "$offcut_root/bench/onnx/install" >&2 || offcut_say "no Python package onnx, and it cannot be installed: THE TESTS OF THE NINE ONNX NETWORKS ARE SKIPPED"
}

# Makes sure that the tests of the Python package have their virtual environment, in this folder. The answer is 1, and says so, without Python 3.11, without venv or
# without a package registry; then they are skipped. Anything else that fails is an error. Called by bench/python/test only.
offcut_setup_python_tests() {
    local venv="$1" requirements="$offcut_root/bench/python/requirements-test.txt" python="${PYTHON:-python3}"
    if cmp -s "$requirements" "$venv/installed.txt" && "$venv/bin/python" -c 'import pytest' 2>/dev/null; then return 0; fi
    local skipped="THE TESTS OF THE PYTHON PACKAGE ARE SKIPPED"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { offcut_say "$python is older than Python 3.11, PYTHON names another one: $skipped"; return 1; }
    "$python" -c 'import ensurepip' 2>/dev/null || offcut_install_debian python3-venv || { offcut_say "$python has no venv, and it cannot be installed: $skipped"; return 1; }
    "$python" -m venv --clear "$venv" >&2 || exit 1
    local pip=("$venv/bin/python" -m pip -q --disable-pip-version-check)
    "${pip[@]}" --retries 1 download --no-deps --dest "$venv/reached" pip >/dev/null 2>&1 || { offcut_say "no package registry can be reached: $skipped"; return 1; }
    offcut_say "installing numpy, pandas, polars, pytest and others into $venv"
    # What is used is compiled when it is first imported: a tenth of it.
    "${pip[@]}" install --no-compile --only-binary :all: -r "$requirements" >&2 || { offcut_say "bench/python/requirements-test.txt cannot be installed"; exit 1; }
    cp "$requirements" "$venv/installed.txt"
}
