"""A service for pictures: `python examples/service.py [PORT]`, then

curl --data-binary @face.jpg http://127.0.0.1:8000
"""

import io
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image, UnidentifiedImageError

import emonets


class Faces(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 20_000_000))
        try:
            faces = emonets.look(Image.open(io.BytesIO(body)))
            status, answer = 200, json.dumps([face.to_dict() for face in faces])
        except (emonets.EmoNetsError, UnidentifiedImageError, OSError) as error:
            status, answer = 400, json.dumps({"error": str(error)})
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(answer.encode())


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    ThreadingHTTPServer(("127.0.0.1", port), Faces).serve_forever()
