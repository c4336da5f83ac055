"""Strangers are refused, everywhere, and the pipeline does not notice them."""

import contextlib
import ctypes
import itertools
import platform
import resource
import shutil
import socket as network
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest
import zmq
import zmq.auth
from zmq.utils.monitor import recv_monitor_message

from images import jpegs, tiny_jpeg
from pipeline import Pipeline, Program, check_complete, header, run, until

PORTS = ("push", "request", "preview", "frames", "outcomes", "results", "acks", "replay")
# Who may connect where.
GROUP = {"push": "feeders", "request": "feeders", "preview": "subscribers", "frames": "ingest", "outcomes": "infer",
         "results": "subscribers", "acks": "ingest", "replay": "subscribers"}
STAGE = {"push": "ingest", "request": "ingest", "preview": "ingest", "frames": "infer", "outcomes": "sink",
         "results": "sink", "acks": "sink", "replay": "sink"}
KIND = {"push": zmq.PUSH, "request": zmq.DEALER, "preview": zmq.SUB, "frames": zmq.PUSH, "outcomes": zmq.PUSH,
        "results": zmq.SUB, "acks": zmq.SUB, "replay": zmq.DEALER}


def new_key(folder, name, role=None, streams=None, status=0):
    """`posebus keys new`; returns the program."""
    arguments = ["--dir", folder]
    arguments += ["--for", role] if role else []
    arguments += ["--streams", streams] if streams else []
    program = run("posebus", "keys", "new", name, *arguments, folder=folder.parent)
    assert program.status == status, program.errors()
    return program


def make_keys(folder):
    """A folder of keys for a whole pipeline, made as a person makes it."""
    folder.mkdir()
    for stage in ("ingest", "infer", "sink"):
        new_key(folder, stage, stage)
    new_key(folder, "cam1", "feeders", "cam1,cam1 b")
    new_key(folder, "cam2", "feeders", "cam2")
    new_key(folder, "all", "feeders", "*")
    new_key(folder, "viewer", "subscribers")
    return folder


class Secured(Pipeline):
    """A pipeline with keys, and clients that have them."""

    def __init__(self, folder, keys, **options):
        self.keys = keys
        for stage in ("sink", "infer", "ingest"):
            options[stage] = [*options.get(stage, ()), "--keys", keys]
        super().__init__(folder, **options)

    def secret(self, name):
        return zmq.auth.load_certificate(self.keys / f"{name}.cert_secret")

    def server_key(self, endpoint):
        stage = STAGE[endpoint]
        return zmq.auth.load_certificate(self.keys / stage / f"{stage}.cert")[0]

    def introduce(self, socket, endpoint, name):
        socket.curve_publickey, socket.curve_secretkey = self.secret(name)
        socket.curve_serverkey = self.server_key(endpoint)

    def socket(self, kind, endpoint, name=None, context=None):
        """A socket of whoever may use this endpoint, or of `name`."""
        socket = (context or self.context).socket(kind)
        socket.linger = 0
        socket.sndtimeo = socket.rcvtimeo = 120_000
        owner = {"feeders": "all", "subscribers": "viewer"}.get(GROUP[endpoint], GROUP[endpoint])
        self.introduce(socket, endpoint, name or owner)
        socket.connect(self.at[endpoint])
        return socket


class Beside(threading.Thread):
    """A stream that goes on while something bad happens; at the end nothing of it may be missing."""

    def __init__(self, pipeline, results):
        super().__init__(daemon=True)
        self.pipeline, self.results = pipeline, results
        self.stream = "cam1"
        self.count = 0
        self.stop = threading.Event()
        self.error = None
        self.start()
        results.of(self.stream, 1)

    def run(self):
        try:
            with zmq.Context() as context, self._socket(context) as socket:
                for frame in itertools.cycle(jpegs(20)):
                    socket.send_multipart([header(self.stream, frame=self.count), frame])
                    assert socket.recv_string().startswith("OK")
                    self.count += 1
                    if self.stop.is_set():
                        break
                socket.send_multipart([header(self.stream, end=True)])
                assert socket.recv_string() == "OK"
        except BaseException as error:  # noqa: BLE001 - handed on by finish()
            self.error = error

    def _socket(self, context):
        if isinstance(self.pipeline, Secured):
            return self.pipeline.socket(zmq.REQ, "request", "cam1", context)
        socket = context.socket(zmq.REQ)
        socket.linger = 0
        socket.sndtimeo = socket.rcvtimeo = 120_000
        socket.connect(self.pipeline.at["request"])
        return socket

    def finish(self):
        self.results.of(self.stream, len(self.results.outcomes[self.stream]) + 20)
        self.stop.set()
        self.join(120)
        if self.error:
            raise self.error
        outcomes, event = self.results.session(self.stream)
        check_complete(outcomes, self.count, event)
        assert event["drops"] == 0


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return make_keys(tmp_path_factory.mktemp("secured") / "keys")


