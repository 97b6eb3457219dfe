#!/bin/sh
# Prepares a machine, or the hub's image, for jupyterhub_config.py. Run once, as root; running it
# again changes nothing. Needs sudo.
#
#   set-up.sh BIN [ACCOUNTS_FILE]
#
# BIN is the folder of jupyterhub, jupyterhub-singleuser and sudospawner. With ACCOUNTS_FILE the hub
# may also have accounts.sh bring the accounts in line with that file (containers); without, members
# of the group are whom the machine's administrator puts there: `usermod -aG halocast alice`.
set -eu
bin=$1 file=${2:-}
hub=${HALOCAST_HUB_USER:-jupyterhub}
group=${HALOCAST_HUB_GROUP:-halocast}
service=${HALOCAST_HUB_PAM:-halocast-hub}
state=${HALOCAST_HUB_STATE:-/srv/jupyterhub/state}
homes=${HALOCAST_HUB_HOMES:-/home}
here=$(cd "$(dirname "$0")" && pwd)

getent group "$group" >/dev/null || groupadd "$group"
getent passwd "$hub" >/dev/null ||
    useradd --system --user-group --home-dir "$state" --no-create-home --shell /usr/sbin/nologin "$hub"
# PAM checks passwords of others for whoever may read their hashes
usermod --append --groups shadow "$hub"
install -d -o "$hub" -g "$hub" -m 0700 "$state"

cat >"/etc/pam.d/$service" <<PAM
auth    requisite pam_succeed_if.so quiet user ingroup $group
@include common-auth
@include common-account
PAM

rules=$(mktemp)
trap 'rm -f "$rules"' EXIT
{
    echo "Defaults:$hub !requiretty, !lecture, !syslog"
    echo "$hub ALL=(%$group) NOPASSWD: $bin/sudospawner"
    if [ -n "$file" ]; then
        install -d -m 0755 /usr/local/lib/"$service"
        install -m 0755 "$here/accounts.sh" /usr/local/lib/"$service"/accounts.sh
        echo "$hub ALL=(root) NOPASSWD: /usr/local/lib/$service/accounts.sh $file $group $homes"
    fi
} >"$rules"
visudo -cqf "$rules"
install -m 0440 "$rules" "/etc/sudoers.d/$service"
