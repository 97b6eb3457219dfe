#!/bin/sh
# Brings the accounts of the hub's users in line with a file: one line a user, `name:hash`, the hash
# as `openssl passwd -6` or `mkpasswd` prints it. Run as root, before the hub starts.
#
# An account that is made anew for a home folder that is already there (a new container with the
# volume of an old one) takes the folder's owner as its number. An account that was made here and is
# no longer in the file is locked. Accounts that were made otherwise are left alone.
#
#   accounts.sh FILE GROUP HOMES
set -eu
file=$1 group=$2 homes=$3
mark="halocast hub, $group"

refuse() {
    echo "accounts.sh: $*" >&2
    exit 1
}

made_here() {
    [ "$(getent passwd "$1" | cut -d: -f5)" = "$mark" ]
}

make_account() {
    home=$homes/$1
    set -- --shell /bin/bash --home-dir "$home" --comment "$mark" --key HOME_MODE=0700 "$1"
    if [ -d "$home" ]; then
        number=$(stat -c %u "$home")
        [ "$number" -ge 1000 ] || refuse "$home belongs to account number $number of the system"
        if getent passwd "$number" >/dev/null; then
            refuse "$home belongs to the account $(getent passwd "$number" | cut -d: -f1)"
        fi
        set -- --uid "$number" --no-create-home "$@"
    else
        set -- --create-home "$@"
    fi
    useradd --user-group "$@" 2>/dev/null || refuse "an account could not be made: $*"
}

while IFS=: read -r name hash rest || [ -n "$name" ]; do
    case $name in "" | \#*) continue ;; esac
    echo "$name" | grep -Eq '^[a-z][a-z0-9-]{0,30}$' || refuse "'$name' is no name for an account"
    [ -z "$rest" ] || refuse "the line of $name has more than a name and a hash"
    case $hash in '$6$'* | '$y$'* | '$2b$'*) ;; *) refuse "no password hash for $name" ;; esac
    if ! getent passwd "$name" >/dev/null; then
        make_account "$name"
    elif ! made_here "$name"; then
        refuse "the account $name is not the hub's: its owner logs in with the password it has"
    fi
    usermod --append --groups "$group" "$name"
    echo "$name:$hash" | chpasswd -e
done <"$file"

getent passwd | cut -d: -f1,5 | grep ":$mark\$" | cut -d: -f1 | while read -r name; do
    grep -q "^$name:" "$file" || usermod --lock "$name"
done
