"""The images and Compose files of deploy/containers: what is in them, and a pipeline that runs from them.

The images are built from the Dockerfiles that stand there and run as the Compose files say, in namespaces in the place
of an engine: container_images.py and container_runs.py say how.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import bundle
import pytest
from conftest import WEIGHTS, models_folder
from container_images import CONTAINERS, DEBIAN, Images
from container_runs import Services, compose, isolated
from pipeline import ROOT, run, until

STAGES = ("ingest", "infer", "sink", "gateway")
IMAGES = (*STAGES, "infer-cuda", "models")
COMPOSE_FILES = sorted([*CONTAINERS.glob("[!.]*.yaml"), *CONTAINERS.glob("three-machines/*.yaml")])
DOCKERFILES = sorted(CONTAINERS.glob("*.Dockerfile"))
USER = 10001
FRAMES = 60


def missing():
    """Why images cannot be built and run here, or nothing."""
    for program in ("buildah", "bwrap", "nsenter", "setpriv"):
        if not shutil.which(program):
            return f"{program} is missing: deploy/setup --test installs it"
    if not bundle.wheel():
        return "there is no .venv-torch, which deploy/test makes unless --no-wheel is given"
    probe = [*map(str, isolated(USER, "/")), "/bin/true"]
    if os.geteuid() or subprocess.run(probe, capture_output=True, check=False).returncode:
        return "building images and making namespaces needs root, and a kernel that lets others make some, too"
    return ""


needs_images = pytest.mark.skipif(bool(missing()), reason=missing())


@pytest.fixture(scope="module")
def folder():
    """A folder that any user may enter, as the containers' does."""
    path = Path(tempfile.mkdtemp(prefix="posebus-containers-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def builder(folder):
    builder = Images(folder / "images")
    try:
        builder.make_base()
        yield builder
    finally:
        builder.close()


@pytest.fixture(scope="module")
def images(builder, bundled, folder):
    """The images of all stages, by name."""
    return {
        name: builder.build(
            name, build=program(name, bundled[1], folder / "build" / name), **other_stages(name, folder / name))
        for name in IMAGES
    }


def program(stage, bundled, folder):
    """The tree that the compiling stage would make, taken out of the bundle, whose one executable is all programs."""
    tree = folder / "opt" / "posebus"
    name = "posebus" if stage == "models" else f"posebus-{stage.removesuffix('-cuda')}"
    (tree / "bin").mkdir(parents=True)
    os.link(bundled / "bin" / "posebus", tree / "bin" / name)
    torches = shutil.ignore_patterns("torch-1.*" if "infer" in stage else "torch-*")
    shutil.copytree(bundled / "lib", tree / "lib", ignore=torches, copy_function=os.link)
    shutil.copytree(bundled / "share" / "doc", tree / "share" / "doc", copy_function=os.link)
    if stage == "gateway":
        for name in ("share/posebus/viewer", "share/posebus/client", "share/posebus/three"):
            shutil.copytree(bundled / name, tree / name, copy_function=os.link)
    return folder


def other_stages(stage, folder):
    """What the Dockerfile's other stages would fetch, of what is installed here."""
    if stage == "gateway":
        subprocess.run(
            [CONTAINERS / "root", folder / "rootfs", "/var/lib/posebus/gateway",
             "/usr/bin/ffmpeg", "/usr/bin/ffprobe", "/usr/bin/prlimit"], check=True)
        return {"video": folder}
    if stage == "infer":
        torch, wheel = folder / "opt" / "torch", bundle.wheel()
        (torch / "lib").mkdir(parents=True)
        for name in ("libtorch_cpu.so", "libc10.so", "libgomp.so.1"):
            shutil.copy(wheel / "lib" / name, torch / "lib")
        shutil.copy(wheel / "version.py", torch)
        shutil.copytree(next(wheel.parent.glob("torch-*.dist-info")) / "licenses", torch / "licenses")
        return {"torch": folder}
    if stage == "infer-cuda":
        # Gigabytes that only a GPU makes use of: something in their place, to see where it goes.
        site = folder / "opt" / "site"
        for name in ("torch/lib/libtorch_cpu.so", "torch/lib/libc10.so", "nvidia/cu13/lib/libcudart.so.13"):
            (site / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(bundle.wheel() / "lib" / "libgomp.so.1", site / name)
        (site / "torch" / "version.py").touch()
        (site / "torch-2.dist-info").mkdir()
        return {"torch": folder}
    if stage == "models":
        # Without pip, which comes from Debian's archive.
        return {"pip": f"container-image://{DEBIAN}"}
    return {}


def tool_of_python(*words):
    """Runs a program that pip put beside this Python; returns what it said if it found something wrong."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / words[0]), *map(str, words[1:])],
        capture_output=True, text=True, check=False, timeout=120)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_dockerfiles_are_well_formed_and_pinned():
    assert not (found := tool_of_python("hadolint", "--config", CONTAINERS / ".hadolint.yaml", *DOCKERFILES)), found
    bases = set()
    for path in DOCKERFILES:
        lines = path.read_text().splitlines()
        bases |= {line for line in lines if re.match(r"ARG (SWIFT|DEBIAN)=", line)}
        stages = {re.search(r" AS (\w+)$", line)[1] for line in lines if re.match(r"FROM .* AS ", line)}
        # Nothing from a registry but the two images above.
        sources = {line.split()[1] for line in lines if line.startswith("FROM ")}
        assert sources <= {"${SWIFT}", "${DEBIAN}", "scratch", *stages}, path
        last = "\n".join(lines[max(number for number, line in enumerate(lines) if line.startswith("FROM ")):])
        assert f"\nUSER {USER}:{USER}\n" in last, path
    # The same in all of them, and by what they hold rather than by a name that can be given to another.
    assert sorted(base.split("=")[0] for base in bases) == ["ARG DEBIAN", "ARG SWIFT"]
    assert all(re.search(r"@sha256:[0-9a-f]{64}$", base) for base in bases)


def test_libtorch_is_the_one_that_is_tested():
    version = re.search(r"^torch_wheel=torch==(\S+)$", (ROOT / "deploy" / "lib.sh").read_text(), re.MULTILINE)[1]
    for name, wanted in (("torch-cpu.txt", version), ("torch-cuda.txt", version.split("+")[0])):
        pinned = [line for line in (CONTAINERS / name).read_text().splitlines() if line and line[0] not in "#-"]
        assert pinned[0].startswith(f"torch=={wanted} ")
        assert all(re.fullmatch(r"[\w-]+==\S+ --hash=sha256:[0-9a-f]{64}", line) for line in pinned)


def test_pin_writes_the_digest_that_the_registry_has(tmp_path):
    folder = tmp_path / "containers"
    shutil.copytree(CONTAINERS, folder)
    registry = tmp_path / "bin"
    registry.mkdir()
    (registry / "docker").write_text("#!/bin/sh\nexit 1\n")
    (registry / "skopeo").write_text('#!/bin/sh\necho "the list of $3"\n')
    for program in registry.iterdir():
        program.chmod(0o755)

    def pin(*words):
        return subprocess.run(
            [folder / "pin", *words], capture_output=True, text=True, check=False, timeout=60,
            env={**os.environ, "PATH": f"{registry}:{os.environ['PATH']}"})

    before = (folder / "sink.Dockerfile").read_text()
    found = pin("--check")
    assert found.returncode == 1 and "sink.Dockerfile: DEBIAN is docker.io/library/debian:" in found.stderr
    assert (folder / "sink.Dockerfile").read_text() == before
    assert pin().returncode == 0
    assert pin("--check").returncode == 0
    tag = re.search(r"^ARG DEBIAN=(\S+)@", before, re.MULTILINE)[1]
    digest = hashlib.sha256(f"the list of docker://{tag}\n".encode()).hexdigest()
    for path in folder.glob("*.Dockerfile"):
        assert f"\nARG DEBIAN={tag}@sha256:{digest}\n" in path.read_text()


@pytest.mark.parametrize("path", COMPOSE_FILES, ids=lambda path: path.stem)
def test_compose_file_is_valid_and_gives_no_rights(path):
    assert not (found := tool_of_python("check-jsonschema", "--builtin-schema", "vendor.compose-spec", path)), found
    if path.stem == "compose.gpu":
        first, second = compose(CONTAINERS / "compose.yaml"), compose(path)
        infer = {**first["services"]["infer"], **second["services"]["infer"]}
        infer["build"] = {**first["services"]["infer"]["build"], **second["services"]["infer"]["build"]}
        services, project = {"infer": infer}, CONTAINERS
        assert infer["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"] == ["gpu"]
    else:
        services, project = compose(path, GPU="gpu", ARCHIVE="archive")["services"], path.parent
    for name, service in services.items():
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"] and service["pids_limit"] and service["logging"]["options"]["max-size"], name
        assert not {"privileged", "cap_add", "user", "network_mode", "devices"} & set(service), name
        context = project / service["build"]["context"]
        assert context.resolve() == ROOT and (context / service["build"]["dockerfile"]).exists(), name
        assert Path(service["build"]["dockerfile"]).stem == service["image"].split("/")[1].split(":")[0], name
        if path.stem == "compose":
            # Nothing of one machine's pipeline, which has no keys, is for other machines.
            assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name


@needs_images
def test_nothing_secret_is_sent_to_a_builder(builder, folder):
    """What .dockerignore lets through: the sources, and nothing that lies about in a clone."""
    clone = folder / "clone"
    kept = ["Package.swift", "deploy/bundle", "deploy/containers/root", "Sources/Stage/Release.swift",
            "clients/javascript/posebus.js", "Tests/StageTests/ReleaseTests.swift"]
    left = [".git/config", ".build/release/posebus", ".venv-test/bin/python", "keys/sink.cert_secret",
            "poses.sqlite-wal", "deploy/containers/three-machines/.env", "Tests/EndToEnd/images.py"]
    for path in (*kept, *left):
        (clone / path).parent.mkdir(parents=True, exist_ok=True)
        (clone / path).write_text("x")
    shutil.copy(ROOT / ".dockerignore", clone)
    (folder / "context.Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    builder.buildah("build", "--pull-never", "--file", folder / "context.Dockerfile", "--tag", "context", clone)
    sent = Path(builder.buildah("mount", builder.buildah("from", "--pull-never", "context")))
    assert [path for path in kept if not (sent / path).exists()] == []
    assert [path for path in left if (sent / path).exists()] == []


@needs_images
@pytest.mark.parametrize("stage", STAGES)
def test_nothing_in_an_image_but_what_it_needs(images, stage, record_property):
    image = images[stage]
    record_property("bytes", image.size)
    print(f"posebus/{stage}: {image.size / 1e6:.0f} MB")
    names = image.names()
    # Nothing to look around with, to compile with or to install with, and nothing of the tests.
    tools = "sh bash dash busybox apt apt-get dpkg python3 perl gcc cc c++ clang swift swiftc ld lld as make git"
    assert not names & set(tools.split())
    assert not [name for name in names if re.search(r"\.(swift(module)?|[aho]|deb|jpg|mp4|tflite|npz|sqlite)$", name)]
    assert not [path for path in image.entries if path.startswith(("/var/lib/apt", "/var/cache", "/root", "/home"))]
    executables = {path for path in image.entries if path.startswith("/usr/bin/")}
    assert executables == ({"/usr/bin/ffmpeg", "/usr/bin/ffprobe", "/usr/bin/prlimit"} if stage == "gateway" else set())
    torch = {name for name in names if re.match(r"lib(torch|c10)|torch-", name)}
    assert bool(torch) == (stage == "infer"), torch
    # Nothing that gives rights, and nothing that the program could change but its state.
    for path, entry in image.entries.items():
        assert not entry.st_mode & (stat.S_ISUID | stat.S_ISGID), path
        own = {"/var/lib/posebus/models", f"/var/lib/posebus/{'models' if stage == 'infer' else stage}"}
        assert (entry.st_uid, entry.st_gid) == ((USER, USER) if path in own else (0, 0)), path
        if not stat.S_ISLNK(entry.st_mode) and path != "/tmp":
            assert not entry.st_mode & 0o022, f"{path} can be written by others than its owner"
    # Scanners find the packages, lawyers the licences.
    status = image.root / "var" / "lib" / "dpkg" / "status.d"
    assert (status / "libc6").read_text().startswith("Package: libc6\n")
    assert (image.root / "usr" / "share" / "doc" / "libc6" / "copyright").exists()
    assert (image.root / "opt" / "posebus" / "share" / "doc" / "posebus" / "LICENSE").exists()


@needs_images
@pytest.mark.parametrize("stage", [*STAGES, "infer-cuda"])
def test_image_says_how_it_is_run(images, stage):
    configuration = images[stage].configuration
    program = f"/opt/posebus/bin/posebus-{stage.removesuffix('-cuda')}"
    assert configuration["User"] == f"{USER}:{USER}"
    assert configuration["Entrypoint"] == [program]
    assert configuration["Healthcheck"]["Test"] == ["CMD", program, "--check-health"]
    assert configuration["StopSignal"] == "SIGTERM"
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in configuration["Labels"].items()}
    assert (labels["title"], labels["version"], labels["licenses"]) == (f"posebus-{stage}", "1.2.3", "Apache-2.0")
    environment = dict(word.split("=", 1) for word in configuration["Env"])
    if torch := environment.get("POSEBUS_TORCH"):
        assert (images[stage].root / torch[1:] / "version.py").exists()
        assert (images[stage].root / torch[1:] / "lib" / "libtorch_cpu.so").exists()
    assert ("infer" in stage) == bool(torch)
    assert environment.get("NVIDIA_VISIBLE_DEVICES") == ("all" if stage == "infer-cuda" else None)


@needs_images
def test_libtorch_in_the_image_of_infer_can_be_loaded(images):
    """It is loaded before HMR2's files are looked for, and there are none."""
    image = images["infer"]
    environment = [word for each in image.configuration["Env"] for word in ("--setenv", *each.split("=", 1))]
    done = subprocess.run(
        [*isolated(str(USER), image.root), *environment, "--tmpfs", "/tmp", *image.configuration["Entrypoint"],
         "--engine", "hmr2", "--hmr2-dir", "/tmp/none"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0 and "/tmp/none" in done.stderr, done
    assert "libtorch" not in done.stderr, done.stderr


@pytest.fixture
def services(folder, images):
    """Starts what Compose files say."""
    running = []

    def services(*files, names=()):
        running.append(Services(folder / f"services{len(running)}", images, *files, names=names))
        return running[-1]

    yield services
    for each in running:
        each.close()
        shutil.rmtree(each.folder)


def engine(services):
    """The engine that can run here, its weights in the volume that Compose has for them."""
    if not all((models_folder() / name).exists() for name in WEIGHTS):
        return "none"
    volume = services.volume("models", USER)
    for name in WEIGHTS:
        shutil.copy(models_folder() / name, volume)
    return "blazepose"


TOOL = "/opt/posebus/bin/posebus"


def whole_session(services, stream, **headers):
    """Waits until the gateway shows a session of the stream that has ended, and returns it."""

    def ended():
        status, body = services.network.get("http://127.0.0.1:5000/v1/sessions", **headers)
        sessions = json.loads(body)["sessions"] if status == 200 else []
        return next((session for session in sessions if session["stream"] == stream and session["ended_ns"]), None)

    return until(ended, f"the gateway shows the whole session of {stream}")


@needs_images
def test_one_machine(services):
    """compose.yaml: the light engine, from the images."""
    file = compose(CONTAINERS / "compose.yaml")
    running = services(file)
    chosen = engine(running)
    commands = {name: service.get("command") for name, service in file["services"].items()}
    commands["infer"][0] = f"--engine={chosen}"
    commands["ingest"].append("--progress-seconds=2")
    # Against the data's way: nobody may need another to be there first.
    stages = {name: running.start(name) for name in ("gateway", "ingest", "infer", "sink")}
    for name, stage in stages.items():
        until(stage.is_healthy, f"{name} says that it is healthy")

    # Each is on its own: its user, no rights, nothing to write to but its volume and /tmp, first of its processes.
    for name, stage in stages.items():
        status = stage.status()
        assert status["Uid"] == [str(USER)] * 4 and status["Gid"] == [str(USER)] * 4
        assert {status[kind][0] for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}
        assert status["NoNewPrivs"] == ["1"] and status["NSpid"][-1] == "1"
        writable = {path for path, options in stage.mounts().items() if "rw" in options}
        own = set() if name == "infer" else {"/var/lib/posebus/" + name}
        assert {path for path in writable if not path.startswith(("/proc", "/dev"))} == {"/tmp", *own}

    def feed(frames, stream):
        source = f"test:?frames={frames}&realtime=no"
        running.run("models", TOOL, "feed", source, "--stream", stream, "--to", "tcp://ingest:5551")

    feed(FRAMES, "walk")
    session = whole_session(running, "walk")
    assert (session["frames"], session["poses"], session["drops"]) == (FRAMES, FRAMES, 0)
    assert running.network.get("http://127.0.0.1:5000/")[0] == 200

    # The check asks for progress, not only for life: ingest is well in every other way while infer does nothing.
    stages["infer"].signal(signal.SIGSTOP)
    feed(1, "waiting")

    def complaint():
        status, said = stages["ingest"].check_health()
        return said if status == 1 else None

    said = until(complaint, "ingest sees that nothing goes on")
    assert "acknowledged" in said, said
    assert stages["infer"].check_health()[0] == 1
    stages["infer"].signal(signal.SIGCONT)
    whole_session(running, "waiting")
    for name in ("ingest", "infer"):
        until(stages[name].is_healthy, f"{name} is healthy again")

    for name in ("ingest", "infer", "sink", "gateway"):
        assert stages[name].terminate() == 0, stages[name].errors()
    assert (running.folder / "store" / "posebus.sqlite").stat().st_uid == USER
    assert run("posebus", "verify", running.folder / "store" / "posebus.sqlite", folder=running.folder).status == 0


@needs_images
def test_three_machines(services, folder):
    """three-machines/: with keys, as docs/containers.md has it."""
    secret = "0123456789abcdef"
    values = {"GPU": "gpu", "ARCHIVE": "archive", "POSEBUS_ENGINE": "none",
              "API_KEYS": f"{folder}/api-keys"}
    running = services(
        *(compose(CONTAINERS / "three-machines" / f"{machine}.yaml", KEYS=f"{folder}/keys/{machine}", **values)
          for machine in ("hub", "gpu", "archive")),
        names=("hub", "gpu", "archive"))
    made = folder / "keys" / "made"
    made.mkdir(parents=True)
    os.chown(made, USER, USER)

    def tool(*words):
        return running.run("models", TOOL, *words, volumes=[(made, "/tmp/keys")])

    for name, role, *more in (("ingest", "ingest"), ("infer", "infer"), ("sink", "sink"), ("gateway", "subscribers"),
                              ("door", "feeders", "--streams", "door")):
        tool("keys", "new", name, "--for", role, "--dir", "/tmp/keys", *more)
    gateway = (made / "subscribers" / "gateway.cert").read_text()
    (made / "feeders" / "gateway.cert").write_text(gateway + 'metadata\n    streams = "*"\n')
    for machine, secrets in (("hub", ("ingest", "gateway")), ("gpu", ("infer",)), ("archive", ("sink",))):
        others = {path.name for path in made.glob("*.cert_secret")} - {f"{name}.cert_secret" for name in secrets}
        shutil.copytree(made, made.parent / machine, ignore=shutil.ignore_patterns(*others))
    (made.parent / "gpu" / "ingest" / "gateway.cert").write_text(gateway)
    (folder / "api-keys").write_text(secret + "\n")
    (folder / "api-keys").chmod(0o600)
    for path in (folder / "api-keys", *made.parent.rglob("*")):
        os.chown(path, USER, USER)

    stages = {name: running.start(name) for name in ("ingest", "gateway", "infer", "sink")}
    for name, stage in stages.items():
        until(stage.is_healthy, f"{name} says that it is healthy")
    tool("feed", "test:?frames=20&realtime=no", "--stream", "door", "--to", "tcp://hub:5551", "--keys", "/tmp/keys",
         "--key", "/tmp/keys/door.cert_secret")
    assert whole_session(running, "door", Authorization=f"Bearer {secret}")["poses"] == 20
    # Without its key nobody is let in, to the gateway neither.
    assert running.network.get("http://127.0.0.1:5000/v1/sessions")[0] == 401
    for name in ("ingest", "infer", "sink", "gateway"):
        assert stages[name].terminate() == 0, stages[name].errors()
    assert run("posebus", "verify", running.folder / "store" / "posebus.sqlite", folder=running.folder).status == 0
