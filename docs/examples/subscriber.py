import json
import zmq

results = zmq.Context().socket(zmq.SUB)
results.connect("tcp://127.0.0.1:5571")
results.subscribe("pose/json/")
while True:
    topic, body = results.recv_multipart()
    outcome = json.loads(body)
    print(outcome["stream"], outcome["sequence"], outcome["drop"] or len(outcome["persons"]), flush=True)
