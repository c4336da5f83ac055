"""What strangers, broken clients and slow readers do to a gateway: afterwards it serves as before, in bounded memory."""

import base64
import contextlib
import os
import socket
import struct
import time

import pytest
import requests
from gateways import Gateway
from images import tiny_jpeg
from pipeline import DEADLINE, until
from test_gateway import feed, settle

HEAD = "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture
def served(start):
    """A gateway with a viewer on it, and a check that both still work."""
    pipeline = start()
    with Gateway(pipeline, "--max-connections", "200", "--max-body", str(1 << 20)) as gateway:
        gateway.pipeline = pipeline
        until(lambda: gateway.http.get(gateway.url + "/readyz").ok, "the gateway reaches all stages")
        with gateway.live("?stream=witness&frames=1") as live:
            gateway.number = settle(gateway, live, "witness")
            before = gateway.resident()
            yield gateway
            fresh = requests.get(gateway.url + "/healthz", timeout=DEADLINE)
            assert (fresh.json()["status"], fresh.json()["live"]) == ("ok", True)
            count = len(live.outcomes)
            feed(pipeline, "witness", 20, first=gateway.number)
            live.wait(lambda live: len(live.outcomes) >= count + 20, "what is fed after the attack")
            assert gateway.resident() < before + (200 << 20)
            assert gateway.program.alive()


@contextlib.contextmanager
def connection(gateway, text=b""):
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=DEADLINE) as peer:
        peer.sendall(text.encode() if isinstance(text, str) else text)
        yield peer


def everything(peer):
    """What comes until the other side ends."""
    got = b""
    with contextlib.suppress(ConnectionError):
        while chunk := peer.recv(65536):
            got += chunk
    return got


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None


def open_socket(gateway, path="/v1/live", extra="", host="127.0.0.1"):
    """A WebSocket by hand: the socket, and the answer's head."""
    key = base64.b64encode(os.urandom(16)).decode()
    peer = socket.create_connection(("127.0.0.1", gateway.port), timeout=DEADLINE)
    peer.sendall(
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{extra}\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        chunk = peer.recv(1)
        if not chunk:
            break
        head += chunk
    return peer, head


def frame(opcode, data, fin=True, masked=True, rsv=0):
    size = len(data)
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit = 0x80 if masked else 0
    if size < 126:
        head += bytes([bit | size])
    elif size < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", size)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", size)
    return head + (b"\0\0\0\0" if masked else b"") + data


def close_code(peer):
    """The code with which the other side closes."""
    buffer = b""
    with contextlib.suppress(ConnectionError):
        while True:
            while len(buffer) >= 2:
                size, offset = buffer[1] & 0x7F, 2
                if size == 126:
                    if len(buffer) < 4:
                        break
                    size, offset = struct.unpack_from(">H", buffer, 2)[0], 4
                elif size == 127:
                    if len(buffer) < 10:
                        break
                    size, offset = struct.unpack_from(">Q", buffer, 2)[0], 10
                if len(buffer) < offset + size:
                    break
                if buffer[0] & 0xF == 8:
                    return struct.unpack_from(">H", buffer, offset)[0] if size >= 2 else None
                buffer = buffer[offset + size :]
            chunk = peer.recv(65536)
            if not chunk:
                return None
            buffer += chunk
    return None


def test_no_http(served):
    for text in (os.urandom(5000), b"\0" * 5000, b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01" + os.urandom(500),
                 b"SSH-2.0-x\r\n", b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
                 b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzzzz\r\n"):
        with connection(served, text) as peer:
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_WR)
            assert status_of(everything(peer)) in (400, 404, 405, 421, None)


def test_a_huge_header_is_refused(served):
    with connection(served, HEAD.format(path="/healthz") + "X-Long: " + "a" * 200_000 + "\r\n\r\n") as peer:
        assert status_of(everything(peer)) in (400, 431, None)
    with connection(served, HEAD.format(path="/healthz") + "".join(f"X-{n}: 1\r\n" for n in range(5000))) as peer:
        assert status_of(everything(peer)) in (400, 431, None)


