// An operation with the client of graphql-sse. Tells what its sink is told; orders: complete, dispose.
// Options: url, token, query, variables, singleConnection, retries.

import { createClient } from 'graphql-sse';
import { described, obey, options, tell } from './telling.mjs';

const client = createClient({
  url: options.url,
  headers: options.token ? { Authorization: `Bearer ${options.token}` } : {},
  singleConnection: options.singleConnection ?? false,
  retryAttempts: options.retries ?? 0,
  retry: () => new Promise((resolve) => setTimeout(resolve, 100)),
});

const complete = client.subscribe(
  { query: options.query, variables: options.variables },
  {
    next: (answer) => tell('next', answer),
    error: (failure) => {
      tell('error', { ...described(failure), status: failure?.response?.status });
    },
    complete: () => tell('complete'),
  },
  { connecting: (reconnecting) => tell('connecting', { reconnecting }), connected: () => tell('connected') },
);
obey({ complete, dispose: () => client.dispose() });
