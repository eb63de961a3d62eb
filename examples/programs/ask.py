"""Asks a tandem node: python3 ask.py URL TOKEN METHOD PATH < BODY

Over https it knows the node by the fingerprint that stands behind the point of the token.
"""

import hashlib
import http.client
import json
import ssl
import sys
import urllib.parse


def ask(url, token, method, path, body=None):
    address = urllib.parse.urlsplit(url)
    if address.scheme == "https":
        context = ssl.create_default_context()
        fingerprint = token.partition(".")[2]
        if fingerprint:
            # The node's own certificate: nobody vouches for it, and nobody has to.
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(address.netloc, context=context, timeout=60)
        connection.connect()
        shown = hashlib.sha256(connection.sock.getpeercert(True)).hexdigest()
        if fingerprint and shown != fingerprint:
            raise SystemExit("this is not the node that the token is from")
    else:
        connection = http.client.HTTPConnection(address.netloc, timeout=60)
    headers = {
        "Authorization": "Bearer " + token,
        "Content-Type": "application/json",
        "Accept-Language": "fr",
    }
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    return answer.status, json.loads(text) if text else None


if __name__ == "__main__":
    url, token, method, path = sys.argv[1:]
    sent = sys.stdin.read()
    status, answer = ask(url, token, method, path, json.loads(sent) if sent.strip() else None)
    print(json.dumps({"status": status, "answer": answer}))