@pytest.fixture(scope="module")
def pipeline(keys, tmp_path_factory):
    with Secured(tmp_path_factory.mktemp("pipeline"), keys) as pipeline:
        pipeline.subscriber = pipeline.results()
        yield pipeline
        assert pipeline.drain() == [0, 0, 0]


@pytest.fixture
def beside(pipeline):
    pipeline.subscriber.outcomes.pop("cam1", None)
    pipeline.subscriber.events.pop("cam1", None)
    beside = Beside(pipeline, pipeline.subscriber)
    yield beside
    beside.finish()


def handshake(socket, endpoint, deadline=60):
    """How connecting to an endpoint ends: "ready", "refused" by an answer, or "cut off"."""
    monitor = socket.get_monitor_socket()
    monitor.rcvtimeo = deadline * 1000
    try:
        socket.connect(endpoint)
        while True:
            event = recv_monitor_message(monitor)["event"]
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                return "ready"
            if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                return "refused"
            if event in (zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL, zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL,
                         zmq.EVENT_DISCONNECTED):
                return "cut off"
    finally:
        socket.disable_monitor()
        monitor.close()


def address(endpoint):
    host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
    return host, int(port)


def greeting(mechanism):
    return b"\xff" + b"\0" * 8 + b"\x7f\x03\0" + mechanism.encode().ljust(20, b"\0") + b"\0" * 32


def command(name, body):
    body = bytes([len(name)]) + name + body
    return bytes([4, len(body)]) + body


