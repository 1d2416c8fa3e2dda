// Clients that do not keep to graphql-transport-ws, each over a socket of its own.
// Options: url, token, query (a subscription that stays open). Result: scenario → { code, reason } of the close,
// { refused: status } of the handshake, or { open: true } where nobody minded.

import WebSocket from 'ws';
import { options, tell } from './telling.mjs';

const INIT = { type: 'connection_init', payload: { authorization: `Bearer ${options.token}` } };
const subscribe = (id, payload = { query: options.query }) => ({ type: 'subscribe', id, payload });

// What is sent at once, and what after connection_ack.
const SCENARIOS = {
  'no subprotocol': { protocol: [] },
  'no init': {},
  'two inits': { first: [INIT, INIT] },
  'subscribe before init': { first: [subscribe('1')] },
  'the same id twice': { first: [INIT], then: [subscribe('1'), subscribe('1')] },
  'the same long id twice': { first: [INIT], then: [subscribe('ä'.repeat(200)), subscribe('ä'.repeat(200))] },
  'not JSON': { first: ['{'] },
  'deep JSON': { first: ['['.repeat(100_000)] },
  'a list': { first: [[INIT]] },
  'a number': { first: [1] },
  'no type': { first: [{}] },
  'an unknown type': { first: [{ type: 'x'.repeat(1000) }] },
  'a type that is none': { first: [{ type: { x: 1 } }] },
  'bytes': { first: [Buffer.from(JSON.stringify(INIT))] },
  'init with a payload that is none': { first: [{ ...INIT, payload: 'x' }] },
  'an id that is none': { first: [INIT], then: [subscribe(1)] },
  'an endless id': { first: [INIT], then: [subscribe('x'.repeat(256))] },
  'no payload': { first: [INIT], then: [{ type: 'subscribe', id: '1' }] },
  'a payload that is none': { first: [INIT], then: [subscribe('1', 'x')] },
  'a query that is none': { first: [INIT], then: [subscribe('1', { query: { x: 1 } })] },
  'variables that are none': { first: [INIT], then: [subscribe('1', { query: options.query, variables: [1] })] },
  'complete without an id': { first: [INIT], then: [{ type: 'complete' }] },
  'a foreign page': { origin: 'https://evil.example' },
  'a page that says null': { origin: 'null' },
};

function closing({ protocol = 'graphql-transport-ws', origin, first = [], then = [] }) {
  return new Promise((resolve) => {
    const socket = new WebSocket(options.url, protocol, { origin });
    const send = (message) =>
      socket.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message));
    socket.on('open', () => first.forEach(send));
    socket.on('message', (data) => {
      if (JSON.parse(data).type === 'connection_ack') then.forEach(send);
    });
    socket.on('unexpected-response', (request, response) => {
      resolve({ refused: response.statusCode });
      request.destroy();
    });
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    socket.on('error', () => {});
    setTimeout(() => resolve({ open: true }), 10_000).unref();
  });
}

const names = Object.keys(SCENARIOS);
const results = await Promise.all(names.map((name) => closing(SCENARIOS[name])));
tell('result', { result: Object.fromEntries(names.map((name, index) => [name, results[index]])) });
