"""Network cameras for the tests: they serve real protocols and speak to anybody who asks like a camera would."""

import base64
import contextlib
import http.server
import subprocess
import threading

# Runs under the system's Python, which alone sees Debian's GStreamer bindings.
RTSP_SERVER = """
import sys
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service("0")
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(f'( filesrc location="{sys.argv[1]}" ! qtdemux ! h264parse ! rtph264pay name=pay0 pt=96 )')
server.get_mount_points().add_factory("/camera", factory)
server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
"""
SYSTEM_PYTHON = "/usr/bin/python3"


def has_rtsp_server():
    """Whether Debian's gir1.2-gst-rtsp-server-1.0 is installed, which `deploy/setup --test` does."""
    check = "import gi; gi.require_version('GstRtspServer', '1.0')"
    with contextlib.suppress(OSError):
        return subprocess.run([SYSTEM_PYTHON, "-c", check], capture_output=True, timeout=60).returncode == 0
    return False


@contextlib.contextmanager
def rtsp_camera(clip):
    """Serves an H.264 video in real time; yields its address."""
    with subprocess.Popen([SYSTEM_PYTHON, "-c", RTSP_SERVER, str(clip)], stdout=subprocess.PIPE, text=True) as server:
        try:
            yield f"rtsp://127.0.0.1:{int(server.stdout.readline())}/camera"
        finally:
            server.kill()


@contextlib.contextmanager
def mjpeg_camera(frames, user=None):
    """Serves JPEGs as `multipart/x-mixed-replace`, as most network cameras do; yields its address.

    It serves its frames once, then hangs up. With `user` ("name:password") it wants basic authentication.
    """

    class Camera(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            wanted = user and "Basic " + base64.b64encode(user.encode()).decode()
            if wanted and self.headers.get("Authorization") != wanted:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                for frame in frames:
                    part = b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(frame), frame)
                    self.wfile.write(b"--frame\r\n" + part)
                self.wfile.write(b"--frame--\r\n")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/camera"
    finally:
        server.shutdown()
        server.server_close()