def test_a_huge_body_is_refused_before_it_is_read(served):
    text = ("POST /v1/streams/x/frames HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\n"
            f"Content-Length: {200 << 20}\r\n\r\n")
    with connection(served, text) as peer:
        assert status_of(everything(peer)) == 413
    chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    with connection(served, text.replace(f"Content-Length: {200 << 20}", "Transfer-Encoding: chunked")) as peer:
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                peer.sendall(chunk)
        assert status_of(everything(peer)) in (413, None)


def test_slow_headers_do_not_keep_others_out(served):
    peers = []
    for _ in range(300):
        with contextlib.suppress(OSError):
            peer = socket.create_connection(("127.0.0.1", served.port), timeout=DEADLINE)
            peer.sendall(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
            peers.append(peer)
    # More than there may be: whoever comes properly is served all the same.
    assert requests.get(served.url + "/healthz", timeout=DEADLINE).ok
    for peer in peers:
        # The oldest were cut off for later ones, the others when their time was over.
        assert status_of(everything(peer)) in (408, None)
        peer.close()


def test_idle_connections_make_room(served):
    peers = [socket.create_connection(("127.0.0.1", served.port), timeout=DEADLINE) for _ in range(400)]
    assert requests.get(served.url + "/healthz", timeout=DEADLINE).ok
    for peer in peers:
        peer.close()


def test_slow_bodies_end(served):
    text = ("POST /v1/streams/x/frames HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\n"
            "Content-Length: 100000\r\n\r\n")
    with connection(served, text) as peer:
        peer.settimeout(0.2)
        end = time.monotonic() + DEADLINE
        answer = b""
        while time.monotonic() < end and not answer:
            try:
                peer.sendall(b"a")
                answer = peer.recv(1000)
                break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        assert status_of(answer) in (408, None)


def test_whoever_takes_no_answer_is_cut_off(served):
    with connection(served) as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with contextlib.suppress(OSError):
            peer.settimeout(1)
            for _ in range(20_000):
                peer.sendall((HEAD.format(path="/v1/openapi.json") + "\r\n").encode())
        assert served.resident() < 400 << 20


def test_deep_json_does_not_harm(served):
    for path in ("/pose/hybrid", "/pose/video"):
        answer = requests.post(
            served.url + path, data=b"[" * 500_000, headers={"Content-Type": "application/json"}, timeout=DEADLINE)
        assert 400 <= answer.status_code < 500
    peer, head = open_socket(served)
    assert status_of(head) == 101
    peer.sendall(frame(1, b'{"subscribe":' + b"[" * 4000))
    assert close_code(peer) == 1008
    peer.close()


@pytest.mark.parametrize("text, code", [
    (frame(1, b'{"frames":true}', masked=False), 1002),
    (frame(1, b"\xff\xfe"), 1007),
    (frame(2, b"binary"), 1003),
    (frame(3, b"?"), 1002),
    (frame(0, b"?"), 1002),
    (frame(1, b"?", rsv=4), 1002),
    (frame(9, b"a" * 126), 1002),
    (frame(9, b"a", fin=False), 1002),
    (frame(1, b"a" * 5000), 1009),
    (frame(1, b"a" * 3000, fin=False) + frame(0, b"a" * 3000), 1009),
    (frame(1, b"a", fin=False) + frame(1, b"a"), 1002),
    (frame(1, b"no wish"), 1008),
    (frame(1, b'{"frames":true}') * 60, 1008),
    (frame(9, b"") * 60, 1008),
    (frame(8, b"\x03\xe8bye"), 1000),
    (frame(8, b""), 1000),
    (frame(8, b"\x01"), 1002),
    (frame(8, b"\x03\xed"), 1002),
    (b"\x81\xff" + struct.pack(">Q", 1 << 62) + b"\0\0\0\0", 1009),
])
def test_what_rfc_6455_forbids_closes_with_its_code(served, text, code):
    peer, head = open_socket(served)
    assert status_of(head) == 101
    peer.sendall(text)
    assert close_code(peer) == code
    peer.close()


def test_a_ping_is_answered_and_fragments_are_joined(served):
    peer, head = open_socket(served, "/v1/live?stream=nothing")
    assert status_of(head) == 101
    peer.sendall(frame(1, b'{"fra', fin=False) + frame(9, b"hello") + frame(0, b'mes":true}'))
    got = b""
    while b"\x8a\x05hello" not in got:
        chunk = peer.recv(4096)
        assert chunk
        got += chunk
    peer.close()


def test_a_stalled_viewer_is_cut_off_and_nobody_else_notices(served):
    peer, head = open_socket(served, "/v1/live?frames=1")
    assert status_of(head) == 101
    picture = tiny_jpeg()
    large = picture[:2] + (b"\xff\xfe\xff\xff" + b"x" * 65533) * 3 + picture[2:]
    end = time.monotonic() + DEADLINE
    number = served.number

    def gone():
        # Read by nobody; the system still tells of its end.
        status = struct.unpack_from("B", peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104))[0]
        return status != 1

    while not gone() and time.monotonic() < end:
        feed(served.pipeline, "witness", 10, first=number, pictures=lambda _: large)
        number += 10
        time.sleep(0.1)
    served.number = number
    assert gone(), "the stalled viewer is still connected"
    peer.close()


