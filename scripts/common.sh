# Sourced by the other scripts: where things are, and how packages get on the machine.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
models=${VECNEST_MODELS:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/vecnest/models}
venv=${VECNEST_VENV:-$root/.venv}
jobs=$(nproc)
# A checkout in another folder finds what an earlier one has compiled.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-5G}

# How scripts/build_tsan_abseil ends without the source.
no_source=3

say() { printf '\n\033[1m== %s\033[0m\n' "$*" >&2; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

build_packages=(
  g++ cmake ninja-build ccache mold pkg-config git ca-certificates
  librocksdb-dev libhnswlib-dev libboost1.81-dev nlohmann-json3-dev libabsl-dev libdnnl-dev
  libeigen3-dev liblbfgspp-dev ocl-icd-opencl-dev opencl-c-headers libicu-dev libstemmer-dev libhwy-dev libroaring-dev libsimdjson-dev libcli11-dev
  libspdlog-dev libfmt-dev prometheus-cpp-dev libxxhash-dev libssl-dev
  gnuplot-nox python3 python3-pip python3-venv curl
)
test_packages=(libgtest-dev libgmock-dev libbenchmark-dev)
lint_packages=(clang-19 clang-format-19 clang-tidy-19 libclang-rt-19-dev libomp-19-dev)

# Installs Debian packages that are not there yet, with sudo where that is needed.
install_packages() {
  local missing=()
  local package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
      missing+=("$package")
  done
  if [ "${#missing[@]}" -eq 0 ]; then return 0; fi
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      fail "these packages are missing and neither root nor sudo is at hand: ${missing[*]}"
    as_root=(sudo)
  fi
  command -v apt-get >/dev/null || fail "apt-get not found: Vecnest is set up on Debian 12"
  say "installing ${#missing[@]} packages: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# The Python environment for the tests and the scripts that need packages.
install_python_packages() {
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
  "$venv/bin/python" -m pip install -q --disable-pip-version-check -r "$1"
}

build_release() {
  say "building ($1)"
  cmake --preset release -S "$root" "${@:2}" >/dev/null
  cmake --build "$build" -j "$jobs" --target "$1"
}
