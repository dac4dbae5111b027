/** Runs curl as a user would. */
import { spawn } from 'node:child_process';

/** Sends an upload. @param words further options of curl @returns status and body; 0 when there was no answer */
export function uploadByCurl(
  url: string,
  key: string,
  ...words: string[]
): Promise<{ status: number; body: string }> {
  const options = ['-sS', '-w', '\n%{http_code}', '-H', `Authorization: Token ${key}`];
  const child = spawn('curl', [...options, ...words, url], { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    child.once('error', () => reject(new Error('curl is missing: install it to run this test.')));
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    child.once('close', () => {
      const [body = '', status] = text.split(/\n(?=\d+$)/);
      resolve({ status: Number(status), body });
    });
  });
}
