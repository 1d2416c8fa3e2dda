// How the scripts speak to the test that started them: options in, events out, orders in.

import { createInterface } from 'node:readline';

export const options = JSON.parse(process.argv[2]);

export function tell(event, more = {}) {
  process.stdout.write(`${JSON.stringify({ event, ...more })}\n`);
}

// Calls the function that is named by each line of the test's orders.
export function obey(orders) {
  createInterface({ input: process.stdin }).on('line', (word) => orders[word]());
}

// What a failure looks like: a close of a WebSocket, errors of GraphQL, or an exception.
export function described(failure) {
  if (Array.isArray(failure)) return { errors: failure };
  if (typeof failure?.code === 'number') return { code: failure.code, reason: failure.reason };
  return { message: String(failure?.message ?? failure) };
}