def ready(kind):
    return command(b"READY", b"\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind)


# MARK: - Certificates


def test_real_libraries_read_our_certificates_and_we_theirs(tmp_path, posebus):
    folder = tmp_path / "keys"
    folder.mkdir()
    new_key(folder, "cam1", "feeders", "cam1")
    public, secret = zmq.auth.load_certificate(folder / "cam1.cert_secret")
    assert secret is not None and zmq.curve_public(secret) == public
    assert zmq.auth.load_certificate(folder / "feeders" / "cam1.cert") == (public, None)
    assert (folder / "cam1.cert_secret").stat().st_mode & 0o777 == 0o600

    theirs, _ = zmq.auth.create_certificates(tmp_path, "theirs", {"streams": "a, b"})
    (tmp_path / "theirs.key_secret").chmod(0o600)
    shown = posebus("keys", "show", tmp_path / "theirs.key_secret")
    assert shown.status == 0
    assert zmq.auth.load_certificate(theirs)[0].decode() in shown.output()
    assert "streams     a, b" in shown.output()
    assert zmq.auth.load_certificate(tmp_path / "theirs.key_secret")[1].decode() not in shown.output()


def test_keys_are_never_overwritten(tmp_path):
    folder = tmp_path / "keys"
    folder.mkdir()
    new_key(folder, "cam1")
    before = (folder / "cam1.cert_secret").read_text()
    assert "overwriting" in new_key(folder, "cam1", status=78).errors()
    assert (folder / "cam1.cert_secret").read_text() == before


def test_a_secret_that_others_may_read_is_refused_with_what_to_do(tmp_path, keys):
    copy = shutil.copytree(keys, tmp_path / "keys")
    (copy / "sink.cert_secret").chmod(0o640)
    program = run("posebus-sink", "--keys", copy, "--store", tmp_path / "s", folder=tmp_path)
    assert program.status == 78
    assert f"chmod 600 '{copy}/sink.cert_secret'" in program.errors()


# MARK: - Binding


@pytest.mark.parametrize("stage, option", [
    ("ingest", "--bind-push"), ("ingest", "--bind-request"), ("ingest", "--bind-preview"), ("infer", "--bind"),
    ("sink", "--bind-outcomes"), ("sink", "--bind-results"), ("sink", "--bind-acks"), ("sink", "--bind-replay"),
])
def test_without_keys_nobody_outside_this_machine_can_connect(tmp_path, stage, option):
    pipeline = Pipeline(tmp_path)
    pipeline.at.update(frames="tcp://127.0.0.1:*")
    arguments = list(map(str, pipeline.arguments(stage)))
    for name in ("--sink", "--infer", "--acks"):
        if name in arguments:
            arguments[arguments.index(name) + 1] = "tcp://127.0.0.1:1"
    arguments[arguments.index(option) + 1] = "tcp://*:*"
    program = run(f"posebus-{stage}", *arguments, folder=tmp_path)
    assert program.status == 69
    assert "--keys" in program.errors() and "--anyone-may-connect" in program.errors()
    # Said in so many words it is done.
    program = Program(f"posebus-{stage}", *arguments, "--anyone-may-connect", folder=tmp_path)
    assert any(endpoint.startswith("tcp://0.0.0.0:") for endpoint in program.ready().values())
    assert program.terminate() == 0


def test_with_keys_any_address_can_be_bound(tmp_path, keys):
    program = Program("posebus-infer", "--bind", "tcp://*:*", "--sink", "tcp://127.0.0.1:1", "--engine", "none",
                      "--keys", keys, folder=tmp_path)
    assert program.ready()["frames"].startswith("tcp://0.0.0.0:")
    assert program.terminate() == 0


LYING_LIBRARY = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>
/* Takes the options of a CURVE server and does nothing with them; says that it has. */
static char domain[64];
int zmq_setsockopt(void *s, int option, const void *value, size_t size) {
    int (*real)(void *, int, const void *, size_t) = dlsym(RTLD_NEXT, "zmq_setsockopt");
    if (option == 55) { memset(domain, 0, sizeof domain); memcpy(domain, value, size < 63 ? size : 63); }
    if (LIE(option)) return 0;
    return real(s, option, value, size);
}
int zmq_getsockopt(void *s, int option, void *value, size_t *size) {
    int (*real)(void *, int, void *, size_t *) = dlsym(RTLD_NEXT, "zmq_getsockopt");
    if (HONEST) return real(s, option, value, size);
    if (option == 43) { *(int *)value = 2; return 0; }
    if (option == 47 || option == 93) { *(int *)value = 1; return 0; }
    if (option == 55) { strcpy(value, domain); *size = strlen(domain) + 1; return 0; }
    return real(s, option, value, size);
}
"""


@pytest.mark.parametrize("lie, honest", [
    ("option == 47 || option == 48", 0),  # no CURVE at all, and it says there is
    ("option == 93", 1),                  # the domain is not enforced
    ("option == 55", 1),                  # no domain
    ("option == 47 || option == 48", 1),
])
def test_a_libzmq_that_does_not_protect_is_not_used(tmp_path, keys, lie, honest):
    """The stage believes neither the call that succeeded nor what it reads back: strangers must be turned away."""
    if not shutil.which("cc"):
        pytest.skip("no C compiler")
    (tmp_path / "lie.c").write_text(LYING_LIBRARY)
    subprocess.run(["cc", "-shared", "-fPIC", f"-DLIE(option)=({lie})", f"-DHONEST={honest}", "-o",
                    tmp_path / "lie.so", tmp_path / "lie.c", "-ldl"], check=True, timeout=60)
    program = run("posebus-infer", "--bind", "tcp://127.0.0.1:*", "--sink", "tcp://127.0.0.1:1", "--engine", "none",
                  "--keys", keys, folder=tmp_path, environment={"LD_PRELOAD": str(tmp_path / "lie.so")})
    assert program.status == 69
    assert "self-test of the keys failed" in program.errors()
    assert "ready" not in program.output()


# MARK: - Strangers


@pytest.mark.parametrize("endpoint", PORTS)
def test_strangers_are_refused(pipeline, beside, endpoint):
    at = pipeline.at[endpoint]
    with zmq.Context() as context:
        def attempt(prepare):
            with context.socket(KIND[endpoint]) as socket:
                socket.linger = 0
                prepare(socket)
                return handshake(socket, at)

        def fresh(socket):
            socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
            socket.curve_serverkey = pipeline.server_key(endpoint)

        def plain(socket):
            socket.plain_username, socket.plain_password = b"admin", b"admin"

        assert attempt(lambda socket: None) == "cut off", "no key"
        assert attempt(plain) == "cut off", "PLAIN"
        assert attempt(fresh) == "refused", "a fresh key"
        for name in ("cam1", "viewer", "ingest", "infer", "sink"):
            group = {"cam1": "feeders", "viewer": "subscribers"}.get(name, name)
            expected = "ready" if group == GROUP[endpoint] else "refused"
            assert attempt(lambda socket: pipeline.introduce(socket, endpoint, name)) == expected, name


@pytest.mark.parametrize("mechanism, words", [
    ("NULL", ready(b"PUSH")), ("NULL", ready(b"DEALER")), ("PLAIN", command(b"HELLO", b"\5admin\5admin")),
    ("CURVE", ready(b"PUSH")), ("CURVE", command(b"HELLO", b"\1\0" + b"\0" * 192)), ("GSSAPI", ready(b"PUSH")),
])
@pytest.mark.parametrize("endpoint", PORTS)
def test_other_mechanisms_are_cut_off_by_the_stage_itself(pipeline, endpoint, mechanism, words):
    """libzmq's own client gives up by itself when the mechanisms differ; this one goes on regardless."""
    with network.create_connection(address(pipeline.at[endpoint]), timeout=60) as connection:
        frame = b"\1\x10" + header("x")[:16] + b"\0\5image"
        with contextlib.suppress(ConnectionError):
            connection.sendall(greeting(mechanism) + words + frame)
        received = b""
        with contextlib.suppress(ConnectionError):
            while more := connection.recv(4096):
                received += more
    assert len(received) <= 64 or received[64:66] == b"\4\x0c" or b"ERROR" in received[64:80], received[64:]
    assert b"READY" not in received and b"WELCOME" not in received


def test_frames_of_strangers_never_arrive(pipeline, beside):
    """They are not only refused at the handshake: what they send meanwhile goes nowhere."""
    with zmq.Context() as context:
        sockets = []
        for endpoint in ("push", "request"):
            for key in (True, False):
                socket = context.socket(KIND[endpoint])
                socket.linger = 0
                if key:
                    socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
                    socket.curve_serverkey = pipeline.server_key(endpoint)
                socket.connect(pipeline.at[endpoint])
                sockets.append(socket)
        for _ in range(20):
            for socket in sockets:
                with contextlib.suppress(zmq.Again):
                    socket.send_multipart([header("stranger"), tiny_jpeg()], zmq.NOBLOCK)
            beside.results.of("cam1", len(beside.results.outcomes["cam1"]) + 5)
        assert "stranger" not in pipeline.subscriber.outcomes
        assert not any(socket.poll(0) for socket in sockets if socket.type == zmq.DEALER)
        for socket in sockets:
            socket.close()


@pytest.mark.parametrize("keys_of, stream, allowed", [
    ("cam1", "cam1 b", True), ("cam1", "cam2", False), ("cam1", "cam1 bc", False), ("cam2", "cam1", False),
    ("cam2", "cam2", True), ("all", "anything", True),
])
def test_a_camera_feeds_only_its_streams(pipeline, beside, keys_of, stream, allowed):
    with pipeline.socket(zmq.REQ, "request", keys_of) as socket:
        socket.send_multipart([header(stream), tiny_jpeg()])
        answer = socket.recv_string()
        assert answer.startswith("OK" if allowed else "ERR not_allowed: "), answer
        # Nor may it end what belongs to another.
        socket.send_multipart([header(stream, end=True)])
        answer = socket.recv_string()
        assert answer.startswith("OK" if allowed else "ERR not_allowed: "), answer
    if allowed:
        _, event = pipeline.subscriber.session(stream)
        assert event["frames"] >= 1


def test_refused_frames_are_counted(keys, tmp_path):
    with Secured(tmp_path, keys) as pipeline:
        with pipeline.socket(zmq.REQ, "request", "cam1") as request, zmq.Context() as context, \
                pipeline.socket(zmq.PUSH, "push", "cam1", context) as push:
            for _ in range(3):
                request.send_multipart([header("cam2"), tiny_jpeg()])
                assert request.recv_string().startswith("ERR not_allowed")
            push.linger = 60_000
            for _ in range(2):
                push.send_multipart([header("cam2"), tiny_jpeg()])
            push.close()
            # Both sockets are read in one turn, so one more answer means that the PUSH frames were seen or follow.
            results = pipeline.results()
            assert results
        assert pipeline.terminate("ingest") == 0
        assert "refused_not_allowed=5" in pipeline.stages["ingest"].errors()


def test_cameras_come_and_go_without_a_restart(keys, tmp_path):
    copy = shutil.copytree(keys, tmp_path / "keys")
    with Secured(tmp_path, copy) as pipeline:
        theirs = zmq.auth.create_certificates(tmp_path, "new", {})[0]
        public, secret = zmq.auth.load_certificate(tmp_path / "new.key_secret")

        def attempt():
            with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
                socket.linger = 0
                socket.curve_publickey, socket.curve_secretkey = public, secret
                socket.curve_serverkey = pipeline.server_key("request")
                return handshake(socket, pipeline.at["request"])

        assert attempt() == "refused"
        text = Path(theirs).read_text().replace("metadata\n", "metadata\n    streams = new\n")
        (copy / "feeders" / "new.key").write_text(text)
        until(lambda: attempt() == "ready", "the new camera is let in")
        with pipeline.context.socket(zmq.REQ) as camera:
            camera.linger = 0
            camera.rcvtimeo = 120_000
            camera.curve_publickey, camera.curve_secretkey = public, secret
            camera.curve_serverkey = pipeline.server_key("request")
            camera.connect(pipeline.at["request"])

            def feed():
                camera.send_multipart([header("new"), tiny_jpeg()])
                return camera.recv_string()

            assert feed() == "OK"
            (copy / "feeders" / "new.key").unlink()
            until(lambda: attempt() == "refused", "it is not let in any more")
            until(lambda: feed().startswith("ERR not_allowed"), "what is connected feeds no more")


def test_everything_works_with_keys(keys, tmp_path, posebus):
    """The tool's own feeder and watcher, preview and replay."""
    copy = shutil.copytree(keys, tmp_path / "keys")
    new_key(copy, "posebus", "feeders", "*")
    shutil.copy(copy / "feeders" / "posebus.cert", copy / "subscribers")
    with Secured(tmp_path, copy) as pipeline:
        watch = Program("posebus", "watch", "--from", pipeline.at["results"], "--keys", copy, "--frames", "1", "--json",
                        folder=tmp_path)
        results = pipeline.results()
        preview = pipeline.socket(zmq.SUB, "preview")
        preview.subscribe("preview/")
        until(lambda: pipeline.request(header("cam2"), tiny_jpeg()) and preview.poll(200), "a preview")

        def watched():
            pipeline.request(header("cam2"), tiny_jpeg())
            return not watch.alive()

        until(watched, "posebus watch sees a frame")
        feed = posebus("feed", "test:?frames=20&width=64&height=64&realtime=no", "--to", pipeline.at["request"],
                       "--stream", "tool", "--keys", copy, "--key", copy / "all.cert_secret")
        assert feed.status == 0, feed.errors()
        check_complete(*_counted(results.session("tool"), 20))
        replay = pipeline.socket(zmq.DEALER, "replay")
        replay.send(b'{"stream":"tool"}')
        assert b'"sequence":0' in replay.recv_multipart()[-1]
        preview.close()
        replay.close()
        assert pipeline.drain() == [0, 0, 0]


def test_a_key_that_is_not_let_in_is_said_to_be_so(pipeline, tmp_path, posebus):
    arguments = ["--keys", pipeline.keys, "--key", pipeline.keys / "viewer.cert_secret"]
    feed = posebus("feed", "test:?frames=20&width=64&height=64", "--to", pipeline.at["request"], *arguments)
    assert feed.status != 0 and "this key is not let in" in feed.errors()
    arguments[-1] = pipeline.keys / "cam1.cert_secret"
    watch = posebus("watch", "--from", pipeline.at["results"], "--frames", "1", *arguments)
    assert watch.status != 0 and "this key is not let in" in watch.errors()


def test_up_with_keys(keys, tmp_path, posebus):
    copy = shutil.copytree(keys, tmp_path / "keys")
    new_key(copy, "posebus", "feeders", "*")
    shutil.copy(copy / "feeders" / "posebus.cert", copy / "subscribers")
    up = posebus("up", "test:?frames=10&width=64&height=64", "--engine", "none", "--ephemeral", "--keys", copy,
                 "--store", tmp_path / "s.sqlite")
    assert up.status == 0, up.errors()
    assert "10 outcomes out" in up.output()


def _counted(session, count):
    outcomes, event = session
    return outcomes, count, event


# MARK: - The authenticator


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in (
        "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base "
        "ds es fs gs").split()]


