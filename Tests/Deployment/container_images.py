"""Builds the images of deploy/containers with buildah, which needs no engine, and reads what is in them.

Each Dockerfile is built as it stands, from its first line to its last, except for what takes minutes and comes from
elsewhere: the stage that compiles is replaced by programs that are already built, Debian's image by the files of its
essential packages as this machine has them, and the stages that fetch ffmpeg and libtorch by those that lie here.
"""

import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

from pipeline import ROOT

CONTAINERS = ROOT / "deploy" / "containers"
DEBIAN = "localhost/debian:bookworm"
LEFT_OUT = ("/usr/share/locale/", "/usr/share/man/", "/usr/share/info/", "/usr/share/i18n/")


class Images:
    """Images in a storage of their own, mounted where any user can read them."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(mode=0o755)
        # Layers on top of each other, where the folder does not lie on such layers itself.
        driver = "vfs" if run("stat", "--file-system", "--format=%T", folder).strip() == "overlayfs" else "overlay"
        self._storage = ["--root", folder / "storage", "--runroot", folder / "run", "--storage-driver", driver]
        self._mounts = []

    def buildah(self, *arguments, **options):
        command = ["buildah", *self._storage, *arguments]
        done = subprocess.run(
            [*map(str, command)], capture_output=True, text=True, check=False, timeout=600, cwd=ROOT, **options)
        assert done.returncode == 0, f"{' '.join(map(str, command))}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
        return done.stdout.strip()

    def make_base(self):
        """Makes an image of the packages without which there is no Debian, and of the C++ runtime."""
        packages = debian_packages("libstdc++6")
        container = self.buildah("from", "scratch")
        root = Path(self.buildah("mount", container))
        listed = run("dpkg-query", "--listfiles", *packages).splitlines()
        paths = {os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
                 for path in listed if path.startswith("/") and path != "/." and not path.startswith(LEFT_OUT)}
        # The links from /bin to /usr/bin and the like are no package's.
        paths |= {"/bin", "/sbin", "/lib", "/lib64"}
        archive = subprocess.Popen(
            ["tar", "-C", "/", "--no-recursion", "--null", "-T", "-", "-c"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        unpack = subprocess.Popen(["tar", "-C", root, "-x"], stdin=archive.stdout)
        archive.stdin.write(b"\0".join(sorted(path[1:].encode() for path in paths if os.path.lexists(path))))
        archive.stdin.close()
        assert (archive.wait(), unpack.wait()) == (0, 0)
        # What the package manager knows about them.
        database = root / "var" / "lib" / "dpkg"
        (database / "info").mkdir(parents=True, exist_ok=True)
        shutil.copy("/var/lib/dpkg/info/format", database / "info")
        for package in packages:
            for name in (f"{package}.list", f"{package}:amd64.list"):
                if (file := Path("/var/lib/dpkg/info", name)).exists():
                    shutil.copy(file, database / "info")
        (database / "status").write_text(run("dpkg-query", "--status", *packages))
        subprocess.run(["ldconfig", "-r", root], check=True)
        self.buildah("commit", "--quiet", "--rm", container, DEBIAN)

    def build(self, name, **contexts):
        """Builds `name`.Dockerfile; each of `contexts` is a folder that takes a stage's place."""
        self.buildah(
            "build", "--isolation", "chroot", "--pull-never", "--format", "docker", "--build-arg", f"DEBIAN={DEBIAN}",
            "--build-arg", "VERSION=1.2.3",
            *(f"--build-context={stage}={folder}" for stage, folder in contexts.items()),
            "--file", CONTAINERS / f"{name}.Dockerfile", "--tag", f"posebus/{name}", ".")
        return Image(name, self.configuration(name), self.mount(name))

    def configuration(self, name):
        """What the image says about how it is run."""
        return json.loads(self.buildah("inspect", "--type", "image", f"posebus/{name}"))["Docker"]["config"]

    def mount(self, name):
        source = self.buildah("mount", self.buildah("from", "--pull-never", f"posebus/{name}"))
        # The storage's own folders are for root alone.
        target = self.folder / "roots" / name
        target.mkdir(parents=True)
        subprocess.run(["mount", "--bind", source, target], check=True)
        self._mounts.append(target)
        return target

    def close(self):
        for target in self._mounts:
            subprocess.run(["umount", target], check=True)
        self.buildah("umount", "--all")
        shutil.rmtree(self.folder, ignore_errors=True)


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def debian_packages(*more):
    """The essential packages, `more`, and all that they depend on and this machine has."""
    fields = run("dpkg-query", "--show", "--showformat", "${Package}|${Essential}|${Pre-Depends},${Depends}\n")
    depends, wanted = {}, list(more)
    for line in fields.splitlines():
        package, essential, names = line.split("|", 2)
        depends[package] = re.findall(r"(?:^|[,|])\s*([a-z0-9][a-z0-9+.-]*)", names)
        if essential == "yes":
            wanted.append(package)
    found = set()
    while wanted:
        package = wanted.pop()
        if package in depends and package not in found:
            found.add(package)
            wanted += depends[package]
    return sorted(found)


class Image:
    """One image, mounted at `root`."""

    def __init__(self, name, configuration, root):
        self.name, self.configuration, self.root = name, configuration, root
        # Every file, folder and link in it, by its path inside the image.
        self.entries = {}
        for folder, folders, files in os.walk(root):
            for entry in (*folders, *files):
                path = Path(folder, entry)
                self.entries["/" + str(path.relative_to(root))] = path.lstat()

    @property
    def user(self):
        """The user that it is run as, whose group has the same number."""
        user, group = self.configuration["User"].split(":")
        assert user == group
        return int(user)

    @property
    def size(self):
        """Bytes of all files."""
        return sum(entry.st_size for entry in self.entries.values() if stat.S_ISREG(entry.st_mode))

    def names(self):
        """The names of its files and links."""
        return {Path(path).name for path, entry in self.entries.items() if not stat.S_ISDIR(entry.st_mode)}
