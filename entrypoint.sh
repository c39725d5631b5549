#!/bin/sh
# init: one sync. run (the default): supervisord with the loop and the status page. Anything else: the CLI.
# Started as root it drops to PUID:PGID, in the Docker socket's group, before any Python runs.
set -eu

say() { echo "llama-swap-sync: $*" >&2; }

refuse() {
    say "$@"
    exit 1
}

require_number() { # NAME VALUE
    case $2 in
        '' | *[!0-9]*) refuse "$1=$2 must be a whole number, as \`id\` shows it." ;;
    esac
}

require_config_folder() {
    [ ! -f /config ] || refuse "CONFIG_PATH names a file, and it must name a folder: set it to the folder that" \
        "holds config.yaml, then run \`docker compose up -d\` again."
    [ -d /config ] || refuse "nothing is mounted at /config: mount the folder that holds config.yaml there."
}

# Without PUID the files belong to whom the config folder belongs to. Docker makes a missing folder as root:
# that is nobody's wish, so 1000 stands in.
choose_owner() {
    owner=$(stat -c '%u %g' /config 2>/dev/null || echo '0 0')
    [ "${owner%% *}" != 0 ] || owner='1000 1000'
    PUID=${PUID:-${owner%% *}} PGID=${PGID:-${owner##* }}
    require_number PUID "$PUID"
    require_number PGID "$PGID"
    export PUID PGID
}

# A folder that docker has just made is given away; never one with something in it.
adopt_new_folder() {
    [ -d "$1" ] && [ "$(stat -c %u "$1")" = 0 ] || return 0
    [ -z "$(find "$1" -mindepth 1 ! -name .gitkeep -print -quit)" ] || return 0
    chown "$PUID:$PGID" "$1" 2>/dev/null || true
}

# ",GID" of the Docker socket, whatever its number; nothing where Docker is reached in another way.
socket_group() {
    case ${DOCKER_HOST:-} in
        '') socket=/var/run/docker.sock ;;
        unix://*) socket=${DOCKER_HOST#unix://} ;;
        *) return 0 ;;
    esac
    [ ! -S "$socket" ] || stat -c ,%g "$socket"
}

warn_of_foreign_folder() {
    [ -d /config ] || return 0
    setpriv --reuid="$PUID" --regid="$PGID" --groups="$1" test -w /config && return 0
    if [ "$(stat -c %u /config)" = "$PUID" ]; then
        say "user $PUID owns the config folder and can't write to it: run \`sudo chmod -R u+rwX\` on it" \
            "(CONFIG_PATH), and look whether its volume is read-only (\`:ro\`)."
    else
        say "user $PUID can't write to the config folder, which belongs to $(stat -c %u:%g /config): run" \
            "\`sudo chown -R $PUID:$PGID\` on it (CONFIG_PATH), or set PUID and PGID to its owner."
    fi
}

case ${UMASK:=022} in
    [0-7] | [0-7][0-7] | [0-7][0-7][0-7] | 0[0-7][0-7][0-7]) umask "$UMASK" ;;
    *) refuse "UMASK=$UMASK must be three octal digits such as 022." ;;
esac

case ${1:-run} in
    init)
        shift
        require_config_folder
        set -- python -m llama_swap_sync init "$@"
        ;;
    run)
        require_config_folder
        if [ $# -gt 1 ]; then set -- python -m llama_swap_sync "$@"; else set -- supervisord -c /app/supervisord.conf; fi
        ;;
    cli) # `docker exec … llama-swap-sync` comes as root, without the right to read or write what PUID owns
        shift
        set -- python -m llama_swap_sync "$@"
        ;;
    *) set -- python -m llama_swap_sync "$@" ;;
esac

runtime=/run/llama-swap-sync
if [ "$(id -u)" != 0 ]; then
    mkdir -p "$runtime" 2>/dev/null || true
    exec "$@"
fi

choose_owner
mkdir -p "$runtime"
chown "$PUID:$PGID" "$runtime"
[ "$PUID" != 0 ] || exec "$@"
adopt_new_folder /config
adopt_new_folder /models
# supervisord opens the log by its path, and Docker made that pipe as root's.
chown "$PUID" /proc/self/fd/1 /proc/self/fd/2 2>/dev/null || true
groups=$PGID$(socket_group)
warn_of_foreign_folder "$groups"
exec setpriv --reuid="$PUID" --regid="$PGID" --groups="$groups" --inh-caps=-all --no-new-privs "$@"
