#!/bin/sh
# Checks that each folder includes only what the house allows it: of ours, the
# folders named; of the world, not the libraries that belong to another folder.
# The table is doc/architecture.md's.
set -u
cd "${srcdir:-$(dirname "$0")/..}" || exit 1
status=0

complain() {
    echo "$1"
    status=1
}

# check FOLDER 'FOLDERS IT MAY INCLUDE' 'PATTERN OF HEADERS IT MUST NOT'
check() {
    folder=$1 ours=$2 foreign=$3
    for file in "$folder"/*.[ch]; do
        [ -e "$file" ] || continue
        sed -n 's/^#include "\([a-z-]*\)\/.*/\1/p' "$file" |
            grep -xE 'lib|virt|ovsdb|flows|controller|libvirt-hooks|ctl' |
            sort -u > "$used"
        while read -r other; do
            case " $folder $ours " in
            *" $other "*) ;;
            *) complain "$file: $folder/ must not include $other/" ;;
            esac
        done < "$used"
        if grep -nE "^#include [<\"]($foreign)" "$file"; then
            complain "$file: $folder/ must not use this library"
        fi
    done
}

libvirt='libvirt/|libxml/'
idl='ovsdb-idl\.h|vswitch-idl\.h'
openflow='openvswitch/(ofp|rconn|vconn)|ofp-|rconn\.h'
loop='uv\.h|systemd/|openvswitch/poll-loop\.h|poll-loop\.h|unixctl\.h'
io='openvswitch/vlog\.h|timeval\.h|jsonrpc\.h|stream|socket|sys/socket\.h'
jansson='jansson\.h'
ovs='openvswitch/|util\.h|ovsdb-idl\.h|vswitch-idl\.h'

used=$(mktemp) || exit 1
trap 'rm -f "$used"' EXIT

check lib '' "$libvirt|$idl|$openflow|$loop|$io|$jansson"
check virt 'lib' "$idl|$openflow|$loop|$jansson"
check ovsdb 'lib' "$libvirt|$openflow|uv\.h|systemd/|unixctl\.h|$jansson"
check flows 'lib' "$libvirt|$idl|uv\.h|systemd/|unixctl\.h|$jansson"
check controller 'lib virt ovsdb flows libvirt-hooks' \
    "$libvirt|vswitch-idl\.h|$openflow|$jansson"
check libvirt-hooks '' "$libvirt|$ovs|$loop|$jansson"
check ctl '' "$libvirt|$ovs|$loop"

# libuv has two files.
for file in $(grep -lE '^#include <uv\.h>' controller/*.c); do
    case $file in
    controller/loop.c|controller/hook-server.c) ;;
    *) complain "$file: only loop.c and hook-server.c may use libuv" ;;
    esac
done

exit $status
