# shellcheck shell=bash
# shellcheck disable=SC2154 # ci_work is set by .ci/run
# Base images for machines that can't pull any: made with debootstrap, kept by the engine. Sourced by .ci/run.

host_certificates=/etc/ssl/certs/ca-certificates.crt

have_image() { docker image inspect "$1" >/dev/null 2>&1; }

pull() { timeout 60 docker pull --quiet "$1" >/dev/null 2>&1; }

# A minimal Debian of SUITE in FOLDER, trusting whom this machine trusts.
bootstrap() { # SUITE FOLDER PACKAGES
    [ -e "/usr/share/debootstrap/scripts/$1" ] || ln -s sid "/usr/share/debootstrap/scripts/$1"
    rm -rf "$2"
    debootstrap --variant=minbase --include="$3" "$1" "$2" >"$ci_work/debootstrap-$1.log" ||
        { tail -n 20 "$ci_work/debootstrap-$1.log" >&2 && return 1; }
    cp "$host_certificates" "$2$host_certificates"
}

import() { # FOLDER TAG
    tar -C "$1" -c . | docker import \
        --change "ENV PIP_CERT=$host_certificates SSL_CERT_FILE=$host_certificates" - "$2" >/dev/null
    rm -rf "$1"
}

# Sets PYTHON_IMAGE, which the tests hand to the Dockerfile.
make_python_image() {
    if have_image python:3.13-slim || pull python:3.13-slim; then
        export PYTHON_IMAGE=python:3.13-slim
        return 0
    fi
    export PYTHON_IMAGE=llama-swap-sync-test/python:trixie
    if have_image "$PYTHON_IMAGE"; then return 0; fi
    bootstrap trixie "$ci_work/trixie" ca-certificates,python3,python3-venv
    import "$ci_work/trixie" "$PYTHON_IMAGE"
}

# A real llama-server (CPU) with what the stand-in for llama-swap needs: Python, PyYAML, curl.
make_llama_server_image() {
    local image=llama-swap-sync-test/llama-server:forky root=$ci_work/forky
    if have_image "$image"; then return 0; fi
    bootstrap forky "$root" ca-certificates
    chroot "$root" sh -c 'apt-get -qq -o Acquire::Check-Valid-Until=false update &&
        DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
            llama.cpp-tools python3 python3-yaml curl >/dev/null && apt-get clean' >"$ci_work/forky.log" 2>&1 ||
        { tail -n 20 "$ci_work/forky.log" >&2 && return 1; }
    cp "$host_certificates" "$root$host_certificates"
    mkdir -p "$root/app"
    ln -s /usr/bin/llama-server "$root/app/llama-server"
    import "$root" "$image"
}