def end_thread(process, name):
    """Makes one thread of a process end in the midst of its work, as no program can provide for (ptrace)."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    tasks = [task for task in Path(f"/proc/{process}/task").iterdir() if (task / "comm").read_text().strip() == name]
    assert len(tasks) == 1, [(task / "comm").read_text() for task in Path(f"/proc/{process}/task").iterdir()]
    thread = int(tasks[0].name)
    registers = Registers()
    registers.orig_rax = not_in_a_call = 2**64 - 1
    while registers.orig_rax == not_in_a_call:  # it is caught at work now and then
        if libc.ptrace(16, thread, None, None) != 0:  # PTRACE_ATTACH
            pytest.skip("this system does not let a test stop a single thread (ptrace)")
        while not libc.waitpid(thread, None, 0x40000000) == thread:  # __WALL
            pass
        assert libc.ptrace(12, thread, None, ctypes.byref(registers)) == 0  # PTRACE_GETREGS
        if registers.orig_rax == not_in_a_call:
            assert libc.ptrace(17, thread, None, None) == 0  # PTRACE_DETACH
    # It waits in a system call; going two bytes back makes it enter another one: exit, of this thread alone.
    registers.rip -= 2
    registers.rax = registers.orig_rax = 60
    registers.orig_rax = not_in_a_call
    registers.rdi = 0
    assert libc.ptrace(13, thread, None, ctypes.byref(registers)) == 0  # PTRACE_SETREGS
    assert libc.ptrace(17, thread, None, None) == 0  # PTRACE_DETACH
    until(lambda: not tasks[0].exists(), "the thread is gone")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the registers are those of x86-64")
@pytest.mark.parametrize("stage, endpoint", [("ingest", "request"), ("infer", "frames"), ("sink", "acks")])
def test_a_stage_whose_authenticator_dies_stops_and_lets_nobody_in(keys, tmp_path, stage, endpoint):
    with Secured(tmp_path, keys) as pipeline:
        program = pipeline.stages[stage]
        end_thread(program.process.pid, "zap")
        with zmq.Context() as context, context.socket(KIND[endpoint]) as socket:
            socket.linger = 0
            socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
            socket.curve_serverkey = pipeline.server_key(endpoint)
            assert handshake(socket, pipeline.at[endpoint]) != "ready"
        assert program.end() == 70
        assert "authenticator" in program.errors()


# MARK: - What connections may cost


def descriptors(program):
    return len(list(Path(f"/proc/{program.process.pid}/fd").iterdir()))


def cpu(program):
    fields = Path(f"/proc/{program.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def resident(program):
    """Megabytes."""
    for line in Path(f"/proc/{program.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024


@contextlib.contextmanager
def dialled(endpoint, count):
    """Connections that say nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, count + 1000)), hard))
    connections = []
    try:
        for _ in range(count):
            connections.append(network.create_connection(address(endpoint), timeout=60))
        yield connections
    finally:
        for connection in connections:
            connection.close()


