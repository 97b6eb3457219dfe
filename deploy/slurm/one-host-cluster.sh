#!/usr/bin/env bash
# A SLURM cluster on one host, for trying things out and for tests: two nodes of two cores each.
#
#   one-host-cluster.sh start FOLDER    then: export SLURM_CONF=FOLDER/slurm.conf
#   one-host-cluster.sh stop FOLDER
#
# Needs (Debian): apt-get install --no-install-recommends slurm-wlm munge. All it has is in FOLDER:
# its own munge daemon and key, free ports, state, logs. Nothing of the system is touched.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

free_ports() { # COUNT: as many ports that nobody listens at
    python3 - "$1" <<'PYTHON'
import socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(s.getsockname()[1] for s in sockets))
PYTHON
}

start_munge() { # local daemons trust each other by a key that only this user can read
    mkdir -m 0700 "$folder/munge"
    (umask 077; head -c 1024 /dev/urandom > "$folder/munge/key")
    munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
        --pid-file="$folder/munge/pid" --seed-file="$folder/munge/seed" \
        --log-file="$folder/munge/log"
}

write_configuration() {
    local host user control first second
    host=$(hostname -s) user=$(id -un)
    read -r control first second <<< "$(free_ports 3)"
    cat > "$folder/slurm.conf" <<CONF
ClusterName=one-host
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$control
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool-%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd-%n.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd-%n.log
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2,sched_min_interval=0,defer_batch
KillWait=5
SlurmdParameters=config_overrides
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$first CPUs=2 RealMemory=4000 State=UNKNOWN
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$second CPUs=2 RealMemory=4000 State=UNKNOWN
PartitionName=debug Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
CONF
    local version=v1
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then version=v2; fi
    {
        echo "CgroupPlugin=cgroup/$version"
        echo "CgroupAutomount=no"
        if [ "$version" = v2 ]; then echo "IgnoreSystemd=yes"; fi
        printf 'Constrain%s=no\n' Cores RAMSpace Devices
    } > "$folder/cgroup.conf"
}

start() {
    mkdir -p "$folder"
    start_munge
    write_configuration
    export SLURM_CONF=$folder/slurm.conf
    slurmctld -c -f "$SLURM_CONF"
    for node in n1 n2; do
        mkdir -p "$folder/spool-$node"
        slurmd -f "$SLURM_CONF" -N "$node"
    done
    for _ in $(seq 120); do
        if [ "$(sinfo -h -o '%D %t' 2> "$folder/sinfo.log")" = "2 idle" ]; then return; fi
        sleep 0.25
    done
    echo "the nodes are not idle after 30 s; see $folder/*.log" >&2
    tail -n 5 "$folder"/*.log >&2
    return 1
}

stop() { # ends only what this folder's files name
    local file
    for file in "$folder"/slurmd-n?.pid "$folder/slurmctld.pid" "$folder/munge/pid"; do
        if [ -s "$file" ]; then kill "$(cat "$file")" 2> /dev/null || true; fi
    done
}

if [ $# -ne 2 ]; then
    sed -n '2,9s/^# \{0,1\}//p' "$0"
    exit 2
fi
folder=$(realpath -m "$2")
case $1 in
start) start ;;
stop) stop ;;
*) echo "start or stop?" >&2; exit 2 ;;
esac
