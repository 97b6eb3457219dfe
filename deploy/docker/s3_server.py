"""An S3 server with one bucket, for the stack of docker-compose.yml: ``s3_server.py BUCKET PORT``.

It speaks the protocol and keeps everything in memory: good for trying, gone with its container.
Where results are to last, give the stack another server instead (README.md beside this).
"""

from __future__ import annotations

import signal
import sys
import threading

import boto3
from moto.server import ThreadedMotoServer


def serve(bucket: str, port: int) -> None:
    """Serve until told to end."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    server = ThreadedMotoServer(ip_address="0.0.0.0", port=port, verbose=False)
    server.start()
    # the server takes any credentials; these are for its own first request only
    boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="first",
        aws_secret_access_key="request",
    ).create_bucket(Bucket=bucket)
    print(f"s3://{bucket} is served on port {port}", flush=True)
    ended.wait()
    server.stop()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
