"""[download] fetches a file and compares its checksum."""

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from nvfair_tools.downloads.remote import Place, RemoteFile
from nvfair_tools.downloads.transfer import Transfer

content = bytes(range(256)) * 1000
Path("served").mkdir()
Path("served/clip.mp4").write_bytes(content)
server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory="served"))
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/clip.mp4"
remote = RemoteFile("clip.mp4", len(content), f"md5:{hashlib.md5(content).hexdigest()}", url)
with Transfer() as transfer:
    transfer.fetch(remote, Place(url), Path("part"), lambda there: None)
assert Path("part").read_bytes() == content
server.shutdown()
