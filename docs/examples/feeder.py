import json
import sys
import zmq

ingest = zmq.Context().socket(zmq.REQ)
ingest.connect("tcp://127.0.0.1:5551")
for number, path in enumerate(sys.argv[1:]):
    header = json.dumps({"stream": "pictures", "frame": number})
    ingest.send_multipart([header.encode(), open(path, "rb").read()])
    print(path, ingest.recv_string())