def open_count(connections):
    count = 0
    for connection in connections:
        connection.setblocking(False)
        try:
            while connection.recv(4096):
                pass
        except BlockingIOError:
            count += 1
        except ConnectionError:
            pass
    return count


@pytest.mark.parametrize("endpoint", ["request", "push", "frames", "outcomes", "results"])
def test_500_idle_connections(pipeline, beside, endpoint):
    program = pipeline.stages[STAGE[endpoint]]
    before = descriptors(program)
    with dialled(pipeline.at[endpoint], 500) as connections:
        # No more than the cap stay, and those only until the time for the handshake is up.
        until(lambda: open_count(connections) <= 256, "beyond the cap they are cut off")
        beside.results.of("cam1", len(beside.results.outcomes["cam1"]) + 20)
        # Somebody new is let in while they are there.
        with zmq.Context() as context, context.socket(KIND[endpoint]) as socket:
            socket.linger = 0
            owner = {"feeders": "cam2", "subscribers": "viewer"}.get(GROUP[endpoint], GROUP[endpoint])
            pipeline.introduce(socket, endpoint, owner)
            assert handshake(socket, pipeline.at[endpoint]) == "ready"
        until(lambda: open_count(connections) == 0, "the others have not said who they are in time")
        until(lambda: descriptors(program) <= before + 5, "their descriptors are free again")


