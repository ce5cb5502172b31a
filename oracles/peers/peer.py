"""Splits and combines with the PyPI package pyshamir: a JSON object a line in, one out."""

import json
import sys

from pyshamir import combine, split


def answer(request):
    if request["op"] == "split":
        secret = bytes.fromhex(request["secret"])
        shares = split(secret, request["shares"], request["threshold"])
        return {"shares": [bytes(share).hex() for share in shares]}
    shares = [bytearray.fromhex(share) for share in request["shares"]]
    return {"secret": bytes(combine(shares)).hex()}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
