// A subscription with the client of graphql-ws. Tells everything that the client tells; orders: complete, dispose.
// Options: url, token, query, variables, keepAlive (ms between pings), retries.

import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { described, obey, options, tell } from './telling.mjs';

const client = createClient({
  url: options.url,
  webSocketImpl: WebSocket,
  connectionParams: options.token ? { Authorization: `Bearer ${options.token}` } : undefined,
  keepAlive: options.keepAlive ?? 0,
  retryAttempts: options.retries ?? 0,
  retryWait: () => new Promise((resolve) => setTimeout(resolve, 100)),
  shouldRetry: () => true,
  on: {
    connecting: (isRetry) => tell('connecting', { isRetry }),
    connected: (socket, payload, wasRetry) => tell('connected', { protocol: socket.protocol, wasRetry }),
    ping: (received) => tell('ping', { received }),
    pong: (received) => tell('pong', { received }),
    closed: (event) => tell('closed', described(event)),
  },
});

const complete = client.subscribe(
  { query: options.query, variables: options.variables },
  {
    next: (answer) => tell('next', answer),
    error: (failure) => tell('error', described(failure)),
    complete: () => tell('complete'),
  },
);
obey({ complete, dispose: () => client.dispose() });