def test_pages_from_elsewhere_are_kept_out(served):
    evil = {"Host": "evil.example"}
    assert requests.get(served.url + "/v1/status", headers=evil, timeout=DEADLINE).status_code == 421
    origin = {"Origin": "https://evil.example"}
    post = requests.post(served.url + "/v1/streams/x/frames", data=tiny_jpeg(), headers=origin, timeout=DEADLINE)
    assert post.status_code == 403
    get = requests.get(served.url + "/v1/status", headers=origin, timeout=DEADLINE)
    assert "Access-Control-Allow-Origin" not in get.headers
    for host, extra in (("127.0.0.1", "Origin: https://evil.example\r\n"), ("evil.example", "")):
        peer, head = open_socket(served, extra=extra, host=host)
        assert status_of(head) in (403, 421)
        peer.close()
    peer, head = open_socket(served, extra=f"Origin: {served.url}\r\n", host=f"127.0.0.1:{served.port}")
    assert status_of(head) == 101
    peer.close()


def test_paths_do_not_lead_out_of_the_folders(served):
    for path in ("/viewer/../../../../etc/passwd", "/viewer/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/viewer//etc/passwd",
                 "/three/..%2f..%2f..%2fetc/passwd", "/client/%00", "/viewer/\\..\\..\\x"):
        with connection(served, HEAD.format(path=path) + "Connection: close\r\n\r\n") as peer:
            answer = everything(peer)
            assert b"root:" not in answer and status_of(answer) in (400, 404)


def test_keys_and_allowed_origins(start, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("# for the yard\n0123456789abcdef0123\n")
    pipeline = start()
    with Gateway(pipeline, "--api-keys", keys, "--cors-origin", "https://club.example") as gateway:
        assert gateway.json("/healthz")["status"] == "ok"
        assert gateway.get("/viewer/")
        for path in ("/metrics", "/v1/status", "/v1/events", "/v1/live", "/v1/openapi.json"):
            assert "API key" in gateway.json(path, 401)["error"]
        assert gateway.json("/v1/status", headers={"Authorization": "Bearer 0123456789abcdef0123"})
        assert gateway.json("/v1/status?key=0123456789abcdef0123")
        assert gateway.json("/v1/status?key=0123456789abcdef0124", 401)
        peer, head = open_socket(gateway)
        assert status_of(head) == 401
        peer.close()
        peer, head = open_socket(gateway, "/v1/live?key=0123456789abcdef0123", "Origin: https://club.example\r\n")
        assert status_of(head) == 101
        peer.close()
        preflight = gateway.http.options(
            gateway.url + "/v1/streams/x/frames", timeout=DEADLINE,
            headers={"Origin": "https://club.example", "Access-Control-Request-Method": "POST"})
        assert preflight.status_code == 204
        assert preflight.headers["Access-Control-Allow-Origin"] == "https://club.example"
        refused = gateway.get("/v1/status", 401, headers={"Origin": "https://club.example"})
        assert refused.headers["Access-Control-Allow-Origin"] == "https://club.example"


def test_other_machines_only_with_keys_or_a_word(tmp_path):
    from pipeline import run

    program = run("posebus-gateway", "--bind-http", "0.0.0.0:0", folder=tmp_path)
    assert program.status == 64
    assert "--api-keys" in program.errors() and "--anyone-may-connect" in program.errors()
