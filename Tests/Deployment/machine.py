"""A machine with a service manager: systemd, started in namespaces on a copy of this machine's files.

The copy is in memory and gone afterwards. The machine has processes, a network and a hostname of its own, and nothing
of this one is changed.
"""

import functools
import os
import shutil
import signal
import subprocess
from pathlib import Path

from pipeline import until

# Run in new namespaces, as root. What is written goes to memory; the kernel's settings are this machine's, so they are
# read-only, and nothing of what this machine starts at its own start is started here.
BOOT = """
set -euo pipefail
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir "$1"/upper "$1"/work "$1"/root
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
root=$1/root
shift
rm -rf "$root"/etc/systemd/system/* "$root"/var/log/journal
# Without it systemd takes this for its first start and switches on all that is installed.
echo 11111111111111111111111111111111 >"$root/etc/machine-id"
for unit in systemd-sysctl systemd-modules-load systemd-remount-fs systemd-udevd systemd-networkd e2scrub_reap; do
    ln -s /dev/null "$root/etc/systemd/system/$unit.service"
done
cat >"$root/etc/systemd/system/machine.target" <<'END'
[Unit]
Description=Nothing but what is tested
Requires=basic.target
After=basic.target
END
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mkdir -p "$root/sys/fs/cgroup"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root"/dev/pts
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root"/dev/shm
mount -t tmpfs tmpfs "$root/dev/shm"
while [[ $# -gt 0 ]]; do
    mkdir -p "$root$2"
    mount --bind -o ro "$1" "$root$2"
    shift 2
done
ip link set lo up
cd "$root"
pivot_root . .
umount -l .
exec env -i container=posebus PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . \\
    /lib/systemd/systemd --system --log-target=journal --unit=machine.target
"""


NAMESPACES = ("--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--net", "--cgroup")
# What is denied where this machine is itself a container without many rights.
PROBE = """
set -e
mount -t tmpfs tmpfs /tmp
mkdir /tmp/upper /tmp/work /tmp/root
mount -t overlay -o lowerdir=/,upperdir=/tmp/upper,workdir=/tmp/work overlay /tmp/root
"""


@functools.cache
def missing():
    """What this machine lacks for one, or None."""
    if os.geteuid() != 0:
        return "needs root"
    for program in ("/lib/systemd/systemd", "ip", "nsenter"):
        if not shutil.which(program):
            return f"there is no {program}"
    if not cgroups():
        return "no cgroup2 is mounted"
    probe = subprocess.run(["unshare", *NAMESPACES, "bash", "-c", PROBE], capture_output=True, text=True)
    return f"there are no namespaces: {probe.stderr.strip()}" if probe.returncode else None


def cgroups():
    """Where the second version of control groups is mounted."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    return next((Path(fields[1]) for fields in mounts if fields[2] == "cgroup2"), None)


class Machine:
    """Runs until `close`. `binds` are folders of this machine by the path that they have in there, read-only."""

    def __init__(self, folder, binds):
        self._group = cgroups() / f"posebus-test-{os.getpid()}"
        self._group.mkdir()
        (Path(folder) / "machine").mkdir()
        pairs = [str(word) for inside, outside in binds.items() for word in (outside, inside)]
        self.log = Path(folder) / "machine.log"
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                ["unshare", *NAMESPACES, "bash", "-c", BOOT, "bash", Path(folder) / "machine", *pairs],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                preexec_fn=lambda: (self._group / "cgroup.procs").write_text(str(os.getpid())))
        try:
            self._init = until(self._child, "the machine starts")
            until(lambda: self._try("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"),
                  "systemd is up")
        except BaseException:
            print(self.log.read_text(errors="replace"))
            self.close()
            raise

    def _child(self):
        assert self._process.poll() is None, self.log.read_text(errors="replace")
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        if children and Path(f"/proc/{children[0]}/comm").read_text().strip() == "systemd":
            return int(children[0])
        return None

    def _try(self, *command, stdin=None):
        words = ["nsenter", "--target", self._init, "--all", "--root", "--wd", "env", "-i", "HOME=/root",
                 "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *command]
        return subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=120, input=stdin)

    def run(self, *command, status=0, stdin=None):
        """Runs a command as root and returns what it printed."""
        done = self._try(*command, stdin=stdin)
        assert done.returncode == status, f"{command}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def write(self, path, text):
        self.run("sh", "-c", 'mkdir -p "${1%/*}" && cat >"$1"', "sh", path, stdin=text)

    def properties(self, unit, *names):
        """What the manager says about a unit."""
        said = self.run("systemctl", "show", unit, *(f"--property={name}" for name in names))
        return dict(line.split("=", 1) for line in said.splitlines())

    def journal(self):
        return self._try("journalctl", "--no-pager", "--output", "short-precise", "--lines", "400").stdout

    def close(self):
        """Ends it with everything in it."""
        if self._process.poll() is None:
            for child in Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split():
                os.kill(int(child), signal.SIGKILL)
            self._process.wait(60)

        def gone():
            try:
                for folder in sorted(self._group.rglob("*/"), reverse=True):
                    folder.rmdir()
                self._group.rmdir()
            except OSError:
                return False
            return True

        until(gone, "the machine's control groups go")
