/** Clients in Python that read no answer before they have sent everything, as urllib and requests do. */
import { spawn } from 'node:child_process';

/** Status 0 and the exception as body: there was no answer. */
export interface PythonAnswer {
  status: number;
  body: string;
}

const URLLIB = `
import json, sys, urllib.error, urllib.request
url, file, kind, key = sys.argv[1:]
headers = {"Authorization": "Token " + key, "Content-Type": kind}
request = urllib.request.Request(url, data=open(file, "rb").read(), headers=headers, method="POST")
try:
    with urllib.request.urlopen(request, timeout=60) as answer:
        print(json.dumps({"status": answer.status, "body": answer.read().decode()}))
except urllib.error.HTTPError as error:
    print(json.dumps({"status": error.code, "body": error.read().decode()}))
except Exception as error:
    print(json.dumps({"status": 0, "body": repr(error)}))
`;

/** Sends the file by urllib, which asks for its connection to be closed. */
export function uploadByUrllib(url: string, file: string, type: string, key: string): Promise<PythonAnswer> {
  return run(URLLIB, url, file, type, key);
}

const SOCKET = `
import json, socket, sys
host, port, head, size = sys.argv[1:]
try:
    connection = socket.create_connection((host, int(port)), timeout=60)
    connection.sendall(head.encode())
    left = int(size)
    while left > 0:
        part = b"x" * min(left, 65536)
        connection.sendall(part)
        left -= len(part)
    answer = b""
    while not answer.endswith(b"}"):
        part = connection.recv(65536)
        if part == b"":
            break
        answer += part
    head, body = answer.decode().split("\\r\\n\\r\\n", 1)
    if " 100 " in head:
        head, body = body.split("\\r\\n\\r\\n", 1)
    print(json.dumps({"status": int(head.split(" ")[1]), "body": body}))
except Exception as error:
    print(json.dumps({"status": 0, "body": repr(error)}))
`;

/** Sends the head and so many bytes behind it over a socket, then reads until the end of a JSON object. */
export function uploadBySocket(url: string, head: string, bytes: number): Promise<PythonAnswer> {
  const { hostname, port } = new URL(url);
  return run(SOCKET, hostname, port, head, String(bytes));
}

function run(program: string, ...words: string[]): Promise<PythonAnswer> {
  const child = spawn('python3', ['-c', program, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    child.once('error', () => reject(new Error('python3 is missing: install it to run this test.')));
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    child.once('close', () => resolve(JSON.parse(text)));
  });
}