def test_a_flood_of_idle_connections_with_few_descriptors(keys, tmp_path):
    """Even where the system gives a stage only 1,024 descriptors, they are not used up and no core spins."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Secured(tmp_path, keys) as pipeline:
        ingest = pipeline.stages["ingest"]
        resource.prlimit(ingest.process.pid, resource.RLIMIT_NOFILE, (1024, 1024))
        results = pipeline.results()
        beside = Beside(pipeline, results)
        with contextlib.ExitStack() as stack:
            for _ in range(4):
                for endpoint in ("push", "request", "preview"):
                    stack.enter_context(dialled(pipeline.at[endpoint], 300))
                results.of("cam1", len(results.outcomes["cam1"]) + 5)
                assert descriptors(ingest) < 1024
            beside.finish()
            # Nobody feeds any more and the strangers are gone: what is left is heartbeats.
            until(lambda: descriptors(ingest) < 100, "their descriptors are free again")
            used, since = cpu(ingest), time.monotonic()
            time.sleep(2)
            assert (cpu(ingest) - used) / (time.monotonic() - since) < 0.5, "a core spins"
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def unfinished(endpoint, size):
    """A peer without keys that begins a message and does not end it."""
    connection = network.create_connection(address(endpoint), timeout=60)
    connection.setsockopt(network.SOL_SOCKET, network.SO_SNDBUF, 2 * size)
    connection.setblocking(False)
    data = greeting("NULL") + ready(b"PUSH") + b"\3" + struct.pack(">Q", size) + bytes(size)
    return connection, memoryview(data)


@pytest.mark.parametrize("endpoint", ["push", "frames", "outcomes"])
def test_1000_unfinished_messages_stay_below_the_cap(start, endpoint):
    """500 MB in messages of which no last part comes; a receiver without limits holds all of it."""
    pipeline = start()
    results = pipeline.results()
    beside = Beside(pipeline, results)
    program = pipeline.stages[STAGE[endpoint]]
    before = resident(program)
    peak = 0
    peers = []
    try:
        for number in range(1000):
            peers.append(unfinished(pipeline.at[endpoint], 500_000))
            for index, (connection, data) in enumerate(peers):
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    while data:
                        data = data[connection.send(data):]
                peers[index] = (connection, data)
            peers = [(connection, data) for connection, data in peers if data] + \
                [(connection, data) for connection, data in peers if not data]
            if number % 20 == 0:
                peak = max(peak, resident(program))
                results.of("cam1", len(results.outcomes["cam1"]) + 1)
        peak = max(peak, resident(program))
        until(lambda: open_count([connection for connection, _ in peers]) <= 256, "beyond the cap they are cut off")
    finally:
        for connection, _ in peers:
            connection.close()
    print(f"{endpoint}: resident {before:.0f} MB before, {peak:.0f} MB at most")
    # 128 MB of unfinished messages is what SocketOptions declares; the rest is what a turn of the guard may add.
    assert peak - before < 192, f"{before:.0f} MB before, {peak:.0f} MB at most"
    beside.finish()


def test_one_message_without_end_stays_below_the_cap(start):
    """Part after part of one message: libzmq itself would take them for ever."""
    pipeline = start()
    results = pipeline.results()
    beside = Beside(pipeline, results)
    program = pipeline.stages["ingest"]
    before, peak, sent = resident(program), 0, 0
    connection, data = unfinished(pipeline.at["push"], 1_000_000)
    connection.setblocking(True)
    part = data[-1_000_009:]
    with contextlib.suppress(ConnectionError), connection:
        connection.sendall(data)
        while sent < 2000:
            connection.sendall(part)
            sent += 1
            peak = max(peak, resident(program))
    print(f"cut off after {sent} MB: resident {before:.0f} MB before, {peak:.0f} MB at most")
    assert sent < 2000, "two gigabytes were taken"
    assert peak - before < 320, f"{before:.0f} MB before, {peak:.0f} MB at most"
    beside.finish()
