# SPDX-License-Identifier: MIT
#
# run.sh - what the README promises of a fresh Debian 12, on one: a minimal root made by debootstrap, a clean clone in it, both
# commands as root, and the examples of the documents as a user who may not install anything. TAP, with the figures that
# the README tells. QUIRE_FRESH=short leaves out ./quire test, which takes most of the time.
#
# Packages come from where this machine has its own. Everything runs in namespaces of its own for processes and mounts, so that
# nothing is left of either when it ends, however it ends.
. "$(dirname "$0")/../harness/tap.sh"
# shellcheck source=tools/progress.sh
. "$root/tools/progress.sh"

release=bookworm
debian=$scratch/debian
inside= # the process whose end is that of all in the new root; it hears of nothing but SIGKILL
trap '[ -z "$inside" ] || { kill -KILL $inside; wait $inside; sleep 1; } 2>/dev/null; rm -rf "$scratch"' EXIT

# Where this machine gets Debian's packages from: address, release and component, one a line.
sources()
{
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
        sed -n "s/^Debian \\(.*\\) \\(${release}[^ ]*\\) \\(.*\\)/\\1 \\2 \\3/p" | sort -u
}

leave()
{
    skip "a fresh Debian" "$1"
    finish
}

[ "$(id -u)" -eq 0 ] || leave "only root can make one"
for tool in debootstrap unshare chroot git; do
    command -v $tool >/dev/null 2>&1 || leave "no $tool here"
done
unshare --mount --pid --fork true 2>/dev/null || leave "no namespaces here"
mirror=$(sources | sed -n "s/ $release main\$//p" | head -n 1)
[ -n "$mirror" ] || leave "this machine's packages are not those of $release"

# within DIRECTORY USER COMMAND: in the new root, as USER, as if just logged in; what it says is in $scratch/said, how many
# seconds it took in $seconds. What it starts ends with it.
cat >"$scratch/enter" <<'END'
root=$1 directory=$2 user=$3 command=$4
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for device in null zero full random urandom tty; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
home=$(chroot "$root" getent passwd "$user" | cut -d: -f6)
exec chroot "$root" runuser -u "$user" -- env -i HOME="$home" USER="$user" TERM=dumb \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -c "cd $directory && $command"
END
within()
{
    progress "fresh: $3"
    started=$(date +%s)
    unshare --mount --pid --fork --kill-child sh "$scratch/enter" "$debian" "$@" </dev/null >"$scratch/said" 2>&1 &
    inside=$!
    wait $inside
    status=$?
    inside=
    seconds=$(($(date +%s) - started))
    progress_done
    [ $status -eq 0 ] || tail -n 60 "$scratch/said" | sed 's/^/#   /'
}

# How many packages, and how many megabytes of them, in $packages and $megabytes.
weigh()
{
    # shellcheck disable=SC2016 # dpkg's own variable
    chroot "$debian" dpkg-query -W -f '${Installed-Size}\n' |
        awk '{ sum += $1 } END { printf "%d %d\n", NR, sum / 1024 }' >"$scratch/weight"
    read -r packages megabytes <"$scratch/weight"
}

# tell WHAT: what it took, beside what there was before.
tell()
{
    old_packages=$packages old_megabytes=$megabytes
    weigh
    echo "# $1: $seconds seconds, $((packages - old_packages)) packages, $((megabytes - old_megabytes)) MB"
}

clone()
{
    env GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*' \
        git clone -q --no-hardlinks "$root" "$debian/$1" 2>/dev/null
}

progress "fresh: making a minimal Debian"
started=$(date +%s)
check "a minimal $release" debootstrap --variant=minbase "$release" "$debian" "$mirror"
progress_done
[ "$failed" -eq 0 ] || finish
weigh
echo "# a minimal Debian: $(($(date +%s) - started)) seconds, $packages packages, $megabytes MB"
sources | sed 's/^/deb /' >"$debian/etc/apt/sources.list"
apt-config dump 2>/dev/null | grep '^Acquire::[^:]*::[Pp]roxy' >"$debian/etc/apt/apt.conf.d/90proxy"
cp -L /etc/resolv.conf /etc/hosts "$debian/etc/" 2>/dev/null
check "a clean clone" clone root/quire
chroot "$debian" useradd -m -s /bin/sh reader
check "and one for a user" clone home/reader/quire
chroot "$debian" chown -R reader: /home/reader

within /home/reader/quire reader './quire run'
equal "a user who may install nothing, ./quire run: status" "$status" 125
contains "a user who may install nothing: is told what to type" "$scratch/said" 'type: sudo apt-get install'

within /root/quire root './quire run'
equal "./quire run: status" "$status" 0
contains "./quire run: everything was shown" "$scratch/said" 'All accounts settled'
tell './quire run'

if [ "${QUIRE_FRESH:-}" = short ]; then
    skip "./quire test" "QUIRE_FRESH=short"
else
    within /root/quire root './quire test'
    equal "./quire test: status" "$status" 0
    grep -E '^(--- |Files=|Result:|Failed test|SKIPPED:|FAILED:|passed:)' "$scratch/said" | sed 's/^/#   /'
    tell './quire test'
fi
within /root/quire root 'apt-get install -y --no-install-recommends libc6-dev perl valgrind'
within /home/reader/quire reader 'sh tests/boot/docs.t'
equal "the examples of the documents, as a user: status" "$status" 0
equal "the examples of the documents, as a user: none fails" "$(grep '^not ok' "$scratch/said")" ''
echo "# the examples: $(grep -c '^ok' "$scratch/said") of them, $seconds seconds"
finish
