# Shared by the scripts of this folder: `source` it, do not run it.
# shellcheck shell=bash
# What it prints goes to standard error, so that standard output belongs to the program a script starts.

set -euo pipefail

# The clone's root. Scripts stay in the caller's folder, so that relative paths mean what the caller meant.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# The oldest toolchain that reads Package.swift.
minimum_swift=6.2

# The PyPI wheel whose libtorch is tested and bundled for, beside Debian's, and the registry's part without CUDA.
# shellcheck disable=SC2034 # The scripts that source this file use them.
torch_wheel=torch==2.13.0+cpu
# shellcheck disable=SC2034
wheel_index=https://download.pytorch.org/whl/cpu

say() { printf '==> %s\n' "$*" >&2; }

fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Prints the comment at the top of the script that was started: its help.
usage() {
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
    exit 0
}

as_root() {
    if [[ $(id -u) == 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "needs root for: $*. There is no sudo here; run that line as root, then start this script again."
    fi
}

is_installed() {
    [[ $(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null) == ii* ]]
}

# Installs those of the named Debian packages that are missing; touches nothing when all are there.
install_packages() {
    local package missing=()
    command -v dpkg-query >/dev/null ||
        fail "this is no Debian system. Install the counterparts of these packages by hand: $*"
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    if [[ ${#missing[@]} == 0 ]]; then
        say "Debian packages: all $# are installed"
        return
    fi
    say "Debian packages to install: ${missing[*]}"
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -q)
    # Package managers print to standard output, which is not theirs here.
    as_root "${apt[@]}" update >&2 ||
        fail "apt-get update failed (its words are above). Check the network and /etc/apt/sources.list."
    as_root "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >&2 ||
        fail "apt-get could not install ${missing[*]} (its words are above)."
}

# Stops unless a Swift toolchain is there that can build the package.
check_swift() {
    command -v swift >/dev/null ||
        fail "there is no Swift toolchain. Install Swift $minimum_swift or newer as https://www.swift.org/install/linux/" \
            "says, make sure that \`swift\` is in the PATH, and start this script again."
    local found
    found=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
    if [[ $(printf '%s\n' "$minimum_swift" "${found:-0}" | sort -V | head -n 1) != "$minimum_swift" ]]; then
        fail "Swift ${found:-of an unknown version} is too old; PoseBus needs $minimum_swift or newer:" \
            "https://www.swift.org/install/linux/"
    fi
    say "Swift toolchain: $found"
}

# Builds in release with the given arguments, from the clone's root whatever the caller's folder is.
build() {
    say "swift build -c release $* (the first time takes some minutes)"
    swift build --package-path "$root" -c release "$@" >&2 ||
        fail "the build failed; the compiler's words are above."
}

# The folder with the programs that `build` made.
programs() {
    swift build --package-path "$root" -c release --show-bin-path
}

# The version of this clone's programs.
release_version() {
    sed -n 's/.*static let version = "\(.*\)"/\1/p' "$root/Sources/Stage/Release.swift"
}
